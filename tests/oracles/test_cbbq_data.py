"""Wrong, changed and damaged files of CBBQ are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.benchmarks import cbbq
from harness.errors import BadConfig, BadProbe, HarnessError
from tests.oracles.made_up import ALL, rows, written


def broken_path(tmp_path: Path) -> dict[str, str]:
    return {"path": str(tmp_path / "nowhere")}


def lone_half(tmp_path: Path) -> dict[str, str]:
    return {"path": str(written(tmp_path, rows("ambiguous"), []) / "age/ambiguous.csv")}


def twice(tmp_path: Path) -> dict[str, str]:
    return {"path": str(written(tmp_path, rows("ambiguous") + rows("ambiguous")[:1], ALL[-1:]))}


def polarity(tmp_path: Path) -> dict[str, str]:
    ambiguous = [row | {"question_polarity": "negative"} for row in rows("ambiguous")]
    return {"path": str(written(tmp_path, ambiguous, rows("disambiguous")))}


def label(tmp_path: Path) -> dict[str, str]:
    clear = [row | {"label": 2} for row in rows("disambiguous")]
    return {"path": str(written(tmp_path, rows("ambiguous"), clear))}


def changed(tmp_path: Path) -> dict[str, str]:
    place = written(tmp_path, rows("ambiguous"), rows("disambiguous"))
    (place / "age").rename(place / "gender")
    return {"path": str(place)}


def other_set(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "other.csv").write_text("sent_more,sent_less\na,b\n", "utf-8")
    return {"path": str(tmp_path / "other.csv")}


@pytest.mark.parametrize(
    ("given", "kind", "told"),
    [
        (broken_path, BadConfig, "is not there"),
        (lone_half, BadProbe, "no disambiguous item of age"),
        (twice, BadProbe, "there twice"),
        (polarity, BadProbe, "question_polarity is 'negative'"),
        (label, BadProbe, "label 2 in a context that is disambiguous"),
        (changed, BadProbe, "gender/ambiguous.csv was changed"),
        (other_set, BadProbe, "example_id, question_index"),
    ],
)
def test_wrong_data_are_refused(
    tmp_path: Path, given: Any, kind: type[HarnessError], told: str
) -> None:
    with pytest.raises(kind, match=told) as raised:
        cbbq.load(given(tmp_path))
    assert raised.value.where
    assert raised.value.fix
