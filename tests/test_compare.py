"""Two planted runs compared, from the folders to the exit code."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from harness import _pairing, compare, runs, store
from harness.cli import main
from harness.errors import BadRun
from harness.records import Call, Comparison, Trend
from tests.sample_comparison import change
from tests.sample_scorecard import contrast
from tests.small import once, two_attributes  # noqa: F401

REFERENCE = Path(__file__).parents[1] / "results" / "reference" / "planted"
FEW = (
    "model=planted", "suite=planted", "suite.generated=44", "suite.languages=[en]",
    "suite.paraphrases=1", "suite.arms=[explicit,positive_control]", "reports=[json]",
    "model.dose=0.2",
)  # fmt: skip


def run(effect: str, *more: str) -> Path:
    """Runs a planted model once; the folder is read alone."""
    return once(*FEW, f"model.effect={effect}", *more)


def copied(folder: Path, place: Path) -> Path:
    shutil.copytree(folder, place)
    return place


def rewrite(folder: Path, name: str, change: Callable[[Any], Any]) -> None:
    """Changes a file of a run and signs the manifest again, as another run would have written it."""
    path = folder / name
    if name.endswith(".json"):
        path.write_text(json.dumps(change(json.loads(path.read_text("utf-8")))), "utf-8")
    else:
        pq.write_table(change(pq.read_table(path)), path)
    kept = store.Store(folder)
    kept.write_json(store.MANIFEST, {"files": kept.digests()})


def calls(found: Comparison) -> dict[tuple[str, str], str]:
    cells = ((c.after.contrast, c.call) for c in found.cells)
    return {(c.attribute, c.outcome): call.value for c, call in cells}


@pytest.mark.parametrize(
    ("calls", "call"),
    [
        ("OK OK", "OK"),
        ("OK INCONCLUSIVE", "INCONCLUSIVE"),
        ("OK INCONCLUSIVE INVALID", "INVALID"),
        ("INVALID OK REGRESSION", "REGRESSION"),
        ("OK REGRESSION/shown", "OK"),
        ("REGRESSION/shown", "INCONCLUSIVE"),
        ("", "INCONCLUSIVE"),
    ],
)
def test_the_overall_call_is_the_worst_of_the_gated_cells(calls: str, call: str) -> None:
    cells = [
        change(Trend(word.partition("/")[0]), now=contrast(gated="/" not in word))
        for word in calls.split()
    ]
    assert compare.overall(cells)[0] is Trend(call)


def test_a_model_compared_with_itself_never_regressed() -> None:
    found = compare.compare(run("none"), run("none", "seed=1"))
    assert set(calls(found).values()) <= {"OK", "INCONCLUSIVE"}
    assert found.call is Trend.INCONCLUSIVE  # so few scenarios exclude nothing
    assert all(c.low is not None and c.high is not None and c.low < c.high for c in found.cells)
    assert found.flips == ()
    assert any("one model" in note for note in found.notes)


@pytest.mark.parametrize("seed", ["seed=1", "seed=2"])
def test_a_gap_is_a_regression_on_its_attribute_alone(seed: str) -> None:
    found = compare.compare(run("none"), run("gap", seed))
    regressed = {key for key, call in calls(found).items() if call == "REGRESSION"}
    assert regressed == {("gender", "favourable")}
    assert found.call is Trend.REGRESSION
    assert "planted_gender" in found.reason
    assert found.after is Call.FAIL


def test_a_gap_that_turned_round_is_no_regression() -> None:
    found = compare.compare(run("reversed"), run("gap", "seed=2"))
    assert "REGRESSION" not in calls(found).values()
    assert (found.before, found.after) == (Call.FAIL, Call.FAIL)


def test_a_gap_that_went_is_no_regression() -> None:
    found = compare.compare(run("gap", "seed=2"), run("none"))
    assert "REGRESSION" not in calls(found).values()


def test_a_model_that_refuses_everything_cannot_be_judged_any_more() -> None:
    found = compare.compare(run("none"), run("refuse_all"))
    assert found.call is Trend.INVALID
    assert calls(found)["gender", "favourable"] == "INVALID"
    assert compare.compare(run("refuse_all"), run("none")).call is Trend.INCONCLUSIVE
    assert compare.compare(run("refuse_all"), run("refuse_all")).call is Trend.INCONCLUSIVE


def test_a_model_that_refuses_one_group_regressed_on_refusals() -> None:
    found = compare.compare(run("none"), run("refuse_group"))
    assert calls(found)["gender", "refused"] == "REGRESSION"
    assert calls(found)["gender", "favourable"] == "INVALID"
    assert found.call is Trend.REGRESSION


def test_the_scenarios_that_flipped_come_worst_first_with_both_answers() -> None:
    found = compare.compare(run("none"), run("gap", "seed=2"))
    behind = [f for f in found.flips if f.after.probe == "planted_gender"]
    assert found.flips[: len(behind)] == tuple(behind)
    growth = [abs(f.after.difference) - abs(f.before.difference) for f in behind]
    assert growth == sorted(growth, reverse=True)
    assert growth[0] > 0.2
    for flip in found.flips:
        assert flip.before.scenario == flip.after.scenario
        old, new = ([(s["group"], s["prompt"]) for s in e.sides] for e in (flip.before, flip.after))
        assert old == new
        assert {group for group, _ in new} == {"a", "b"}
        assert [s["answer"] for s in flip.before.sides] != [s["answer"] for s in flip.after.sides]


def test_numbers_are_those_of_the_two_scorecards_where_every_prompt_is_shared() -> None:
    old, new = run("none"), run("gap", "seed=2")
    found = compare.compare(old, new)
    for folder, side in ((old, "before"), (new, "after")):
        stated = json.loads((folder / "scorecard.json").read_text("utf-8"))
        mine = [getattr(c, side) for c in found.cells]
        assert [(v.contrast.estimate, v.verdict) for v in mine] == [
            (cell["estimate"], cell["verdict"]) for cell in stated["cells"]
        ]
    for c in found.cells:
        before, after = c.before.contrast.estimate, c.after.contrast.estimate
        assert before is not None
        assert after is not None
        assert c.estimate == pytest.approx(abs(after) - abs(before))
    assert found.prompts["common"] == len(pq.read_table(old / store.PROMPTS))


def test_prompts_that_differ_are_left_out_and_counted(tmp_path: Path) -> None:
    other = copied(run("none"), tmp_path / "other")
    texts = pq.read_table(other / store.PROMPTS)["id"].to_pylist()

    def reworded(table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        for row in rows[:10]:
            row["messages"][0]["content"] += "!"
        rows[10]["roles"] = [("person", "elsewhere")]
        rows[11]["choices"][0]["text"] = "perhaps"
        rows[12]["id"] += "/new"
        return pa.Table.from_pylist(rows, schema=table.schema)

    rewrite(other, store.PROMPTS, reworded)
    found = compare.compare(run("none"), other)
    assert found.prompts == {
        "common": len(texts) - 13, "changed": 12, "baseline_only": 1, "candidate_only": 1,
    }  # fmt: skip
    assert "12 that say something else" in found.notes[0]
    assert max(c.clusters for c in found.cells) == 44
    assert min(c.clusters for c in found.cells) < 44


def test_the_order_of_the_prompts_does_not_matter(tmp_path: Path) -> None:
    other = copied(run("gap", "seed=2"), tmp_path / "other")
    for name in (store.PROMPTS, store.RESPONSES, store.OUTCOMES):
        rewrite(other, name, lambda t: t.take(np.arange(len(t))[::-1]))
    found, told = (compare.compare(run("none"), c) for c in (other, run("gap", "seed=2")))
    assert calls(found) == calls(told)
    assert [f.before for f in found.flips] == [f.before for f in told.flips]
    assert [f.after for f in found.flips] == [f.after for f in told.flips]


def test_a_suite_that_was_extended_is_compared_on_the_old_part() -> None:
    found = compare.compare(run("none"), run("none", "suite.generated=46"))
    assert found.prompts["candidate_only"] > 0
    assert found.prompts["baseline_only"] == found.prompts["changed"] == 0
    assert {c.clusters for c in found.cells} == {44}


def only_age(column: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.filter(pc.match_substring(table[column], "_age/"))


def test_a_probe_that_one_run_alone_declares_is_not_compared(tmp_path: Path) -> None:
    other = copied(run("none"), tmp_path / "other")
    rewrite(other, store.RUN, first_probe(name="elsewhere"))
    assert set(calls(compare.compare(run("none"), other))) == {
        ("age", "favourable"), ("age", "refused"),
    }  # fmt: skip


def test_a_cell_that_was_not_asked_again_is_never_ok(tmp_path: Path) -> None:
    other = copied(REFERENCE, tmp_path / "other")
    for name in (store.PROMPTS, store.RESPONSES, store.OUTCOMES):
        column = "id" if name == store.PROMPTS else "prompt"
        rewrite(other, name, only_age(column))
    found = compare.compare(REFERENCE, other)
    assert set(calls(found)) == {("age", "favourable"), ("age", "refused")}
    assert {c.call for c in found.cells} == {Trend.OK}
    assert found.call is Trend.INCONCLUSIVE
    assert "14 gated cells of the baseline have no prompt" in found.reason
    assert any("14 gated cells" in note for note in found.notes)


def test_margins_chosen_afterwards_never_give_ok(tmp_path: Path) -> None:
    other = copied(REFERENCE, tmp_path / "other")
    rewrite(other, store.RUN, lambda head: {**head, "rescored": True})
    found = compare.compare(REFERENCE, other)
    assert {c.call for c in found.cells} == {Trend.OK}
    assert found.call is Trend.INCONCLUSIVE
    assert "after the answers were seen" in found.reason
    assert any("no OK can come of it" in note for note in found.notes)


def test_answers_measured_by_another_version_are_named(tmp_path: Path) -> None:
    other = copied(run("none"), tmp_path / "other")

    def change(head: dict[str, Any]) -> dict[str, Any]:
        return {**head, "code": {**head["code"], "code": "0" * 64, "art4": "0.0.1"}}

    rewrite(other, store.RUN, change)
    notes = compare.compare(run("none"), other).notes
    assert any("different versions of art4 (" in note and "0.0.1" in note for note in notes)


def test_a_run_that_could_stop_early_says_so(tmp_path: Path) -> None:
    other = copied(run("none"), tmp_path / "other")
    rewrite(other, store.RUN, set_in("stopping", "rule", to="group_sequential"))
    notes = compare.compare(run("none"), other).notes
    assert any("could stop early" in note for note in notes)
    assert len(notes) % 2 == 0


def set_in(*keys: str, to: Any) -> Callable[[Any], Any]:
    """Returns a change of one value of run.json."""

    def change(head: Any) -> Any:
        at = head
        for key in keys[:-1]:
            at = at[key]
        at[keys[-1]] = to
        return head

    return change


def first_probe(**changed: Any) -> Callable[[Any], Any]:
    def change(head: Any) -> Any:
        head["probes"][0] |= changed
        return head

    return change


DIFFERENT = {
    "samples": (set_in("decoding", "samples", to=2), "samples of the decoding: 1 and 2"),
    "temperature": (set_in("decoding", "temperature", to=0.7), "temperature of the decoding"),
    "length": (set_in("decoding", "max_tokens", to=9), "max_tokens of the decoding"),
    "margin": (set_in("standard", "margins", "favourable", to=0.1), "margins of the standard"),
    "alpha": (set_in("standard", "alpha", to=0.01), "alpha of the standard"),
    "gates": (set_in("standard", "gates", to=[]), "gates of the standard"),
    "limits": (set_in("standard", "limits", "refused", to=0.4), "limits of the standard"),
    "outcomes": (first_probe(outcomes=["favourable"]), "outcomes of the probe planted_gender"),
    "controls": (first_probe(controls="pair_controls"), "controls of the probe"),
    "another version": (first_probe(colour="red"), "lacks or exceeds what this version"),
}


@pytest.mark.parametrize(("change", "told"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_runs_that_cannot_be_paired_are_refused(
    change: Callable[[Any], Any], told: str, tmp_path: Path
) -> None:
    other = copied(run("none"), tmp_path / "other")
    rewrite(other, store.RUN, change)
    with pytest.raises(BadRun, match=told):
        compare.compare(run("none"), other)


def test_the_seed_and_the_reasons_of_a_standard_may_differ(tmp_path: Path) -> None:
    other = copied(run("none"), tmp_path / "other")
    rewrite(other, store.RUN, set_in("decoding", "seed", to=9))
    rewrite(other, store.RUN, set_in("standard", "reasons", to={}))
    assert compare.compare(run("none"), other).cells


def test_margins_of_what_was_not_measured_may_differ(tmp_path: Path) -> None:
    other = copied(run("none"), tmp_path / "other")
    rewrite(other, store.RUN, set_in("standard", "margins", "preferred", to=0.1))
    assert compare.compare(run("none"), other).cells


@pytest.mark.parametrize("how", ["scored in one, text in the other", "spelling and forced choice"])
def test_answers_that_were_read_in_two_ways_are_refused(how: str, tmp_path: Path) -> None:
    other = copied(run("none"), tmp_path / "other")

    def by_text(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index("logprobs")
        nothing = pa.nulls(len(table), table.schema.field("logprobs").type)
        return table.set_column(at, "logprobs", nothing)

    def without_mass(table: pa.Table) -> pa.Table:
        low = [v * 0.1 if n == "mass" else v for n, v in zip(*columns(table), strict=True)]
        return table.set_column(table.schema.get_field_index("value"), "value", pa.array(low))

    def columns(table: pa.Table) -> tuple[list[str], list[float]]:
        return table["name"].to_pylist(), table["value"].to_pylist()

    if how.startswith("scored"):
        rewrite(other, store.RESPONSES, by_text)
    else:
        rewrite(other, store.OUTCOMES, without_mass)
    with pytest.raises(BadRun, match="read in two ways"):
        compare.compare(run("none"), other)


def test_runs_without_a_prompt_in_common_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRun, match="no prompt in common"):
        compare.compare(run("none"), run("none", "suite.languages=[zh]"))


@pytest.mark.parametrize("name", [store.RUN, store.PROMPTS, store.RESPONSES, store.OUTCOMES])
@pytest.mark.parametrize("damage", ["cut", "gone", "changed"])
def test_a_damaged_run_is_refused(name: str, damage: str, tmp_path: Path) -> None:
    other = copied(run("none"), tmp_path / "other")
    path = other / name
    if damage == "gone":
        path.unlink()
    else:
        kept = path.read_bytes()
        path.write_bytes(kept[:100] if damage == "cut" else kept + b"\n")
    with pytest.raises(BadRun, match=r"cannot read|holds no run|is missing or was changed"):
        compare.compare(run("none"), other)
    with pytest.raises(BadRun):
        compare.compare(other, run("none"))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": []}', '{"files": {"run.json": 1}}'])
def test_a_manifest_that_says_nothing_is_refused(content: str, tmp_path: Path) -> None:
    other = copied(run("none"), tmp_path / "other")
    (other / store.MANIFEST).write_text(content)
    with pytest.raises(BadRun):
        _pairing.opened(other)


def test_a_suite_is_read_back_from_a_run() -> None:
    head = runs.reopen(run("none")).head
    suite = runs.suite_of(head)
    assert (suite.generated, suite.languages) == (44, ("en",))
    assert suite.arms == ("explicit", "positive_control")


def compared(*words: str | Path) -> int:
    return main(["compare", *map(str, words)])


EXITS = [("none", "none", 3), ("none", "gap", 1), ("none", "refuse_all", 4)]


@pytest.mark.parametrize(("before", "after", "code"), EXITS)
def test_the_exit_code_is_the_call(before: str, after: str, code: int, tmp_path: Path) -> None:
    assert compared(run(before), run(after), "--out", tmp_path / "out") == code
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"comparison.json", "comparison.md", "comparison.html", "junit.xml"}
    for folder in (run(before), run(after)):
        assert main(["verify", str(folder)]) == 0


def test_the_committed_reference_compared_with_itself_is_ok(tmp_path: Path) -> None:
    assert compared(REFERENCE, REFERENCE, "--out", tmp_path / "out", "--reports", "json") == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["comparison.json"]


def test_a_candidate_is_evaluated_on_the_suite_the_standard_and_the_seed_of_its_baseline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["model=planted", "model.effect=gap", "model.dose=0.2", f"results={tmp_path}"]
    base = run("none", "seed=2")
    assert compared(base, *words, "reports=[json]", "--reports", "json") == 1
    (folder,) = (p.parent for p in tmp_path.glob("*/run.json"))
    old, new = runs.reopen(base).head, runs.reopen(folder).head
    assert all(old[key] == new[key] for key in ("suite", "standard", "seed"))
    assert (tmp_path / f"run-vs-{folder.name}" / "comparison.json").is_file()
    assert "REGRESSION" in capsys.readouterr().out


def test_what_is_given_is_not_taken_from_the_baseline(tmp_path: Path) -> None:
    words = ["model=planted", "seed=7", f"results={tmp_path}", "reports=[json]"]
    assert compared(run("none"), *words, "--out", tmp_path / "out") == 3
    (folder,) = (p.parent for p in tmp_path.glob("*/run.json"))
    assert runs.reopen(folder).head["seed"] == 7


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """Runs a comparison that must be refused; returns the error, which has four parts."""
    capsys.readouterr()
    assert compared(*words) == 2
    told = capsys.readouterr().err.rstrip("\n")
    parts = [line.split(":")[0].strip() for line in told.split("\n")[-4:]]
    assert parts == ["error", "where", "expected", "fix"]
    assert "Traceback" not in told
    return told


def content(*folders: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for f in folders for p in f.rglob("*") if p.is_file()}


def test_bad_input_is_refused_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = copied(run("none"), tmp_path / "good")
    half = copied(run("none"), tmp_path / "half")
    (half / store.MANIFEST).unlink()
    (tmp_path / "empty").mkdir()
    before = content(tmp_path)
    cases: Sequence[tuple[str, Sequence[str | Path]]] = [
        ("holds no run", [tmp_path / "nowhere", good]),
        ("holds no run", [good, tmp_path / "empty"]),
        ("is not finished", [half, good]),
        ("is not finished", [good, half]),
        ("exists", [good, good, "--out", tmp_path / "empty"]),
        ("exists", [good, good, "--out", good]),
        ("lies in the run", [good, good, "--out", good / "figures" / "comparison"]),
        ("cannot write", [good, good, "--out", good.parent / ("x" * 300)]),
        ("'html'", [good, good, "--reports", "htlm"]),
        ("'planted'", [good, "model=plantd"]),
        ("'model.effect'", [good, "model=planted", "model.efect=gap"]),
        ("no prompt in common", [good, run("none", "suite.languages=[zh]")]),
    ]
    for told, words in cases:
        assert told in refused(capsys, *words)
        assert content(tmp_path) == before


def test_a_comparison_is_never_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (copied(run("none"), tmp_path / name) for name in ("old", "new"))
    assert compared(old, new) == 3
    assert (tmp_path / "old-vs-new" / "comparison.html").is_file()
    assert "exists" in refused(capsys, old, new)


def test_a_reference_is_never_written_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = copied(run("none"), tmp_path / "reference" / "kept")
    before = content(kept)
    assert main(["report", str(kept)]) == 2
    assert "is a reference" in capsys.readouterr().err
    assert compared(run("none"), kept) == 3
    assert content(kept) == before
    assert (tmp_path / "run-vs-kept").is_dir()


HOSTILE = "</td><script>alert(1)</script>\x1b[2J\u202e=cmd() | `x` [a](javascript:1) Yes"


def test_hostile_answers_are_shown_as_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = copied(run("gap", "seed=2"), tmp_path / "other")

    def spoil(table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        for row in rows:
            row["choices"] = [{**c, "text": HOSTILE + c["text"]} for c in row["choices"]]
        return pa.Table.from_pylist(rows, schema=table.schema)

    base = copied(run("none"), tmp_path / "base")
    for folder in (other, base):
        rewrite(folder, store.PROMPTS, spoil)
    assert compared(base, other) == 1
    assert "\x1b" not in capsys.readouterr().out
    for name in ("comparison.html", "comparison.md", "junit.xml"):
        text = (tmp_path / "base-vs-other" / name).read_text("utf-8")
        assert "<script>" not in text
        assert not set("\x1b\u202e") & set(text)
    page = (tmp_path / "base-vs-other" / "comparison.html").read_text("utf-8")
    assert "&lt;script&gt;alert(1)" in page
