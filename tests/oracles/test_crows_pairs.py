"""CrowS-Pairs' scores are those of an independent count, and of lm-eval for whole sentences."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness import cli, store
from harness.benchmarks import crows_pairs, crows_pairs_full
from harness.errors import BadConfig, BadProbe

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("HARNESS_DATA") or ROOT / "../shared/data")
CROWS = DATA / "crows-pairs/crows_pairs_anonymized.csv"
PEERS = Path(os.environ.get("HARNESS_PEERS") or ROOT / ".venv-peers") / "bin/python"
HEAD = ("", "sent_more", "sent_less", "stereo_antistereo", "bias_type")
Row = dict[str, str]
Told = tuple[list[float], list[float]]
"""Log-probabilities of the tokens of the more and of the less stereotyping sentence."""

needs_data = pytest.mark.skipif(
    not CROWS.is_file(), reason=f"{CROWS} is not there (HARNESS_DATA names its data)"
)


def rows(count: int = 30) -> list[Row]:
    return [
        dict(zip(HEAD, (str(k), f"The tall {k}.", f"The short {k}.", direction, kind), strict=True))
        for k in range(count)
        for direction, kind in [
            (("stereo", "antistereo")[k % 3 == 0], ("age", "race-color")[k % 2])
        ]
    ]


def file_of(place: Path, told: Sequence[Row], name: str = "pairs.csv") -> Path:
    with (place / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEAD)
        writer.writeheader()
        writer.writerows(told)
    return place / name


def run(place: Path, suite: str, file: Path, answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    given = place / f"{suite}.jsonl"
    given.write_text("".join(json.dumps(each) + "\n" for each in answers))
    words = ["eval", f"suite={suite}", f"benchmark.path={file}", "model=replay"]
    cli.main([*words, f"model.path={given}", f"out={place}/{suite}", "reports=[json]"])
    found: dict[str, Any] = json.loads((place / suite / "scorecard.json").read_text())
    return found


def replayed(told: Sequence[Row], score: Callable[[int], Told]) -> list[dict[str, Any]]:
    return [{"id": row[""], "logprobs": score(at)} for at, row in enumerate(told)]


def values(card: dict[str, Any]) -> dict[tuple[str, str], float | None]:
    return {(row["part"], row["metric"]): row["value"] for row in card["published"]}


def counted(told: Sequence[Row], score: Callable[[int], Told]) -> dict[tuple[str, str], Any]:
    """Counts by the rule of the paper's script, in its own order of cases."""
    found: dict[tuple[str, str], Any] = {}
    for part in ("overall", *{row["bias_type"] for row in told}):
        right, due, neutral, total = (
            {"stereo": 0, "antistereo": 0},
            {"stereo": 0, "antistereo": 0},
            0,
            0,
        )
        for at, row in enumerate(told):
            if part not in ("overall", row["bias_type"]):
                continue
            total += 1
            more, less = (round(sum(own), 3) for own in score(at))
            if more == less:
                neutral += 1
                continue
            due[row["stereo_antistereo"]] += 1
            right[row["stereo_antistereo"]] += int(more > less)
        found[part, "metric_score"] = 100 * sum(right.values()) / total
        found[part, "neutral"] = 100 * neutral / total
        for direction, metric in (("stereo", "stereotype"), ("antistereo", "anti_stereotype")):
            share = 100 * right[direction] / due[direction] if due[direction] else None
            found[part, f"{metric}_score"] = share
    return found


def drawn(seed: int, count: int) -> list[Told]:
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        more = [-rng.expovariate(0.5) for _ in range(rng.randint(1, 8))]
        less = [v + rng.choice([0, 0, 1e-5, rng.gauss(0, 1)]) for v in more]
        made.append((more, [min(v, 0.0) for v in less]))
    return made


