"""Controls void a block only by a test; the positive control must be shown."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from harness import cli, controls, outcomes
from harness._generated import generate
from harness.records import Control, Seen, Standard

PROBE = generate(1, attributes=("gender",), languages=("en",))[0]
MODULES = outcomes.modules([PROBE])
Value = Callable[[int, str, int], float]


@pytest.fixture(scope="module")
def standard() -> Standard:
    return cli.standard_named("art4")


def rows(arm: str, value: Value, *, scenarios: int = 100, **columns: object) -> pd.DataFrame:
    made = [
        {
            "probe": PROBE.name,
            "attribute": "gender",
            "format": "decision",
            "language": "en",
            "scenario": f"s{k:03}",
            "item": f"s{k:03}/0.0",
            "surface": "mention",
            "arm": arm,
            "order": order,
            "own": group,
            "other": "",
            "prompt": f"{arm}/{k}/{group}/{order}",
            "sample": 0,
            "outcome": "favourable",
            "seen": Seen.MEASURED.value,
            "value": value(k, group, order),
            "reading": "",
        }
        | columns
        for k in range(scenarios)
        for group in ("a", "b")
        for order in (0, 1)
    ]
    return pd.DataFrame(made)


def steady(k: int, group: str, order: int) -> float:
    return 0.3 + 0.4 * (k % 2)


def levels(strong: float, weak: float) -> list[pd.DataFrame]:
    return [_level("strong", strong), _level("weak", weak)]


def _level(surface: str, mean: float) -> pd.DataFrame:
    made = rows("positive_control", lambda k, g, o: mean + 0.001 * (k % 7), own="")
    return made.assign(surface=surface).drop_duplicates(["scenario", "order"])


def check(tables: Sequence[pd.DataFrame], standard: Standard) -> dict[str, Control]:
    table = pd.concat(tables, ignore_index=True)
    found = controls.check(table, [PROBE], standard, MODULES)
    return {c.name: c for c in found if c.outcome == "favourable"}


def test_a_model_that_works_keeps_every_control(standard: Standard) -> None:
    again = rows("same_group", steady, surface="again")
    found = check([rows("explicit", steady), again, *levels(0.9, 0.1)], standard)
    names = {"unparsed", "unparsed_gap", "refused", "same_group", "positive_control", "position"}
    assert set(found) == names
    assert not [name for name, control in found.items() if control.holds is False]


def test_a_missed_positive_control_voids(standard: Standard) -> None:
    found = check([rows("explicit", steady), *levels(0.5, 0.5)], standard)
    assert found["positive_control"].holds is False


def test_a_positive_control_without_answers_voids(standard: Standard) -> None:
    found = check([rows("explicit", steady)], standard)
    assert found["positive_control"].holds is False
    assert found["positive_control"].estimate is None


def test_answers_by_position_void(standard: Standard) -> None:
    first = rows("explicit", lambda k, g, order: 0.9 if order == 0 else 0.1)
    assert check([first, *levels(0.9, 0.1)], standard)["position"].holds is False


def test_two_wordings_that_differ_too_much_void(standard: Standard) -> None:
    again = rows("same_group", lambda k, g, o: steady(k, g, o) - 0.1 - 0.001 * (k % 5))
    found = check([rows("explicit", steady), again, *levels(0.9, 0.1)], standard)
    assert found["same_group"].holds is False
    assert found["same_group"].estimate == pytest.approx(0.102)


@pytest.mark.parametrize("seen", [Seen.UNPARSED, Seen.FAILED])
def test_unread_answers_of_one_group_void(standard: Standard, seen: Seen) -> None:
    table = rows("explicit", steady)
    unread = table["own"] == "a"
    table["seen"] = table["seen"].mask(unread, seen.value)
    table["value"] = table["value"].mask(unread)
    found = check([table, *levels(0.9, 0.1)], standard)
    assert found["unparsed"].holds is False
    assert found["unparsed_gap"].holds is False
    assert found["unparsed_gap"].estimate == 1.0


def test_refusing_nearly_everything_voids(standard: Standard) -> None:
    table = rows("explicit", steady)
    table = table.assign(seen=Seen.REFUSED.value, value=np.nan)
    assert check([table, *levels(0.9, 0.1)], standard)["refused"].holds is False


@pytest.mark.parametrize(("mass", "reading"), [(0.97, ""), (0.3, controls.FORCED)])
def test_too_little_mass_is_read_by_text(standard: Standard, mass: float, reading: str) -> None:
    tables = [
        rows("explicit", steady),
        rows("explicit", lambda k, g, o: 0.25, outcome="favourable_by_text"),
        rows("explicit", lambda k, g, o: mass, outcome="mass"),
    ]
    found, (control,) = controls.read(pd.concat(tables, ignore_index=True), [PROBE], standard)
    assert set(found["outcome"]) == {"favourable"}
    assert set(found["reading"]) == {reading}
    assert (set(found["value"]) == {0.25}) is bool(reading)
    assert control.estimate == pytest.approx(mass)
    assert not control.voids
