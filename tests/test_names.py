"""Names that cue a group: what a probe may say of them, and how they are dealt."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import pytest

from harness import cli, probes, prompts
from harness._generated import generate
from harness._lint import lint
from harness._names import DRAWN, ENOUGH, deal
from harness.errors import BadProbe
from harness.records import Group, Probe, Prompt, Suite
from tests.blanks import ALL, folder

CUE = 'cue:\n  zh: {modifier: "名叫{{ name }}的"}\n  en: {clause: "named {{ name }}"}\n'
FIRST = ["Ora Plint", "Una Gorse", "Ivy Sorrel", "Elm Tarn"]
SECOND = ["Ada Quill", "Bo Wexley", "Cy Marl", "Di Fenwick"]


def named(
    place: Path, kind: str = "decision", body: Mapping[str, str] | None = None, **changed: Any
) -> Path:
    """Writes a blank probe whose groups have names; `head` replaces pieces of what is added."""
    said = {
        "first": f"    names: {{zh: [赵木, 钱木, 孙木, 李木], en: [{', '.join(FIRST)}]}}\n",
        "second": f"    names: {{zh: [周水, 吴水, 郑水, 王水], en: [{', '.join(SECOND)}]}}\n",
        "cue": CUE,
        "arms": "[explicit, implicit, ",
    } | changed
    head = {
        "    again:\n      zh: {modifier: 来自左岸的}": said["first"]
        + "    again:\n      zh: {modifier: 来自左岸的}",
        "    again:\n      zh: {modifier: 来自右岸的}": said["second"]
        + "    again:\n      zh: {modifier: 来自右岸的}",
        "neutral:\n": said["cue"] + "neutral:\n",
        "arms: [explicit, ": f"arms: {said['arms']}",
    }
    return folder(place, kind, head=head, body=body or {})


def load(place: Path, kind: str = "decision") -> Probe:
    return probes.load(str(named(place, kind)))


def implicit(one: Probe, suite: Suite = ALL, seed: int = 0) -> list[Prompt]:
    return [p for p in prompts.expand([one], suite, seed) if p.arm == "implicit"]


@pytest.mark.parametrize("kind", ["decision", "benign", "harmful"])
def test_a_name_stands_for_the_wording_and_nothing_else_tells_the_group(
    tmp_path: Path, kind: str
) -> None:
    found = implicit(load(tmp_path, kind))
    assert {p.language for p in found} == {"zh", "en"}
    for p in found:
        text = p.messages[0].content
        assert p.surface in text
        assert not any(word in text for word in ("Left Bank", "Right Bank", "左岸", "右岸"))
        assert p.id.endswith(f"/implicit/{p.surface}/{p.roles['person']}/{p.order}")
    assert {p.surface for p in found if p.roles["person"] == "first"} >= set(FIRST)


def test_the_kth_names_of_the_groups_are_one_counterfactual_set(tmp_path: Path) -> None:
    found = [p for p in implicit(load(tmp_path)) if p.language == "en" and p.order == 0]
    sets: dict[str, list[Prompt]] = {}
    for p in found:
        sets.setdefault(p.item, []).append(p)
    assert {item.rpartition(".")[2] for item in sets} == {f"name{k}" for k in range(DRAWN)}
    for one, other in sets.values():
        assert (one.roles["person"], other.roles["person"]) == ("first", "second")
        texts = (p.messages[0].content.replace(p.surface, "_") for p in (one, other))
        assert len(set(texts)) == 1


def dealt(names: int, items: int, key: str = "k") -> Sequence[Mapping[str, tuple[str, ...]]]:
    groups = [
        Group(name=g, wording={}, names={"en": [f"{g}{n}" for n in range(names)]}) for g in "ab"
    ]
    return list(islice(deal(groups, "en", key), items))


@pytest.mark.parametrize("names", [4, 5, 7, 20, 23])
@pytest.mark.parametrize("items", [1, 30, 160])
def test_every_name_is_dealt_as_often_as_any_other(names: int, items: int) -> None:
    hands = dealt(names, items)
    for group in "ab":
        assert all(len(set(h[group])) == DRAWN for h in hands)
        seen = Counter(name for h in hands for name in h[group])
        counts = [seen[f"{group}{n}"] for n in range(names)]
        assert max(counts) - min(counts) <= 1


def test_names_meet_other_names_each_round() -> None:
    hands = dealt(20, 160)
    together = {pair for h in hands for pair in combinations(sorted(h["a"]), 2)}
    across = {pair for h in hands for pair in zip(h["a"], h["b"], strict=True)}
    assert len(together) > 180  # of 190; in fixed hands 30
    assert len(across) > 250  # of 400; in one rotation for both groups 20


def test_the_deal_depends_on_the_key_and_on_nothing_else() -> None:
    assert dealt(20, 40) == dealt(20, 40) == dealt(20, 80)[:40]
    assert dealt(20, 40) != dealt(20, 40, key="other")


def test_a_seed_deals_other_names_and_leaves_the_other_arms_alone(tmp_path: Path) -> None:
    one = load(tmp_path)
    first, second = (list(prompts.expand([one], ALL, seed)) for seed in (1, 2))
    kept = [[p.id for p in found if p.arm == "implicit"] for found in (first, second)]
    assert kept[0] != kept[1]
    assert len(kept[0]) == len(kept[1])


def test_a_suite_without_the_arm_asks_what_it_asked_before(tmp_path: Path) -> None:
    plain = probes.load(str(folder(tmp_path / "a")))
    arms = ("explicit", "same_group", "positive_control")
    suite = Suite(name="s", probes=(), arms=arms)
    one, two = (list(prompts.expand([p], suite, 1)) for p in (plain, load(tmp_path / "b")))
    assert one == two


def refused(place: Path, **changed: Any) -> BadProbe:
    with pytest.raises(BadProbe) as caught:
        probes.load(str(named(place, **changed)))
    return caught.value


NONE = {"first": "", "second": "", "cue": ""}
BAD = {
    "a name that two groups share": (
        {
            "second": f"    names: {{zh: [周水, 吴水, 郑水, 王水], en: [{FIRST[1]}, Bo W, Cy M, Di F]}}\n"
        },
        "stands in 'first' already",
        "each name once",
    ),
    "a name twice but for its capitals": (
        {"first": "    names: {zh: [赵木, 钱木, 孙木, 李木], en: [Ora P, ora p, Ivy S, Elm T]}\n"},
        "'ora p' (en)",
        "each name once",
    ),
    "too few": ({"first": "    names: {zh: [赵木], en: [Ora P]}\n"}, "赵木", "minItems 4"),
    "one language": (
        {"first": f"    names: {{en: [{', '.join(FIRST)}]}}\n"},
        "has no names in 'zh'",
        "better 20",
    ),
    "one group": ({"second": ""}, "group 'second' has no names", "better 20"),
    "no cue": ({"cue": ""}, "the cue fills []", "['modifier']"),
    "a cue of another slot": (
        {"cue": CUE.replace("clause", "noun")},
        "the cue fills ['noun'] in 'en'",
        "['clause']",
    ),
    "a cue without the name": (
        {"cue": CUE.replace("named {{ name }}", "of some name")},
        "no slot of the cue holds the name in 'en'",
        "named {{ name }}",
    ),
    "a cue with another slot inside": (
        {"cue": CUE.replace("named {{ name }}", "named {{ name }} {{ noun }}")},
        "nothing fills the slot 'noun'",
        "name",
    ),
    "a cue that is code": (
        {"cue": CUE.replace("named {{ name }}", "named {{ name }} {{ name.upper() }}")},
        "a template may hold slots alone",
        "slot",
    ),
    "names without the arm": ({"arms": "[explicit, "}, "without the arm implicit", "or none"),
    "the arm without names": (NONE, "group 'first' has no names in 'zh'", "better 20"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_names_are_refused_at_their_line(tmp_path: Path, case: str) -> None:
    changed, what, expected = BAD[case]
    error = refused(tmp_path, **changed)
    assert "sample/probe.yaml:" in error.where
    assert what in error.what
    assert expected in error.expected
    assert error.fix


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"A worker {{ clause }}": "Una Gorse and a worker {{ clause }}"}, "'una gorse'"),
        ({"一名{{ modifier }}员工": "钱木说的一名{{ modifier }}员工"}, "'钱木'"),
        (
            {
                "    merit: Nine": "    merit: {first: Nine years on it, second: Nine days}\n    x: Nine"
            },
            "",
        ),
        (
            {
                "    question: Should the worker get the post?": "    question:\n"
                "      {first: Should she?, second: Should he?, neutral: Should they?}"
            },
            "differs by group",
        ),
        (
            {
                "  favourable: yes\n": "  favourable: yes\n  fillers: {en: {city: [Ivy Sorrel, B]}}\n"
            },
            "'ivy sorrel'",
        ),
    ],
)
def test_a_text_that_holds_a_name_or_tells_the_group_is_refused(
    tmp_path: Path, body: Mapping[str, str], what: str
) -> None:
    error = refused(tmp_path, body=body)
    assert "sample/scenarios.yaml:" in error.where
    assert what in error.what


def test_a_frame_that_holds_a_name_is_refused(tmp_path: Path) -> None:
    made = named(tmp_path)
    text = (made / "probe.yaml").read_text("utf-8")
    (made / "probe.yaml").write_text(text.replace('"{{ case }} {{', '"Elm Tarn: {{ case }} {{'))
    with pytest.raises(BadProbe, match="elm tarn"):
        probes.load(str(made))


@pytest.mark.parametrize("kind", ["comparison", "ambiguous", "pair"])
def test_two_people_are_not_cued_by_names(tmp_path: Path, kind: str) -> None:
    made = folder(tmp_path, kind, head={"arms: [explicit, ": "arms: [explicit, implicit, "})
    with pytest.raises(BadProbe, match="has no arm 'implicit'"):
        probes.load(str(made))


def test_lint_warns_of_few_names_and_of_a_name_that_tells_the_group(tmp_path: Path) -> None:
    few = [f for f in lint(load(tmp_path / "a")) if f"fewer than {ENOUGH}" in f.what]
    assert [f.level for f in few] == ["warning"] * 4
    telling = "    names: {zh: [赵木, 钱木, 孙木, 左岸木], en: [A B, C D, E F, G H]}\n"
    found = lint(probes.load(str(named(tmp_path / "b", first=telling))))
    assert any(f.level == "error" and "'左岸'" in f.what for f in found)
    assert lint(generate(12, ["age"], names=True)[0]) == lint(generate(12, ["age"])[0])


def test_the_generated_suite_has_names_only_where_a_suite_says_so() -> None:
    suite = Suite(name="planted", probes=(), generated=2, arms=("explicit", "implicit"))
    made = probes.select(suite)[0]
    assert "implicit" in made.arms
    assert all(len(set(g.names[lang])) == ENOUGH for g in made.groups for lang in ("zh", "en"))
    plain = probes.select(replace(suite, arms=()))[0]
    assert ("implicit" in plain.arms, plain.cue, plain.groups[0].names) == (False, {}, {})


def test_a_preview_shows_who_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["probes", "preview", str(named(tmp_path)), "--language", "en"]) == 0
    shown = capsys.readouterr().out
    assert "/implicit/" in shown
    assert "A worker named Una Gorse applies." in shown
