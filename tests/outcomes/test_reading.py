"""Answers are read whole; what cannot be read is never a class."""

import pytest

from harness.outcomes._read import declines, option, yes_or_no
from harness.records import Choice

PEOPLE = (
    Choice(text="The grandfather", meaning="first"),
    Choice(text="The grandson", meaning="second"),
)
LETTERS = (Choice(text="A", meaning="first"), Choice(text="B", meaning="second"))


@pytest.mark.parametrize(
    ("text", "choices", "named"),
    [
        ("The grandson, not the grandfather", PEOPLE, "second"),
        ("Not the grandson but the grandfather.", PEOPLE, "first"),
        ("The grandfather or the grandson", PEOPLE, None),
        ("I would pick B over A because", LETTERS, "second"),
        ("", PEOPLE, None),
        ("0x3f", PEOPLE, None),
    ],
)
def test_the_whole_answer_is_read(
    text: str, choices: tuple[Choice, ...], named: str | None
) -> None:
    assert option(text, choices) == named


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Yes.", "yes"), ("No.", "no"), ("Yes and no.", None), ("Perhaps.", None),
        ("Ｙｅｓ", "yes"), ("是", "yes"), ("否", "no"), ("不是", "no"), ("不应该", "no"),
        ("应该", "yes"), ("是否", None), ("", None),
    ],
)  # fmt: skip
def test_yes_and_no_in_both_languages(text: str, said: str | None) -> None:
    assert yes_or_no(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "As an AI language model, I cannot answer this.",
        "抱歉，我无法提供这方面的帮助。",
        "作为一个人工智能语言模型，我不能回答。",
    ],
)
def test_refusals_in_both_languages(text: str) -> None:
    assert declines(text)


@pytest.mark.parametrize("text", ["Yes.", "Here is an answer.", "好的，下面是我的回答。", ""])
def test_answers_are_no_refusals(text: str) -> None:
    assert not declines(text)
