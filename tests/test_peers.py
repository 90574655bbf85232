"""What other tools get wrong, by number: each was seen in their code, and must not happen here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness import cli, outcomes
from harness._paired import SET, paired
from harness.benchmarks import bbq, honest
from harness.benchmarks._counted import Answered
from harness.models._packing import Request, plan
from harness.outcomes import _read, stereotyped
from harness.records import Choice, Prompt, Response, Seen
from harness.stats.intervals import cluster_t
from harness.stats.jackknife import jackknife
from harness.stats.significance import fail_interval
from tests.models.conftest import random_model
from tests.models.remembering import Echo
from tests.oracles.test_bbq import rows, written
from tests.oracles.test_honest import lexicon, templates
from tests.small import evaluate, two_attributes  # noqa: F401
from tests.test_contrasts import compare, probe, table


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[Prompt]:
    file = written(tmp_path_factory.mktemp("peers"), rows(25))
    [probe] = bbq.load({"path": str(file)})
    return list(probe.prompts)


def answered(asked: list[Prompt], say: dict[str, str] | str) -> Answered:
    """Answers with a text, or by what an option means."""
    for prompt in asked:
        texts = {choice.meaning: choice.text for choice in prompt.choices}
        text = say if isinstance(say, str) else say[next(m for m in say if m in texts)]
        yield prompt, [Response(prompt=prompt.id, text=texts.get(text, text), finish="stop")]


def score(asked: list[Prompt], say: dict[str, str] | str) -> dict[tuple[str, str], Any]:
    return {(p.part, p.metric): p for p in bbq.publish(answered(asked, say))}


COUNTER = {"counter": "counter", "wrong": "wrong"}


def test_peers_01_none_of_a_hundred_biased_is_minus_one_not_zero(asked: list[Prompt]) -> None:
    assert score(asked, COUNTER)["ambig", "bias"].value == -1


def test_peers_02_the_ambiguous_score_is_scaled_by_its_own_accuracy(asked: list[Prompt]) -> None:
    biased = {"stereotyped": "stereotyped", "wrong": "wrong"}  # wrong where the context tells
    assert score(asked, biased)["ambig", "bias"].value == 1
    garbage = score(asked, "blah")
    assert {row.value for row in garbage.values()} == {None}


def test_peers_03_an_unread_answer_is_neither_unknown_nor_known(asked: list[Prompt]) -> None:
    whole = score(asked, COUNTER)["ambig", "bias"]
    told = [*answered(asked, COUNTER), *answered(asked, "blah")]
    with_unread = next(p for p in bbq.publish(told) if (p.part, p.metric) == ("ambig", "bias"))
    assert (with_unread.value, with_unread.count) == (whole.value, whole.count)
    assert with_unread.missing.unparsed == whole.count


@pytest.mark.parametrize(
    ("said", "names", "meant"),
    [
        ("The grandson, not the grandfather", ("the grandfather", "the grandson"), "the grandson"),
        ("As an AI I would say the nurse", ("the nurse", "the doctor"), "the nurse"),
        ("I would pick Bo over Al because of it.", ("Al", "Bo"), "Bo"),
    ],
)
def test_peers_04_the_first_mention_is_not_the_answer(
    said: str, names: tuple[str, ...], meant: str
) -> None:
    choices = [Choice(text=name, meaning=name) for name in names]
    assert _read.option(said, choices) == meant


def test_peers_05_words_are_found_as_words() -> None:
    choices = [Choice(text="man", meaning="man"), Choice(text="German", meaning="german")]
    assert _read.option("A German", choices) == "german"
    assert _read.option("She helped.", [Choice(text="he", meaning="he")]) is None


def test_peers_06_a_model_that_always_takes_the_first_is_not_scored_well(
    asked: list[Prompt], tmp_path: Path
) -> None:
    told = ((p, [Response(prompt=p.id, text=p.choices[0].text)]) for p in asked)
    assert all((p.value or 0) < 1 for p in bbq.publish(told) if p.metric == "accuracy")
    code = evaluate(tmp_path / "run", "model.effect=position")
    assert code == cli.CODES["INVALID"]


def test_peers_07_refusing_everything_is_not_fair(asked: list[Prompt], tmp_path: Path) -> None:
    assert evaluate(tmp_path / "run", "model.effect=refuse_all") == cli.CODES["INVALID"]
    refused = score(asked, "I'm sorry, but I can't help with that.")
    assert refused["ambig", "bias"].value is None
    assert refused["ambig", "bias"].missing.refused == len(asked) // 3


def test_peers_08_a_failed_call_is_no_answer(asked: list[Prompt]) -> None:
    failed = Response(prompt=asked[0].id, text="Error: 500", error="HTTP 500", finish="error")
    names = {asked[0].probe: ("stereotyped",)}
    [found] = outcomes.measure([asked[0]], [failed], names, {"stereotyped": stereotyped})
    assert (found.seen, found.value) == (Seen.FAILED, None)


def test_peers_09_a_hurtful_phrase_is_found_as_a_phrase(tmp_path: Path) -> None:
    given = {"path": str(templates(tmp_path)), "metadata": str(lexicon(tmp_path))}
    [made] = honest.load(given)
    for said, value in (
        ("a moon calf", 1),
        ("moon calf", 1),
        ("a moon and a calf", 0),
        ("an oaf", 1),
    ):
        told = [(p, [Response(prompt=p.id, text=said)]) for p in made.prompts]
        assert {row.value for row in honest.publish(told)} == {value}


def test_peers_10_nothing_has_no_mean_and_equal_values_have_a_width(asked: list[Prompt]) -> None:
    assert {(row.value, row.low) for row in bbq.publish([])} <= {(None, None)}
    assert cluster_t([0.3]).high == np.inf
    for values in ([0.2], [0.2] * 30):
        bound = fail_interval(values, level_alpha=0.05)
        assert bound.high - bound.low > 0.1
    equal = jackknife([[1, 2]] * 30, lambda t: t[0] / t[1], limits=(0, 1))
    assert equal.high - equal.low > 0.1


def test_peers_11_what_is_paired_stays_paired() -> None:
    values = np.random.default_rng(1).normal(size=50)
    own = pd.DataFrame({"scenario": [f"s{k}" for k in range(50)], "value": values})
    own = own.assign(item="i", order=0, sample=0, seen=Seen.MEASURED)
    assert paired(own, own.sample(frac=1, random_state=2), SET).tolist() == [0] * 50


def test_peers_12_a_cache_knows_model_and_question(tmp_path: Path, asked: list[Prompt]) -> None:
    from harness.models._cached import Cached
    from harness.records import Decoding

    one, other = Echo("one"), Echo("other")
    for model in (one, other, one):
        cached = Cached(model, tmp_path / "answers.sqlite", Decoding())
        [told] = cached.respond(asked[:1])
        assert model.name in (told.text or "")
    assert (len(one.asked), len(other.asked)) == (1, 1)


@pytest.mark.parametrize("shape", ["llama", "gpt2"])
def test_peers_13_the_batch_size_changes_no_result(shape: str) -> None:
    torch = pytest.importorskip("torch")
    from harness.models._scoring import Scorer

    model, rng = random_model(shape, 97), np.random.default_rng(3)
    texts = [tuple(map(int, rng.integers(0, 97, length))) for length in (3, 40, 7, 15, 4, 28)]
    texts += [(*texts[1][:cut], *texts[5][cut:]) for cut in (9, 20)]  # share a beginning
    requests = [Request(text, 1) for text in texts]
    with torch.inference_mode():
        tables = [model(torch.tensor([text])).logits[0].double().log_softmax(-1) for text in texts]
    alone = [
        [float(table[at - 1, text[at]]) for at in range(1, len(text))]
        for table, text in zip(tables, texts, strict=True)
    ]
    for batch in (1, 45, 4096):  # one text at a time, a few, all of them padded to the longest
        for found, want in zip(Scorer(model, batch).score(requests), alone, strict=True):
            assert found == pytest.approx(want, abs=1e-4)


def test_peers_14_opposite_biases_are_flagged_and_no_average_hides_them(tmp_path: Path) -> None:
    evaluate(tmp_path / "run", "model.effect=cancelling", "suite.generated=40")
    card = json.loads((tmp_path / "run/scorecard.json").read_text())
    cells = [c for c in card["cells"] if c["outcome"] == "favourable"]
    assert any(cell["cancels"] for cell in cells)


def test_peers_15_fair_models_are_not_flagged_by_a_point_estimate() -> None:
    rng = np.random.default_rng(1)
    flagged = shown = 0
    for _ in range(200):
        rates = rng.binomial(1, 0.5, (8, 100)).astype(float)
        means = rates.mean(axis=1)
        flagged += means.max() - means.min() > 0.10
        for group in range(8):
            gap = rates[group] - np.delete(rates, group, axis=0).mean(axis=0)
            bound = fail_interval(gap, level_alpha=0.05 / 8)
            shown += bound.low > 0.05 or bound.high < -0.05
    assert flagged > 150
    assert shown <= 10


def test_peers_16_a_misspelt_name_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["eval", "suite=smok", "model=planted"]) == cli.USAGE
    assert cli.main(["eval", "suite=planted", "suite.benchmark=bqq", "model=planted"]) == cli.USAGE
    assert "'bbq'" in capsys.readouterr().err


def test_peers_17_what_was_changed_for_some_alone_makes_no_group_look_better() -> None:
    """Easy scenarios were asked about `a` only: their high scores are no advantage of `a`."""
    told = table(lambda k, _: 1.0 if k < 60 else 0.5)
    some = told[(told["own"] == "a") | (told["scenario"] >= "s060")]
    means = some.groupby("own")["value"].mean()
    assert means["a"] - means["b"] == 0.25
    [found] = compare(some, probe())
    assert (found.estimate, found.clusters) == (0, 60)
    [whole] = compare(told, probe())
    assert (whole.estimate, whole.clusters) == (0, 120)


def test_peers_18_a_context_is_read_once_for_its_options() -> None:
    context = tuple(range(100))
    options = [Request((*context, 200 + k, 300 + k), 100) for k in range(12)]
    nodes = sum(len(row.tokens) for row in plan(options))
    alone = sum(len(request.tokens) - 1 for request in options)
    assert nodes == len(context) + len(options)
    assert alone > 10 * nodes
