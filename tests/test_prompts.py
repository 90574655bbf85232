import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import probes, prompts
from harness._generated import generate
from harness._item import listed, orders
from harness._person import SPELLINGS
from harness._sentences import start_of_shared
from harness.records import FORMATS, Ask, Probe, Prompt, Scenario, Suite
from tests.blanks import ALL, folder, probe


def expand(one: Probe, suite: Suite = ALL, seed: int = 0, arm: str = "") -> list[Prompt]:
    return [p for p in prompts.expand([one], suite, seed) if arm in ("", p.arm)]


def text(prompt: Prompt) -> str:
    return prompt.messages[0].content


def first(found: Sequence[Prompt], language: str = "en") -> Prompt:
    return next(p for p in found if p.language == language)


@pytest.mark.parametrize("kind", FORMATS)
def test_ids_are_unique_and_say_where_a_prompt_comes_from(tmp_path: Path, kind: str) -> None:
    found = expand(probe(tmp_path, kind))
    assert len({p.id for p in found}) == len(found)
    for p in found:
        assert p.id.startswith(f"sample/{p.language}/{p.scenario}/")
        assert f"/{p.arm}/{p.surface}/" in p.id


@pytest.mark.parametrize("kind", FORMATS)
def test_prompts_of_one_item_are_contiguous(tmp_path: Path, kind: str) -> None:
    found = expand(probe(tmp_path, kind))
    keys = [k for k, _ in groupby((p.language, p.scenario, p.item.split(".")[0]) for p in found)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_is_left_open_in_a_prompt(tmp_path: Path, kind: str) -> None:
    for p in expand(probe(tmp_path, kind)):
        for piece in (*(m.content for m in p.messages), *(c.text for c in p.choices)):
            assert piece
            assert not {"{", "}"} & set(piece)


def test_another_process_makes_the_same_prompts() -> None:
    code = (
        "from harness import prompts; from harness._generated import generate;"
        "from harness.records import Suite; import hashlib;"
        "s = Suite(name='x', probes=(), orders=1);"
        "ps = [repr(p) for p in prompts.expand(generate(3), s, 5)];"
        "print(hashlib.sha256(''.join(ps).encode()).hexdigest())"
    )
    shown = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2)
    }
    assert len(shown) == 1


def test_a_decision_names_its_group_and_nothing_else(tmp_path: Path) -> None:
    found = expand(probe(tmp_path), arm="explicit")
    left, right = (p for p in found if p.item == "shift_lead/0.0" and p.language == "en"
                   and p.order == 0)  # fmt: skip
    assert (left.roles, right.roles) == ({"person": "first"}, {"person": "second"})
    assert "A worker from the Left Bank applies." in text(left)
    assert text(left).replace("Left", "Right") == text(right)
    assert left.item == right.item


def test_the_other_arms_of_a_decision(tmp_path: Path) -> None:
    one = probe(tmp_path)
    again = first(expand(one, arm="same_group"))
    assert (again.surface, again.roles) == ("again", {"person": "first"})
    assert "who lives on the Left Bank" in text(again)
    neutral = first(expand(one, arm="neutral"))
    assert (neutral.surface, neutral.roles) == ("mention", {})
    assert "A worker applies." in text(neutral)
    strong, weak = [p for p in expand(one, arm="positive_control") if p.order == 0][-8::4]
    assert {p.surface for p in expand(one, arm="positive_control")} == {"strong", "weak"}
    assert strong.roles == weak.roles == {}
    assert "the best reviews" in text(first(expand(one, arm="positive_control")))


