"""inline: every window is asked in this process, one after the other."""

from harness.models._base import answer as answer
