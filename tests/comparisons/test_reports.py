"""Each report of a comparison: what it says, and in which order."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from harness.comparisons import html, junit, markdown, terminal
from harness.comparisons import json as report
from harness.records import Comparison, Trend
from tests.reports.test_html import LOADS, Page
from tests.sample_comparison import comparison, hostile

SCHEMA = Path(__file__).parents[2] / "docs" / "comparison.schema.json"
BARE = replace(comparison(), cells=(), flips=(), notes=(), baseline={}, candidate={})
EVERY = pytest.mark.parametrize(
    "told", [comparison(), hostile(), BARE], ids=["sample", "hostile", "bare"]
)


def written(module: Any, told: Comparison, folder: Path) -> str:
    (path,) = module.write(told, folder)
    text: str = path.read_text(encoding="utf-8")
    return text


def printed(told: Comparison, *, rich: bool = False, width: int = 130) -> str:
    out = io.StringIO()
    terminal.show(told, Console(file=out, width=width, force_terminal=rich))
    return out.getvalue()


@EVERY
def test_the_json_follows_the_published_schema(told: Comparison, tmp_path: Path) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    found = json.loads(written(report, told, tmp_path), parse_constant=pytest.fail)
    assert [e.message for e in Draft202012Validator(schema).iter_errors(found)] == []


def test_the_schema_refuses_an_invented_call_and_a_missing_number(tmp_path: Path) -> None:
    check = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    found = json.loads(written(report, comparison(), tmp_path))
    assert not check.is_valid({**found, "call": "BETTER"})
    del found["cells"][0]["tolerated"]
    assert not check.is_valid(found)


@EVERY
def test_the_page_holds_nothing_that_runs_or_asks(told: Comparison, tmp_path: Path) -> None:
    text = written(html, told, tmp_path)
    tags = Page(text).tags
    assert not {"script", "iframe", "object", "embed", "base", "form", "img", "audio"} & {
        tag for tag, _ in tags
    }
    for _, attributes in tags:
        assert not any(key.startswith("on") for key in attributes)
        assert not LOADS & attributes.keys()
        assert (attributes.get("href") or "data:,") == "data:,"
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert set(re.findall(r"url\(.{9}", style[1])) <= {"url(data:font"}
    assert "default-src 'none'" in text


def test_the_page_says_the_call_then_what_changed_then_the_numbers(tmp_path: Path) -> None:
    text = written(html, comparison(), tmp_path)
    body = text[text.index("<body>") :]
    places = [
        body.index(part)
        for part in (
            "release-1 → release-2",
            '<span class="call REGRESSION">',
            "12,400",
            "结论有变的比较",
            "+0.117",
            "s014",
            "<mark>",
            "sha256:77d2b54a1f3a9c0e",
        )
    ]
    assert places == sorted(places)
    assert body.count('<article class="pair">') == 6
    assert 'lang="zh">退步</span> <span lang="en">REGRESSION</span>' in body


def test_a_megabyte_is_cut_and_says_so(tmp_path: Path) -> None:
    text = written(html, hostile(), tmp_path)
    assert len(text) < 1_000_000
    assert "1,000,000" in text


def test_junit_has_a_case_for_each_gated_cell(tmp_path: Path) -> None:
    root = ET.fromstring(written(junit, comparison(), tmp_path).encode())
    assert root.attrib == {
        "name": "art4 compare", "tests": "4", "failures": "1", "errors": "1", "skipped": "1",
    }  # fmt: skip
    assert len(root.findall("testsuite/testcase")) == 4
    failure = root.find(".//failure")
    assert failure is not None
    assert "grew by +0.117" in failure.attrib["message"]
    assert "baseline −0.004 PASS, candidate −0.121 FAIL" in (failure.text or "")


@EVERY
def test_every_row_of_the_markdown_has_the_columns_of_its_head(
    told: Comparison, tmp_path: Path
) -> None:
    text = written(markdown, told, tmp_path)
    assert "REGRESSION" in text.splitlines()[2]
    for block in text.split("\n\n"):
        rows = [row.replace("\\|", "") for row in block.splitlines() if row.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1


def test_the_terminal_says_the_call_first_and_last(tmp_path: Path) -> None:
    lines = printed(comparison()).splitlines()
    assert lines[:2] == lines[-2:]
    assert "✗ REGRESSION 退步" in lines[0]
    assert "✓ PASS   ✗ FAIL" in "\n".join(lines)
    assert "[+0.062, +0.154]" in printed(comparison(), rich=True)


@EVERY
def test_no_escape_code_reaches_the_terminal(told: Comparison) -> None:
    assert "\x1b" not in printed(told)
    assert terminal.write(told, Path()) == []


def test_every_call_has_a_symbol_a_style_and_a_meaning_in_both_languages() -> None:
    from harness.words import SYMBOLS, WORDS

    for trend in Trend:
        assert trend in SYMBOLS
        assert trend in terminal.TRENDS
        assert {trend, f"{trend}_trend"} <= WORDS.keys()
