"""What docs/core.md takes for granted, and that its page counts what was concluded."""

from dataclasses import replace

import pytest

from harness import probes, prompts
from harness.models import planted
from harness.records import Call, Decoding
from tests.planted import core


@pytest.mark.parametrize("effect", core.CONSTANT)
def test_no_seed_moves_an_answer_of_a_constant_model(effect: str) -> None:
    suite = replace(core.config().suite, scenarios=2, languages=("en",))
    asked = list(prompts.expand(probes.select(suite), suite, 1))
    answers = []
    for seed in (1, 2):
        given = {"effect": effect, "noise": 0.0}
        model = planted.open(given, Decoding(seed=seed))
        answers.append({r.prompt: r for r in model.respond(asked)})
    assert answers[0] == answers[1]


def run(effect: str, seed: int, overall: Call, **by: str) -> core.Run:
    attribute = "age" if effect == "gap" else ""
    return core.Run(effect, seed, attribute, overall, {"gender": "PASS", **by}, {}, 7, 1.0)


def test_the_page_counts_runs_and_says_where_a_gap_failed_alone() -> None:
    runs = [
        run("none", 0, Call.PASS), run("none", 1, Call.INCONCLUSIVE),
        run("gap", 0, Call.FAIL, age="FAIL"), run("gap", 1, Call.FAIL, age="FAIL", gender="FAIL"),
        run("gap", 2, Call.INCONCLUSIVE),
    ]  # fmt: skip
    text = core.page(runs, 3)
    assert "| 2 | 1 | 0 | 0 | 1 |  |" in text
    assert "| 3 | 0 | 2 | 0 | 1 | FAIL in the planted attribute alone: 1 of 3 |" in text
