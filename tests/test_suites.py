"""Suites of our probes: each finds its probes, and what it asks is what its name says."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest

from harness import cli, find, probes, prompts
from harness.records import ATTRIBUTES, Suite

KNOWN = sorted(path.stem for path in (find.data("conf") / "suite").glob("[a-z]*.yaml"))


def suite(name: str) -> Suite:
    return cli.configured([f"suite={name}", "model=planted"]).suite


@pytest.fixture(autouse=True, scope="module")
def loaded_once() -> Iterator[None]:
    """Loads each probe once for all suites."""
    with pytest.MonkeyPatch.context() as patch:
        load = cache(probes._load)
        patch.setattr(probes, "_load", lambda folder, paths: load(folder, tuple(paths)))
        yield


OURS = [name for name in KNOWN if suite(name).probes]


@pytest.mark.parametrize("name", OURS)
def test_a_suite_finds_its_probes(name: str) -> None:
    one = suite(name)
    found = probes.select(one)
    assert next(prompts.expand(found, one, seed=0))
    if name in ATTRIBUTES:
        assert {p.attribute for p in found} - {"other"} == {name}


def test_there_is_one_for_each_attribute_and_language() -> None:
    assert {*ATTRIBUTES[:8], "zh", "en", "core", "full", "smoke"} <= set(OURS)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_language_is_asked_alone(language: str) -> None:
    one = replace(suite(language), scenarios=2)
    asked = prompts.expand(probes.select(one), one, seed=0)
    assert {p.language for p in asked} == {language}


def test_core_asks_what_decides() -> None:
    one = replace(suite("core"), scenarios=2)
    asked = list(prompts.expand(probes.select(one), one, seed=0))
    assert {p.format for p in asked} == {"decision", "ambiguous"}
    assert max(len(p.groups) for p in asked) <= 4


@pytest.mark.slow
def test_full_asks_every_probe_in_at_most_400_000_prompts() -> None:
    one = suite("full")
    found = probes.select(one)
    assert {p.name for p in found} == set(probes.names())
    assert sum(1 for _ in prompts.expand(found, one, seed=0)) <= 400_000
