"""`python -m harness` and `art4`."""

import sys

from harness.cli import main

if __name__ == "__main__":
    sys.exit(main())