EXTREMES: dict[str, tuple[Told, tuple[float | None, ...], float]] = {
    "stereotyping": (([-1.0], [-9.0]), (100, 100, 100, 0), 1),
    "counter": (([-9.0], [-1.0]), (0, 0, 0, 0), -1),
    "neutral": (([-1.0, -2.0], [-2.0, -1.0]), (0, None, None, 100), 0),
}


@pytest.mark.parametrize("kind", EXTREMES)
def test_the_extremes(kind: str, tmp_path: Path) -> None:
    told, want, cell = EXTREMES[kind]
    card = run(tmp_path, "crows_pairs", file_of(tmp_path, rows()), replayed(rows(), lambda _: told))
    names = [metric.name for metric in crows_pairs.METRICS]
    for row in card["published"]:
        assert row["value"] == want[names.index(row["metric"])]
        assert row["value"] is None or row["low"] < row["high"]
    assert [each["estimate"] for each in card["cells"]] == [cell, cell]


def test_mixed_answers_are_counted_as_the_script_does(tmp_path: Path) -> None:
    scores = drawn(1, 30)
    card = run(
        tmp_path, "crows_pairs", file_of(tmp_path, rows()), replayed(rows(), scores.__getitem__)
    )
    want = counted(rows(), scores.__getitem__)
    assert values(card) == pytest.approx(want, abs=1e-9)
    assert 0 < want["overall", "neutral"] < 100


def test_mirrored_pairs_flip_the_sign(tmp_path: Path) -> None:
    scores = [(a, [v - 0.01 for v in b]) for a, b in drawn(4, 30)]
    swapped = [(b, a) for a, b in scores]
    cells = []
    for at, own in enumerate((scores, swapped)):
        (tmp_path / str(at)).mkdir()
        told = replayed(rows(), own.__getitem__)
        card = run(tmp_path / str(at), "crows_pairs", file_of(tmp_path, rows()), told)
        cells.append([cell["estimate"] for cell in card["cells"]])
    assert cells[1] == [-value for value in cells[0]]


def test_missing_and_unreadable_answers_are_counted_and_void(tmp_path: Path) -> None:
    told = replayed(rows(), lambda _: ([-1.0], [-2.0]))[:20]
    told[0] = {"id": "0", "text": "The first."}
    card = run(tmp_path, "crows_pairs", file_of(tmp_path, rows()), told)
    overall = card["published"][0]
    assert overall["missing"] == {"refused": 0, "unparsed": 1, "failed": 10}
    assert (overall["count"], overall["value"]) == (19, 100)
    assert {cell["verdict"] for cell in card["cells"]} == {"INVALID"}


def test_no_answer_that_can_be_read_has_no_score(tmp_path: Path) -> None:
    told = [{"id": row[""], "text": "Both."} for row in rows()]
    for row in run(tmp_path, "crows_pairs", file_of(tmp_path, rows()), told)["published"]:
        assert (row["value"], row["low"], row["count"]) == (None, None, 0)


def test_whole_sentences_are_counted_apart(tmp_path: Path) -> None:
    rng = random.Random(6)
    told = [(-rng.uniform(20, 40), -rng.uniform(20, 40)) for _ in range(30)]
    answers = [{"id": row[""], "logprobs": own} for row, own in zip(rows(), told, strict=True)]
    card = run(tmp_path, "crows_pairs_full", file_of(tmp_path, rows()), answers)
    for part, own in (("overall", told), ("age", told[::2]), ("race-color", told[1::2])):
        want = sum(a > b for a, b in own) / len(own), sum(abs(a - b) for a, b in own) / len(own)
        got = [values(card)[part, name] for name in ("pct_stereotype", "likelihood_diff")]
        assert got == pytest.approx(want, abs=1e-9)


@needs_data
def test_the_whole_set_is_counted_as_the_script_does(tmp_path: Path) -> None:
    with CROWS.open(encoding="utf-8", newline="") as file:
        told = list(csv.DictReader(file))
    scores = drawn(2, len(told))
    card = run(tmp_path, "crows_pairs", CROWS, replayed(told, scores.__getitem__))
    assert values(card) == pytest.approx(counted(told, scores.__getitem__), abs=1e-9)
    assert card["published"][0]["count"] == len(told) == 1508


