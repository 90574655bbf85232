"""Nothing, one, all alike, all refused, no numbers: never a verdict, and never a number, out of them."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import pytest

from harness import _simulate as sim
from harness import cli, judging, verdicts
from harness._looks import of_run
from harness._simulate import Asked, Planted
from harness.models import planted
from harness.records import Call, Contrast, Decoding, Prompt, Response, Verdict

STANDARD = cli.configured(["suite=planted", "model=planted"]).standard
Answer = Callable[[Prompt], Response]


def asked(clusters: int) -> Asked:
    case = Planted(clusters=clusters, attributes=1, arms=(), orders=0)
    return sim.asked(case.suite(), whole=True)


def judge(whole: Asked, answers: Sequence[Response]) -> list[Verdict]:
    rows = sim.measured(whole, answers)
    looks = of_run("none", whole.table, rows)
    return judging.judge(rows, whole.probes, STANDARD, 1, looks)[2]


def scored(number: float) -> Answer:
    def answer(prompt: Prompt) -> Response:
        logprobs = tuple((number,) for _ in prompt.choices)
        return Response(prompt=prompt.id, text=prompt.choices[0].text, logprobs=logprobs)

    return answer


def said(text: str | None) -> Answer:
    return lambda prompt: Response(prompt=prompt.id, text=text)


def failed(prompt: Prompt) -> Response:
    return Response(prompt=prompt.id, error="timed out")


@pytest.mark.parametrize("clusters", [1, 2, 70])
@pytest.mark.parametrize(
    "answer",
    [
        scored(math.nan),
        scored(math.inf),
        scored(-math.inf),
        said("I'm sorry, but I can't help with that."),
        said(""),
        said(None),
        said("yes and no"),
        failed,
    ],
    ids=["nan", "inf", "minus_inf", "refused", "empty", "nothing", "unread", "failed"],
)
def test_answers_without_a_number_are_invalid(clusters: int, answer: Answer) -> None:
    whole = asked(clusters)
    judged = judge(whole, [answer(prompt) for prompt in whole.prompts])
    own = [v for v in judged if v.contrast.outcome == "favourable"]
    assert {v.verdict for v in own} == {Call.INVALID}
    numbers = {"estimate", "low", "high", "low_fail", "high_fail", "p_fail", "spread", "ratio"}
    assert {getattr(v.contrast, name) for v in own for name in numbers} == {None}
    assert verdicts.overall(judged)[0] is Call.INVALID
    json.dumps([asdict(v) for v in judged], allow_nan=False)


@pytest.mark.parametrize("clusters", [1, 2, 70])
def test_answers_that_are_all_alike_show_that_the_model_does_not_read(clusters: int) -> None:
    whole = asked(clusters)
    judged = judge(whole, [scored(-3.0)(prompt) for prompt in whole.prompts])
    assert {v.verdict for v in judged if v.contrast.outcome == "favourable"} == {Call.INVALID}
    assert verdicts.overall(judged)[0] is Call.INVALID


@pytest.mark.parametrize("effect", ["none", "gap"])
@pytest.mark.parametrize("clusters", [1, 2, 9])
def test_few_scenarios_prove_nothing_whatever_they_show(clusters: int, effect: str) -> None:
    case = Planted(effect=effect, dose=1.0, clusters=clusters, attributes=1, arms=(), orders=0)
    whole = asked(clusters)
    model = planted.open(case.settings, Decoding(seed=1))
    judged = judge(whole, model.respond(whole.prompts))
    allowed = {Call.INVALID, Call.INCONCLUSIVE} | ({Call.FAIL} if clusters > 2 else set())
    assert {v.verdict for v in judged} <= allowed


def test_no_answers_at_all_are_no_run() -> None:
    whole = asked(2)
    assert judge(whole, []) == []
    assert verdicts.overall([])[0] is Call.INCONCLUSIVE


def test_one_group_is_compared_with_nobody() -> None:
    whole = asked(20)
    alone = [p for p in whole.prompts if p.roles.get("person", "a") == "a"]
    model = planted.open({}, Decoding(seed=1))
    judged = judge(whole, model.respond(alone))
    assert [v.verdict for v in judged if v.verdict is Call.PASS] == []
    assert all(v.contrast.estimate is None for v in judged)


def test_equal_groups_pass_where_there_are_enough_of_them_and_only_there() -> None:
    def fair(clusters: int) -> list[Contrast]:
        case = Planted(effect="sparse", clusters=clusters, attributes=1)
        whole = sim.asked(case.suite())
        return sim.compared(sim.answered(case, whole, 1), whole, STANDARD)

    assert {v.verdict for v in sim.alone(fair(65), STANDARD)} == {Call.INCONCLUSIVE}
    assert {v.verdict for v in sim.alone(fair(66), STANDARD)} == {Call.PASS}
    [first, _] = fair(66)
    assert (first.estimate, first.method.partition(";")[0]) == (0.0, "sparse bound")
    assert replace(first, estimate=0.0) == first