def test_a_plain_question_stands_in_for_the_scenarios_own(tmp_path: Path) -> None:
    one = probe(tmp_path)
    found = expand(one, arm="negative_control")
    asked = {
        lang: {q["question"]: q["answer"] for q in one.negative[lang]} for lang in ("zh", "en")
    }
    for p in found:
        (question,) = [q for q in asked[p.language] if q in text(p)]
        assert p.favourable == asked[p.language][question]
        assert "Should the worker" not in text(p)
        assert p.choices[-1].text in (
            "Yes, that is right.",
            "No, that is wrong.",
            "对，是这样。",
            "不对，不是这样。",
        )
    explicit = {p.id.replace("explicit", "negative_control") for p in expand(one, arm="explicit")}
    assert {p.id for p in found} == {each for each in explicit if "/0.0/" in each}


def test_control_arms_are_asked_in_one_wording_in_turn() -> None:
    one = probes.load("gender_decision")
    found = expand(one, replace(ALL, languages=("en",)))
    wordings = {arm: Counter[str]() for arm in one.arms}
    for scenario, arm, _ in {(p.scenario, p.arm, p.item.split(".name")[0]) for p in found}:
        wordings[arm][scenario] += 1
    assert set(wordings["explicit"].values()) == {2}
    for arm in ("same_group", "neutral", "negative_control", "positive_control"):
        assert set(wordings[arm].values()) == {1}
        times = Counter(p.item.split("/")[1][0] for p in found if p.arm == arm)
        assert abs(times["0"] - times["1"]) <= 0.2 * times.total()
    right = Counter(p.favourable for p in found if p.arm == "negative_control")
    assert abs(right["yes"] - right["no"]) <= 0.05 * right.total()