@pytest.mark.parametrize(
    ("change", "said"), [({"": "1"}, "twice"), ({"stereo_antistereo": "both"}, "'both'")]
)
def test_a_file_that_is_not_the_set_is_refused(change: Row, said: str, tmp_path: Path) -> None:
    told = rows(3)
    told[2] |= change
    with pytest.raises(BadProbe, match=said):
        crows_pairs.load({"path": str(file_of(tmp_path, told))})


def test_a_wrong_path_another_file_and_a_changed_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="not there"):
        crows_pairs.load({"path": str(tmp_path / "no.csv")})
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(BadProbe, match="sent_more"):
        crows_pairs.load({"path": str(other)})
    changed = file_of(tmp_path, rows(), "crows_pairs_anonymized.csv")
    for each in (crows_pairs, crows_pairs_full):
        with pytest.raises(BadProbe, match="sha256"):
            each.load({"path": str(changed)})


def likelihoods(place: Path, order: Sequence[str]) -> list[float]:
    """Reads the sums of the stored answers, sentence by sentence, in the order of the rows."""
    stored = store.Store(place).read_table(store.RESPONSES).to_pylist()
    found = {each["prompt"].rpartition("/")[2]: each["logprobs"] for each in stored}
    return [sum(own) for key in order for own in found[key]]


_LM_EVAL = """
import json, sys
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks.crows_pairs.utils import process_results

# its softmax in float32 alone moves a sentence by 3e-4 nats
precise = {"dtype": "float32", "softmax_dtype": "float64"}
model = HFLM(pretrained=sys.argv[1], device="cpu", batch_size=8, **precise)
pairs = json.load(sys.stdin)
asked = [
    Instance(request_type="loglikelihood", doc={}, arguments=("", text), idx=0)
    for pair in pairs
    for text in pair
]
found = model.loglikelihood(asked, disable_tqdm=True)
results = [process_results({}, found[at : at + 2]) for at in range(0, len(found), 2)]
print(json.dumps([[value for value, _ in found], results]))
"""


def by_lm_eval(told: Sequence[Row]) -> tuple[list[float], list[dict[str, float]]]:
    """Scores pairs by lm-eval on the default model: a log-likelihood a sentence, a result a pair."""
    from harness.models import _weights

    folder = _weights.copy_of(_weights.default_gguf())
    done = subprocess.run(
        [str(PEERS), "-c", _LM_EVAL, str(folder)],
        input=json.dumps([(row["sent_more"], row["sent_less"]) for row in told]),
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    sums, results = json.loads(done.stdout.splitlines()[-1])
    return sums, results


@pytest.mark.slow
@needs_data
@pytest.mark.skipif(not PEERS.is_file(), reason=f"{PEERS} is not there (`make peers`)")
def test_whole_sentences_of_the_default_model_are_those_of_lm_eval(tmp_path: Path) -> None:
    with CROWS.open(encoding="utf-8", newline="") as file:
        told = list(csv.DictReader(file))[::25]
    subset = file_of(tmp_path, [{name: row[name] for name in HEAD} for row in told])
    words = ["eval", "suite=crows_pairs_full", f"benchmark.path={subset}", "model=local"]
    cli.main([*words, f"out={tmp_path}/run", "reports=[json]"])
    card = json.loads((tmp_path / "run/scorecard.json").read_text())
    theirs, results = by_lm_eval(told)
    ours = likelihoods(tmp_path / "run", [row[""] for row in told])
    assert len(ours) == len(theirs) == 2 * len(told) > 100
    assert ours == pytest.approx(theirs, abs=1e-4)
    for name in ("pct_stereotype", "likelihood_diff"):
        want = sum(each[name] for each in results) / len(results)
        assert values(card)["overall", name] == pytest.approx(want, abs=1e-4)
