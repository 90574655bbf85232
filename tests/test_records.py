"""Records: what goes into a table comes back the same."""

from dataclasses import replace

import pytest

from harness.records import (
    Ask,
    Choice,
    Message,
    Outcome,
    Prompt,
    Response,
    Seen,
    from_table,
    schemas,
    to_table,
)  # fmt: skip

PROMPT = Prompt(
    id="p/zh/1", probe="p", attribute="gender", format="decision", language="zh", scenario="1",
    item="1/0", roles={"person": "women"}, surface="mention", arm="explicit", order=0,
    favourable="yes", ask=Ask.CHOOSE, messages=(Message(role="user", content="是否批准？\n"),),
    choices=(Choice(text="是", meaning="yes:spelling"), Choice(text="否", meaning="no", start=3)),
    groups=("women", "men"),
)  # fmt: skip
BARE = Prompt(
    id="q", probe="p", attribute="age", format="pair", language="en", scenario="", item="",
    roles={}, surface="", arm="neutral", order=1, favourable="", ask=Ask.GENERATE, messages=(),
    choices=(),
)  # fmt: skip


@pytest.mark.parametrize(
    "records",
    [
        [PROMPT, BARE],
        [Response(prompt="p"), Response(prompt="q", sample=2, text="\x00<b>=1+1", error="lost")],
        [Response(prompt="p", logprobs=((-0.1, -1e-300), ()), finish="scored", tokens_in=7)],
        [
            Outcome(prompt="p", sample=0, name="refused", seen=Seen.MEASURED, value=0.1),
            Outcome(prompt="p", sample=1, name="refused", seen=Seen.UNPARSED, value=None),
        ],
    ],
)
def test_records_come_back_from_arrow_as_they_were(
    records: list[Prompt] | list[Response] | list[Outcome],
) -> None:
    kind = type(records[0])
    table = to_table(records, kind)
    assert table.schema == schemas()[kind]
    assert from_table(table, kind) == records


def test_no_records_make_an_empty_table_with_the_same_columns() -> None:
    assert to_table([], Prompt).schema == schemas()[Prompt]


@pytest.mark.parametrize(("seen", "value"), [(Seen.MEASURED, None), (Seen.REFUSED, 0.0)])
def test_an_outcome_has_a_value_exactly_when_measured(seen: Seen, value: float | None) -> None:
    with pytest.raises(ValueError, match="a value exists exactly when measured"):
        Outcome(prompt="p", sample=0, name="refused", seen=seen, value=value)


def test_prompts_that_offer_the_same_share_their_choices_in_every_window() -> None:
    windows = [
        to_table([PROMPT, BARE, replace(PROMPT, id="r")], Prompt),
        to_table([PROMPT], Prompt),
    ]
    first, bare, again, later = (p for table in windows for p in from_table(table, Prompt))
    assert first.choices is again.choices is later.choices
    assert (bare.choices, first.choices) == ((), PROMPT.choices)


def test_a_part_of_a_table_gives_the_records_of_that_part() -> None:
    others = [replace(PROMPT, id=str(n), choices=PROMPT.choices[: n % 3]) for n in range(7)]
    assert from_table(to_table(others, Prompt).slice(2, 4), Prompt) == others[2:6]


def test_a_column_that_an_older_table_lacks_is_the_default_and_one_without_is_an_error() -> None:
    table = to_table([PROMPT], Prompt)
    [found] = from_table(table.drop_columns(["look", "groups"]), Prompt)
    assert found == replace(PROMPT, look=1, groups=())
    with pytest.raises(KeyError, match="scenario"):
        from_table(table.drop_columns(["scenario"]), Prompt)


def test_a_stored_outcome_that_contradicts_itself_is_refused() -> None:
    table = to_table(
        [Outcome(prompt="p", sample=0, name="n", seen=Seen.UNPARSED, value=None)], Outcome
    )
    at = table.schema.get_field_index("seen")
    wrong = table.set_column(at, table.schema.field("seen"), [["measured"]])
    with pytest.raises(ValueError, match="a value exists exactly when measured"):
        from_table(wrong, Outcome)
