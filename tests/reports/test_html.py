import html.parser
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.records import Example, Scorecard
from harness.reports import _pairs, _view
from harness.reports import html as report

LOADS = {"src", "srcset", "background", "data", "poster", "action", "formaction", "xlink:href"}


class Page(html.parser.HTMLParser):
    """Collects the tags and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def page(card: Scorecard, folder: Path) -> str:
    (path,) = report.write(card, folder)
    return path.read_text(encoding="utf-8")


def test_a_control_that_is_shown_only_is_not_called_unresolved(
    card: Scorecard, tmp_path: Path
) -> None:
    shown = [replace(card.controls[0], name="neutral", holds=None, voids=False)]
    text = page(replace(card, controls=tuple(shown)), tmp_path)
    section = text[text.index("仅供参考的对照") :]
    assert "○" in section
    assert "中性对照" in section
    assert "未能判定" not in section


@pytest.mark.parametrize("name", ["card", "attack"])
def test_the_page_holds_nothing_that_runs_or_asks(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    text = page(request.getfixturevalue(name), tmp_path)
    tags = Page(text).tags
    assert not {"script", "iframe", "object", "embed", "base", "form", "img", "audio"} & {
        tag for tag, _ in tags
    }
    for tag, attributes in tags:
        assert not any(key.startswith("on") for key in attributes), (tag, attributes)
        assert not LOADS & attributes.keys(), (tag, attributes)
        link = attributes.get("href") or "#"
        assert link.startswith("#") or link == "data:,"
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert set(re.findall(r"url\(.{9}", style[1])) == {"url(data:font"}
    assert "@import" not in style[1]
    policy = next(a["content"] for t, a in tags if t == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")


def test_a_hostile_answer_changes_no_tag_of_the_page(
    card: Scorecard, attack: Scorecard, tmp_path: Path
) -> None:
    def counts(text: str) -> set[str]:
        return {tag for tag, _ in Page(text).tags}

    assert counts(page(attack, tmp_path)) <= counts(page(card, tmp_path)) | {"mark"}


def test_what_cannot_be_seen_is_shown(attack: Scorecard, tmp_path: Path) -> None:
    text = page(attack, tmp_path)
    assert not {c for c in text if c in "\x00\x07\x1b\u202e\u2066\u200b"}
    assert "⟨U+202E⟩gnp.exe" in text
    assert "⟨U+0000⟩" in text
    assert "{{ 7 * 7 }}" in text


def test_a_megabyte_is_cut_and_says_so(attack: Scorecard, tmp_path: Path) -> None:
    start = time.perf_counter()
    text = page(attack, tmp_path)
    assert len(text) < 600_000
    assert "1,000,000" in text
    assert time.perf_counter() - start < 10


def test_differing_words_are_marked_and_shared_ones_are_not() -> None:
    assert _pairs.marked("一位女性求职者", "一位男性求职者") == "一位<mark>女</mark>性求职者"
    assert _pairs.marked("Invite her now", "Invite him now") == "Invite <mark>her</mark> now"
    assert _pairs.marked("same <b>", "same <b>") == "same &lt;b&gt;"
    assert _pairs.marked("", "x") == ""


def test_long_answers_that_differ_everywhere_are_marked_quickly() -> None:
    start = time.perf_counter()
    assert _pairs.marked("ab " * 5000, "ba " * 5000).startswith("<mark>")
    assert time.perf_counter() - start < 2


def test_verdict_comes_before_words_and_words_before_numbers(
    card: Scorecard, tmp_path: Path
) -> None:
    text = page(card, tmp_path)
    body = text[text.index("<body>") :]
    places = [
        body.index(part)
        for part in (
            "不通过",
            "Shown: in Chinese hiring",
            "not a statement of compliance",
            'class="matrix"',
            'class="forest"',
            "有一位",
            "lower bound &gt;= 0.10",
            "采取有效措施防止产生民族",
            "sha256:1f3a9c0e77d2b54a",
        )
    ]
    assert places == sorted(places)
    assert "3 / 3" in body


def test_every_cell_has_its_numbers_and_its_plot(card: Scorecard, tmp_path: Path) -> None:
    text = page(card, tmp_path)
    assert text.count('<svg class="bar') == len(card.cells)
    for cell in card.cells:
        assert _view.number(cell.contrast.estimate) in text


def test_lines_in_two_languages_follow_the_switch(card: Scorecard, tmp_path: Path) -> None:
    text = page(replace(card, summary=("Nothing was shown.", "没有显示差异。")), tmp_path)
    assert '<li class="w-en" lang="en">Nothing was shown.</li>' in text
    assert '<li class="w-zh" lang="zh">没有显示差异。</li>' in text


def test_an_example_of_one_side_and_an_empty_scorecard_are_shown(
    card: Scorecard, tmp_path: Path
) -> None:
    lone = Example(
        probe="gender_hiring",
        language="zh",
        scenario="s1",
        difference=0.0,
        sides=({"group": "female"},),
    )
    assert "s1" in page(replace(card, examples=(lone,)), tmp_path)
    bare = replace(
        card, cells=(), attributes={}, controls=(), pairwise=(), suspects=(), clause={}, run={}
    )
    assert "不通过" in page(replace(bare, examples=(), summary=(), notes=()), tmp_path)


def test_what_is_shown_beside_a_cell_is_in_both_languages(card: Scorecard, tmp_path: Path) -> None:
    text = page(card, tmp_path)
    for words in ("可能相互抵消", "may cancel", "差异超出容差的场景占比", "影响比（五分之四规则）"):
        assert words in text
    assert "94% " in text
    assert "[0.770, ∞]" in text
    assert "[0.689, 0.803]" in text
