import math
from pathlib import Path

import pytest

from harness import words
from harness.records import Scorecard
from harness.reports import _view
from tests.sample_scorecard import contrast


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "—"), (math.nan, "—"), (math.inf, "—"), (-0.0, "0.000"), (-0.0301, "−0.030")],
)
def test_a_number_that_nobody_knows_is_a_dash(value: float | None, shown: str) -> None:
    assert _view.number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "—"), (math.nan, "—"), (0.0, "0%"), (1, "100%")]
)
def test_a_share_that_nobody_knows_is_a_dash(value: float | None, shown: str) -> None:
    assert _view.share(value) == shown


def test_the_matrix_shows_the_worst_gated_verdict(card: Scorecard) -> None:
    found = _view.matrix(card)
    assert found["gender", "decision", "zh"] == ("FAIL", 1, 1)
    assert found["gender", "decision", "en"] == ("PASS", 1, 1)
    assert found["other", "pair", "en"] == ("shown_only", 0, 0)


def test_a_contrast_without_a_margin_is_not_drawn() -> None:
    assert _view.scaled(contrast(margin=math.nan), 0.1) is None
    assert _view.scaled(contrast(margin=0.0), 0.1) is None
    assert _view.scaled(contrast(), 0.1) == pytest.approx(2)


def test_attributes_stand_in_the_order_of_the_article(card: Scorecard) -> None:
    assert _view.names(card)[:2] == ["ethnicity", "belief"]
    assert _view.names(card)[-1] == "other"


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(OSError, match="there"):
        _view.save(tmp_path / "there", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_every_word_is_in_both_languages() -> None:
    assert all(zh and en for zh, en in words.WORDS.values())
    assert all(any("\u4e00" <= c <= "\u9fff" for c in zh) for zh, _ in words.WORDS.values())
    assert words.both("unknown_term") == "unknown_term"
