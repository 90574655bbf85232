"""When garbage is collected during a run."""

import gc
from contextlib import suppress

from harness._garbage import settled


def test_a_run_leaves_the_collector_as_it_was() -> None:
    before = gc.get_threshold(), gc.get_freeze_count()
    with suppress(KeyError), settled():
        during = gc.get_threshold()[0], gc.get_freeze_count()
        raise KeyError
    assert during[0] > before[0][0]
    assert during[1] > before[1]
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
