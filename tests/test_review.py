"""docs/probe-review.md says what the readers noted."""

from tests import review


def test_the_page_is_made_of_what_the_readers_noted() -> None:
    assert (review.DOCS / "probe-review.md").read_text("utf-8") == review.page(review.read())


def test_no_share_is_larger_than_what_was_read() -> None:
    for r in review.read():
        assert 0 <= max(r["faulty_en"], r["faulty_zh"]) <= r["faulty"] <= r["read"]
        assert r["faulty"] <= r["faulty_en"] + r["faulty_zh"]
        assert all(n <= r["read"] for n in r["kinds"].values())


def test_a_share_has_its_exact_interval() -> None:
    rows = [{"read": 30, "faulty": 4}, {"read": 25, "faulty": 1}]
    assert review.counted(rows, "faulty") == "5 of 55: 9% [3%, 20%]"
