"""Every probe that lies in the folder keeps what the harness promises of it; no list to edit."""

import pytest

from harness import find, probes, prompts
from harness._lint import lint
from harness.records import Suite

FOUND = probes.names()


@pytest.mark.slow  # `make check` lints them too
@pytest.mark.parametrize("name", FOUND)
def test_it_loads_and_has_nothing_to_mend(name: str) -> None:
    assert [f for f in lint(probes.load(name)) if f.level == "error"] == []


@pytest.mark.parametrize("scenarios", [8, pytest.param(0, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FOUND)
def test_its_prompts_have_ids_of_their_own_and_hold_no_slot(name: str, scenarios: int) -> None:
    suite = Suite(name="all", probes=(), orders=2, scenarios=scenarios)
    found = list(prompts.expand([probes.load(name)], suite, seed=0))
    assert found
    assert len({p.id for p in found}) == len(found)
    for prompt in found:
        said = [m.content for m in prompt.messages] + [c.text for c in prompt.choices]
        assert not any("{" in text or "  " in text for text in said)


@pytest.mark.parametrize("name", FOUND)
def test_it_has_a_card(name: str) -> None:
    assert (find.data("probes") / name / "README.md").is_file()
