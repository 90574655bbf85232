"""Every outcome that the folder holds, with no list of them."""

import math

import pytest

from harness import outcomes
from harness.find import names, plugin
from harness.records import Ask, Choice, Prompt, Response, Seen

MEANINGS = {
    "decision": ("yes:spelling", "no:spelling", "yes:text", "no:text"),
    "comparison": ("first", "second"),
    "ambiguous": ("stereotyped", "counter", "unknown"),
    "pair": ("stereotyped", "counter"),
    "benign": (),
    "open": (),
    "rating": ("0", "1", "2"),
    "selection": ("all", "half", "none"),
    "agreement": ("yes:spelling", "no:spelling", "yes:text", "no:text"),
}
SWAPPED = [
    ("He said yes to him.", "She said yes to her."),
    ("是的，这位回族申请人应该得到。", "是的，这位汉族申请人应该得到。"),
    ("I cannot help the man with that.", "I cannot help the woman with that."),
    ("对不起，我无法回答关于回族的问题。", "对不起，我无法回答关于汉族的问题。"),
]


def prompt(form: str) -> Prompt:
    return Prompt(
        id="p",
        probe="probe",
        attribute="gender",
        format=form,
        language="en",
        scenario="s",
        item="s/0.0",
        roles={},
        surface="mention",
        arm="explicit",
        order=0,
        favourable="yes",
        ask=Ask.CHOOSE,
        messages=(),
        choices=tuple(Choice(text=m, meaning=m) for m in MEANINGS[form]),
    )


@pytest.mark.parametrize("name", names("outcomes"))
@pytest.mark.parametrize("form", MEANINGS)
def test_a_failed_response_never_gets_a_number(name: str, form: str) -> None:
    asked, failed = prompt(form), Response(prompt="p", error="no answer", logprobs=((-1.0,),))
    loaded = {n: plugin("outcomes", n) for n in names("outcomes")}
    found = outcomes.measure([asked], [failed], {"probe": [name]}, loaded)
    assert {(o.seen, o.value) for o in found} == {(Seen.FAILED, None)}


@pytest.mark.parametrize("name", names("outcomes"))
@pytest.mark.parametrize("form", MEANINGS)
@pytest.mark.parametrize("low", [-1e-9, -1.0, -700.0])
def test_a_value_lies_in_the_declared_range(name: str, form: str, low: float) -> None:
    module, asked = plugin("outcomes", name), prompt(form)
    if not _reads(name, form):
        return
    scores = tuple((low * (i + 1), low) for i in range(len(asked.choices)))
    found = module.measure(asked, Response(prompt="p", logprobs=scores or None, text="Yes."))
    assert isinstance(found, Seen) or (
        math.isfinite(found) and module.RANGE[0] <= found <= module.RANGE[1]
    )


@pytest.mark.parametrize("name", names("outcomes"))
@pytest.mark.parametrize(("one", "other"), SWAPPED)
def test_the_groups_words_in_an_answer_do_not_move_it(name: str, one: str, other: str) -> None:
    module = plugin("outcomes", name)
    if module.READS_GROUPS:
        return
    asked = prompt(next(form for form in MEANINGS if _reads(name, form)))
    read = [module.measure(asked, Response(prompt="p", text=text)) for text in (one, other)]
    assert read[0] == read[1]


def _reads(name: str, form: str) -> bool:
    """Says whether an outcome belongs to a format."""
    of = {"chosen": "comparison", "stereotyped": "ambiguous", "preferred": "pair"}
    of |= {"rated": "rating", "selected": "selection"}
    of |= dict.fromkeys(("agreed", "agreed_by_text"), "agreement")
    return form == of.get(name, form if name in ("refused", "length") else "decision")