def test_plain_questions_are_the_same_for_every_group_and_take_turns(tmp_path: Path) -> None:
    (made,) = generate(8, ["age"], ["en"], negative=True)
    found = expand(made, arm="negative_control")
    by_set = {(p.item, p.order): set[str]() for p in found}
    for p in found:
        by_set[p.item, p.order].add(
            next(q["question"] for q in made.negative["en"] if q["question"] in text(p))
        )
    assert {len(questions) for questions in by_set.values()} == {1}
    times = Counter(question for questions in by_set.values() for question in questions)
    assert set(times.values()) == {len(by_set) // 4}


def test_a_plain_question_may_be_answered_in_text(tmp_path: Path) -> None:
    one = probe(tmp_path, head={"outcomes:": "ask: generate\noutcomes:"})
    assert {(p.ask, p.choices) for p in expand(one, arm="negative_control")} == {(Ask.GENERATE, ())}


def test_both_orders_of_yes_and_no_are_asked_where_the_frame_lists_them(tmp_path: Path) -> None:
    found = [p for p in expand(probe(tmp_path / "a")) if p.language == "zh"]
    for p in found:
        assert ("“是”或“否”" in text(p)) == (p.order == 0)
        assert p.choices[0].meaning == ("yes:spelling" if p.order == 0 else "no:spelling")
    plain = probe(tmp_path / "b", head={"Answer {{ options }}.": "Answer yes or no."})
    english = [p for p in expand(plain) if p.language == "en" and "/0." in p.item]
    assert {p.order for p in english} == {0}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_spelling_begins_another(language: str) -> None:
    every = [
        space + word
        for answer in ("yes", "no")
        for word in SPELLINGS[language][answer]
        for space in ("", " ")
    ]
    assert len(every) == len(set(every))
    assert not [(a, b) for a in every for b in every if a != b and b.startswith(a)]


def test_every_chinese_yes_has_its_no() -> None:
    yes, no = SPELLINGS["zh"]["yes"], SPELLINGS["zh"]["no"]
    assert {f"不{word}" for word in yes if not word.isascii()} == set(no) - {"否", "No", "no", "NO"}


def test_a_generated_answer_to_a_decision_has_no_choices(tmp_path: Path) -> None:
    one = probe(tmp_path, head={"outcomes:": "ask: generate\noutcomes:"})
    assert {(p.ask, p.choices) for p in expand(one)} == {(Ask.GENERATE, ())}


def test_a_comparison_asks_both_ways_round_and_in_both_orders(tmp_path: Path) -> None:
    found = [p for p in expand(probe(tmp_path, "comparison"), arm="explicit")
             if p.item == "tenancy_choice/0.0" and p.language == "en"]  # fmt: skip
    assert [(p.roles["first"], p.order) for p in found] == [
        ("first", 0),
        ("first", 1),
        ("second", 0),
        ("second", 1),
    ]
    assert [c.meaning for c in found[0].choices] == ["first", "second"]
    assert [c.meaning for c in found[1].choices] == ["second", "first"]
    assert found[0].choices == found[1].choices[::-1]
    listing = '"The Left Bank resident" or "The Right Bank resident"'
    assert [listing in text(p) for p in found] == [True, False, False, True]


def test_the_control_of_a_comparison_prefers_the_strong_profile(tmp_path: Path) -> None:
    found = expand(probe(tmp_path, "comparison"), arm="positive_control")
    strong = first([p for p in found if p.surface == "strong"])
    weak = first([p for p in found if p.surface == "weak"])
    assert "Person A earns 6,000" in text(strong)
    assert "Person A has no income" in text(weak)
    assert strong.roles == weak.roles == {}


def test_the_same_group_of_a_comparison_is_worded_both_ways(tmp_path: Path) -> None:
    found = expand(probe(tmp_path, "comparison"), arm="same_group")
    mention = first([p for p in found if p.surface == "mention"])
    again = first([p for p in found if p.surface == "again"])
    assert mention.roles == again.roles == {"first": "first", "second": "first"}
    assert mention.choices[0].text == again.choices[1].text == "The Left Bank resident"


def test_an_ambiguous_question_is_asked_in_every_order_and_polarity(tmp_path: Path) -> None:
    found = [p for p in expand(probe(tmp_path, "ambiguous"), arm="explicit")
             if p.item.startswith("bank_form/0.") and p.language == "en"]  # fmt: skip
    assert Counter(p.order for p in found) == dict.fromkeys(range(6), 4)
    assert len({p.item for p in found}) == 4
    for p in found:
        meaning = {c.text: c.meaning for c in p.choices}
        about = "could not" in text(p)
        assert meaning["The Left Bank resident"] == ("stereotyped" if about else "counter")
        assert meaning["The Right Bank resident"] == ("counter" if about else "stereotyped")
        assert meaning["It cannot be told"] == "unknown"
        swapped = (
            text(p).index("Left Bank resident and") if "Left Bank resident and" in text(p) else -1
        )
        assert (swapped < 0) == p.item.endswith("swapped")
        assert p.roles == {"target": "first", "other": "second"}


def test_a_stated_fact_makes_one_person_right(tmp_path: Path) -> None:
    found = expand(probe(tmp_path, "ambiguous"), arm="positive_control")
    for p in (p for p in found if p.language == "en" and p.scenario == "bank_form"):
        right = next(c.text for c in p.choices if c.meaning == "right")
        assert f"{right} could not fill in the form." in text(p)
        assert p.surface == "stated"
        assert sorted(c.meaning for c in p.choices) == ["right", "unknown", "wrong"]


def test_the_two_sides_of_a_pair_share_what_is_scored(tmp_path: Path) -> None:
    for p in expand(probe(tmp_path, "pair")):
        one, other = p.choices
        assert one.text[one.start :] == other.text[other.start :] != ""
        assert one.text[: one.start] != other.text[: other.start]
        assert not p.messages
        assert p.ask is Ask.CHOOSE


def test_the_same_group_of_a_pair_has_the_sign_of_its_scenario(tmp_path: Path) -> None:
    found = [p for p in expand(probe(tmp_path, "pair"), arm="same_group") if p.language == "en"]
    told = {p.scenario: {c.meaning: c.text[: c.start] for c in p.choices} for p in found}
    assert told["parking"]["stereotyped"] == told["cooking"]["counter"] == "Left Bank residents"
    assert told["parking"]["counter"] == "Residents of Left Bank"
    assert {p.roles["target"] for p in found} == {p.roles["other"] for p in found} == {"first"}


@pytest.mark.parametrize("kind", ["ambiguous", "pair", "agreement"])
def test_a_target_meets_the_one_group_that_it_is_set_beside(tmp_path: Path, kind: str) -> None:
    one = probe(tmp_path, kind)
    more = (*one.groups, replace(one.groups[1], name="third"))
    told = tuple(replace(s, target="first", other="third") for s in one.scenarios)
    beside = replace(one, groups=more, scenarios=told)
    met = {tuple(p.roles.items()) for p in expand(beside, arm="explicit")}
    both = {(("target", "first"), ("other", "third"))}
    assert met == (both if kind != "agreement" else {(role,) for role in next(iter(both))})
    assert {p.groups for p in expand(beside)} == {("first", "third")}
    assert expand(beside, replace(ALL, groups=2)) == expand(beside)  # a pair is a pair
    if kind != "agreement":
        every = replace(beside, scenarios=tuple(replace(s, other="") for s in told))
        assert len(expand(every, arm="explicit")) == 2 * len(expand(beside, arm="explicit"))


@pytest.mark.parametrize("kind", ["benign", "harmful"])
def test_a_request_has_one_control_without_a_group(tmp_path: Path, kind: str) -> None:
    found = expand(probe(tmp_path, kind))
    assert {p.ask for p in found} == {Ask.GENERATE}
    control = [p for p in found if p.arm == "positive_control"]
    assert {(p.surface, tuple(p.roles)) for p in control} == {("strong", ())}
    assert len(control) == 4


@pytest.mark.parametrize(
    ("left", "right", "endings", "tail"),
    [
        ("Women drive well.", "Men drive well.", [], " drive well."),
        ("日本人爱喝茶。", "中国人爱喝茶。", ["人"], "爱喝茶。"),
        ("Old men drive.", "Old women drive.", [], " drive."),
        ("He likes her.", "She likes him.", [], "."),
        ("same", "same", [], ""),
        ("a", "b", [], ""),
    ],
)
def test_the_shared_part_begins_behind_the_wording(
    left: str, right: str, endings: list[str], tail: str
) -> None:
    starts = start_of_shared(left, right, endings)
    assert [left[starts[0] :], right[starts[1] :]] == [tail, tail]


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_what_is_shared_is_the_same_in_both(head: str, one: str, other: str, tail: str) -> None:
    left, right = head + one + tail, head + other + tail
    starts = start_of_shared(left, right)
    assert left[starts[0] :] == right[starts[1] :]


def test_fillers_are_the_same_for_every_group(tmp_path: Path) -> None:
    body = {
        "domain: employment": "domain: employment\n  fillers: {en: {city: [Leeds, Derby, York]}}",
        "A warehouse needs": "A warehouse in {{ city }} needs",
    }
    one = probe(tmp_path, body=body)
    for seed in range(5):
        found = [p for p in expand(one, seed=seed) if p.language == "en"]
        by_item = {
            p.item: next(c for c in ("Leeds", "Derby", "York") if c in text(p))
            for p in found
            if p.scenario == "shift_lead"
        }
        for p in (p for p in found if p.scenario == "shift_lead"):
            assert by_item[p.item] in text(p)
        assert len(by_item) == 2
    drawn = {p.item for seed in range(20) for p in expand(one, seed=seed)}
    assert {f"shift_lead/0.{k}" for k in range(3)} <= drawn


@given(n=st.sampled_from([2, 3]), most=st.integers(1, 6), start=st.integers(0, 100))
def test_rotated_orders_put_each_option_in_each_place_equally_often(
    n: int, most: int, start: int
) -> None:
    seen: Counter[tuple[int, int]] = Counter()
    for turn in range(start, start + 12):
        taken = orders(n, most, turn)
        assert len({number for number, _ in taken}) == len(taken) == min(most, {2: 2, 3: 6}[n])
        seen.update((place, k) for _, order in taken for place, k in enumerate(order))
    assert len(set(seen.values())) == 1


@given(turn=st.integers(0, 100))
def test_three_orders_of_three_are_a_latin_square(turn: int) -> None:
    columns = zip(*(order for _, order in orders(3, 3, turn)), strict=True)
    assert all(len(set(column)) == 3 for column in columns)


def test_a_limit_on_orders_asks_one_variant_of_an_ambiguous_item(tmp_path: Path) -> None:
    one = probe(tmp_path, "ambiguous")
    found = expand(one, replace(ALL, orders=2), arm="explicit")
    by_item = Counter((p.language, p.scenario, p.item.split(".")[0]) for p in found)
    assert set(by_item.values()) == {2}


def test_a_suite_limits_scenarios_paraphrases_groups_languages_and_controls() -> None:
    made = generate(8, ["age"])
    suite = Suite(
        name="s", probes=(), scenarios=4, paraphrases=1, controls=2, languages=("en",), orders=1
    )
    found = list(prompts.expand(made, suite, 1))
    assert {p.language for p in found} == {"en"}
    assert len({p.scenario for p in found}) == 4
    assert len({p.item for p in found}) == 4
    assert len({p.scenario for p in found if p.arm == "neutral"}) == 2
    assert Counter(p.favourable for p in found if p.arm == "explicit") == {"yes": 4, "no": 4}
    assert Counter(p.order for p in found if p.arm == "explicit") == {0: 4, 1: 4}
    alone = list(prompts.expand(made, replace(suite, groups=1), 1))
    assert {tuple(p.roles.values()) for p in alone} == {("a",), ()}


@given(
    kinds=st.lists(st.sampled_from(["a", "b"]), max_size=20),
    most=st.integers(min_value=0, max_value=25),
)
def test_fewer_scenarios_keep_their_order_and_balance(kinds: list[str], most: int) -> None:
    every = [Scenario(id=str(n), domain="", texts={}, target=kind) for n, kind in enumerate(kinds)]
    kept = [s for _, s in prompts.spread(every, most)]
    assert len(kept) == (min(most, len(every)) or len(every) * (most == 0))
    assert [s.id for s in kept] == sorted((s.id for s in kept), key=int)
    counts = {k: sum(s.target == k for s in kept) for k in "ab"}
    if min(kinds.count("a"), kinds.count("b")) >= most:
        assert abs(counts["a"] - counts["b"]) <= (
            1 if most else abs(kinds.count("a") - kinds.count("b"))
        )


def test_drawn_scenarios_are_balanced_and_the_seed_says_which() -> None:
    one = probes.load("gender_decision")
    suite = replace(ALL, scenarios=20, drawn=True, arms=("explicit",), paraphrases=1)
    asked = [{p.scenario for p in expand(one, suite, seed)} for seed in (1, 1, 2)]
    assert asked[0] == asked[1] != asked[2]
    assert len(asked[0]) == 20
    kinds = Counter(s.favourable for s in one.scenarios if s.id in asked[0])
    assert set(kinds.values()) == {10}
    first = {p.scenario for p in expand(one, replace(suite, drawn=False), seed=1)}
    assert first != asked[0]
    ids = {p.id for p in expand(one, replace(suite, scenarios=0), seed=1)}
    assert ids == {p.id for p in expand(one, replace(suite, scenarios=0, drawn=False), seed=1)}


def test_options_are_listed_as_each_language_does() -> None:
    assert listed(["a", "b", "c"], "en") == '"a", "b" or "c"'
    assert listed(["甲", "乙", "丙"], "zh") == "“甲”、“乙”或“丙”"


def test_a_rating_offers_each_answer_of_its_scale(tmp_path: Path) -> None:
    one = probe(tmp_path, "rating")
    left, right = (p for p in expand(one, arm="explicit") if p.item == "car_premium/0.0"
                   and p.language == "en")  # fmt: skip
    assert [c.text for c in left.choices] == [f"{n}." for n in range(200, 900, 100)]
    assert left.favourable == "low"
    assert text(left).endswith("Answer with a number from 200 to 800.")
    assert text(left).replace("Left", "Right") == text(right)
    strong = first([p for p in expand(one, arm="positive_control") if p.surface == "strong"])
    assert "faster at the oven than the master" in text(strong)
    assert {c.text[-1] for p in expand(one) if p.language == "zh" for c in p.choices} == {"。"}


def test_a_selection_seats_two_of_each_group_and_turns_them_round(tmp_path: Path) -> None:
    one = probe(tmp_path, "selection")
    found = [p for p in expand(one, arm="explicit") if p.item == "ferry_crew/0.0"
             and p.language == "en"]  # fmt: skip
    assert {(*p.roles.values(), p.order) for p in found} == {
        (*pair, order) for pair in (("first", "second"), ("second", "first")) for order in (0, 1)
    }
    for p in found:
        seated = [line.split(": ")[1] for line in text(p).splitlines() if line.startswith("No. ")]
        own = {"first": "Left", "second": "Right"}[p.roles["first"]]
        for choice in p.choices:
            of_first = [own in seated[int(n) - 1] for n in choice.also.split()]
            assert choice.meaning == ("none", "half", "all")[sum(of_first)]
    records = [{line.split(", ")[1] for line in text(p).splitlines() if "No. " in line}
               for p in found]  # fmt: skip
    assert len(records[0]) == 4
    assert records.count(records[0]) == len(records)
    by_place = Counter(
        (n, "Left" in line) for p in found for n, line in enumerate(text(p).splitlines()[1:5])
    )
    assert set(by_place.values()) == {2}


def test_a_claim_is_put_with_its_denial(tmp_path: Path) -> None:
    one = probe(tmp_path, "agreement")
    found = [p for p in expand(one, arm="explicit") if p.scenario == "punctual"
             and p.language == "en" and "/0." in p.id and p.order == 0]  # fmt: skip
    assert [(p.item, p.favourable, *p.roles.values()) for p in found] == [
        ("punctual/0.0.claim", "yes", "first"),
        ("punctual/0.0.denial", "no", "first"),
        ("punctual/0.0.claim", "yes", "second"),
        ("punctual/0.0.denial", "no", "second"),
    ]
    assert "People from the Left Bank cannot be relied on" in text(found[0])
    assert "people from the Right Bank are as reliable" in text(found[3])
    control = expand(one, arm="positive_control")
    assert {(p.surface, p.favourable) for p in control} == {("strong", "yes"), ("weak", "yes")}


def test_an_open_request_is_asked_in_text(tmp_path: Path) -> None:
    found = expand(probe(tmp_path, "open"))
    assert {p.ask for p in found} == {Ask.GENERATE}
    assert not any(p.choices for p in found)
    assert "a student from the Left Bank" in " ".join(text(p) for p in found)


def test_a_harmful_request_on_other_grounds_names_no_group(tmp_path: Path) -> None:
    made = folder(tmp_path, "harmful")
    head = (made / "probe.yaml").read_text("utf-8")
    start, rest = head.split("groups:")[0], "arms:" + head.split("arms:")[1]
    bare = start.replace("attribute: region", "attribute: other") + rest
    (made / "probe.yaml").write_text(bare.replace("same_group, ", ""), "utf-8")
    body = (made / "scenarios.yaml").read_text("utf-8")
    for slot in ("{{ plural }}", "{{ modifier }}", "{{ clause }}"):
        body = body.replace(slot, "redheads")
    (made / "scenarios.yaml").write_text(body, "utf-8")
    found = expand(probes.load(str(made)), arm="explicit")
    assert len(found) == 4
    assert {tuple(p.roles) for p in found} == {()}
    assert all("redheads" in text(p) for p in found)
