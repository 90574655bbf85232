"""What every backend owes: one response for each prompt, in order, from the prompt alone."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness import prompts
from harness._generated import generate
from harness.errors import BadModel
from harness.models import _cached, planted, replay
from harness.models._base import Model, answer, opened
from harness.outcomes import favourable
from harness.records import Ask, Decoding, Prompt, Response, Suite

ASKED = list(prompts.expand(generate(4, negative=True), Suite(name="s", probes=()), seed=1))


@pytest.fixture(params=["planted", "replay", "cached"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Model:
    """A backend that answers all that is asked here, or what stands before one."""
    made = planted.open({}, Decoding())
    if request.param == "cached":
        return _cached.Cached(made, tmp_path / "answers.sqlite", Decoding())
    if request.param == "replay":
        rows = [{**asdict(r), "id": r.prompt} for r in made.respond(ASKED)]
        (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return replay.open({"path": str(tmp_path / "a.jsonl")}, Decoding())
    return made


def test_there_is_one_response_for_each_prompt_in_order(model: Model) -> None:
    assert [r.prompt for r in model.respond(ASKED)] == [p.id for p in ASKED]
    assert model.respond([]) == []


def test_an_answer_depends_on_its_prompt_alone(model: Model) -> None:
    there, back = model.respond(ASKED), model.respond(ASKED[::-1])[::-1]
    assert there == back
    assert model.respond(ASKED[3:4]) == there[3:4]


def test_the_provenance_has_a_name_and_a_fingerprint_and_is_json(model: Model) -> None:
    told = model.describe()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert isinstance(told["name"], str)
    assert len(told["fingerprint"]) == 64


def test_the_order_of_prompts_does_not_matter() -> None:
    for effect in planted.EFFECTS:
        made = planted.open({"effect": effect}, Decoding())
        there, back = made.respond(ASKED), made.respond(ASKED[::-1])[::-1]
        assert there == back, effect


def test_the_planted_model_answers_plain_questions_rightly_whatever_the_group() -> None:
    plain = [p for p in ASKED if p.arm == "negative_control" and p.attribute == "gender"]
    for effect in ("none", "gap", "reversed", "interaction", "cancelling", "sparse"):
        model = planted.open({"effect": effect, "dose": 0.5}, Decoding())
        right = [favourable.measure(p, r) for p, r in zip(plain, model.respond(plain), strict=True)]
        assert all(value == pytest.approx(0.9, abs=0.08) for value in right), effect
    yes = planted.open({"effect": "yes"}, Decoding()).respond(plain)
    read = {round(float(favourable.measure(p, r)), 9) for p, r in zip(plain, yes, strict=True)}
    assert read == {0.05, 0.95}


def test_another_seed_or_effect_is_another_fingerprint() -> None:
    prints = {
        planted.open({"effect": effect}, Decoding(seed=seed)).describe()["fingerprint"]
        for effect in ("none", "gap")
        for seed in (1, 2)
    }
    assert len(prints) == 4


class Bare:
    """A model that somebody wrote, with what is given it."""

    abilities = frozenset({Ask.CHOOSE})

    def __init__(self, **told: str) -> None:
        self.told, self.given = told, list[Response]()

    def describe(self) -> dict[str, str]:
        return self.told

    def respond(self, prompts: Sequence[Prompt]) -> list[Response]:
        return self.given


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (None, r"offers no open\(settings, decoding\)"),
        (lambda *_: object(), "offers no abilities, no describe, no respond"),
        (lambda *_: Bare(name="short"), r"offers no 'fingerprint' in describe\(\)"),
    ],
)
def test_a_backend_that_lacks_something_is_told_what_before_anything_is_asked(
    made: object, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = SimpleNamespace(**({"open": made} if made else {}))
    monkeypatch.setitem(sys.modules, "somebodys", SimpleNamespace(backend=backend))
    with pytest.raises(BadModel, match=told):
        opened("somebodys.backend", {}, Decoding())


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (lambda given: given[:-1], "2 responses, to others"),
        (lambda given: given[::-1], "another order"),
        (lambda given: [*given[:-1], replace(given[-1], logprobs=((-1.0,),))], "given 1 scores"),
    ],
)
def test_responses_to_something_else_are_refused(
    changed: Callable[[list[Response]], list[Response]], told: str
) -> None:
    asked, kept = ASKED[:3], list[Response]()
    model = Bare(name="short", fingerprint="1")
    model.given = changed(planted.open({}, Decoding()).respond(asked))
    with pytest.raises(BadModel, match=told):
        answer(model, [(0, lambda: asked)], lambda _, given: kept.extend(given))
    assert kept == []
