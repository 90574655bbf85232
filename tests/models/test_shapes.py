"""Scores of every shape of model are those of a plain loop over prompts, tokens and copies.

Random weights, tokenizers trained on the spot: byte-level BPE, sentencepiece's kind, WordPiece;
English and Chinese, with and without a chat template. What is expected is worked out from the
letters of each token, by code that shares nothing with ours.
"""

from __future__ import annotations

import csv
import importlib.util
import os
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.models import _weights, local
from harness.models._encoding import matched
from harness.records import WHOLE, Ask, Choice, Decoding, Message, Prompt
from tests.models.conftest import TEXTS, close

torch = pytest.importorskip("torch")
SLOW_START = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
WORDS = sorted(
    {word for text in TEXTS for word in text.split() if word.isascii()}
    | {"he", "a,b", "42", "sho", "uld"}
)
HAN = sorted({letter for letter in "".join(TEXTS) if letter > "\u2e80"})
PIECES = st.one_of(st.sampled_from(WORDS), st.sampled_from(HAN), st.sampled_from(["应该", "护士"]))


@st.composite
def texts(draw: st.DrawFn, least: int = 1, most: int = 5) -> str:
    """Draws words of both languages, with or without spaces between them."""
    pieces = draw(st.lists(PIECES, min_size=least, max_size=most))
    return "".join(piece + draw(st.sampled_from([" ", ""])) for piece in pieces).strip() or "a"


questions = st.tuples(texts(), st.lists(texts(most=3), min_size=1, max_size=4, unique=True))
windows = st.lists(questions, min_size=1, max_size=4)


def prompt(name: str, question: str, choices: Sequence[Choice]) -> Prompt:
    return Prompt(
        id=name,
        probe="p",
        attribute="gender",
        format="decision" if question else "pair",
        language="en",
        scenario="s",
        item="s/0",
        roles={},
        surface="mention",
        arm="explicit",
        order=0,
        favourable="",
        ask=Ask.CHOOSE,
        messages=(Message(role="user", content=question),) if question else (),
        choices=tuple(choices),
    )


def asked(window: Sequence[tuple[str, Sequence[str]]]) -> list[Prompt]:
    return [
        prompt(f"p{i}", question, [Choice(text=t, meaning=t) for t in choices])
        for i, (question, choices) in enumerate(window)
    ]


def answered(model: Any, prompts: Sequence[Prompt], data: st.DataObject) -> list[Any]:
    """Asks in a drawn order with a drawn batch; returns log-probabilities in the order given."""
    model.scorer.batch = data.draw(st.sampled_from([1, 13, 64, 4096]), label="batch")
    order = data.draw(st.permutations(range(len(prompts))), label="order")
    found = model.respond([prompts[i] for i in order])
    assert all(response.error is None for response in found)
    return [found[order.index(i)].logprobs for i in range(len(prompts))]


def agree(got: Sequence[float], want: Sequence[float]) -> bool:
    return len(got) == len(want) and all(close(a, b) for a, b in zip(got, want, strict=True))


# --- causal models ---


def measured(tokenizer: Any, text: str, before: str) -> tuple[list[int], list[int], int]:
    """Returns tokens, where each ends, and where `before` ends, spaces left out.

    Counted in bytes (byte-level BPE) or letters (sentencepiece) of what the tokens are written as.
    """
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    space, encoding = ("Ġ", "utf-8") if "Ġ" in tokenizer.get_vocab() else ("▁", "utf-32-le")
    width = len("a".encode(encoding))
    tokens = tokenizer.convert_ids_to_tokens(ids)
    ends = list(accumulate(len(token.replace(space, "")) for token in tokens))
    whole, part = (len(t.replace(" ", "").encode(encoding)) // width for t in (text, before))
    assert ends[-1] == whole
    return ids, ends, part


def plainly(model: Any, ids: list[int], start: int) -> list[float]:
    if start == 0:
        first = model.tokenizer.bos_token_id
        ids, start = [model.tokenizer.eos_token_id if first is None else first, *ids], 1
    with torch.inference_mode():
        table = model.model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return [float(table[at - 1, ids[at]]) for at in range(start, len(ids))]


def scored_plainly(model: Any, context: str, answer: str) -> list[float]:
    """Scores the tokens of context and answer together that reach into the answer."""
    ids, ends, before = measured(model.tokenizer, context + answer, context)
    return plainly(model, ids, next(i for i, end in enumerate(ends) if end > before))


@pytest.mark.parametrize("shape", ["llama", "pieces", "gpt2", "qwen", "sliding"])
@settings(max_examples=15, deadline=None, suppress_health_check=SLOW_START)
@given(window=windows, data=st.data())
def test_choices_are_scored_as_by_a_plain_loop(
    shape: str, opened: dict[str, Any], window: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    model = opened[shape]
    found = answered(model, asked(window), data)
    for (question, choices), logprobs in zip(window, found, strict=True):
        context = f"{question}\n"
        if shape in ("llama", "pieces", "qwen"):
            context = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
        for choice, scores in zip(choices, logprobs, strict=True):
            assert agree(scores, scored_plainly(model, context, choice))


wordings = st.sampled_from([("nurse", "doctor"), ("the nurse", "doctors"), ("护士", "医生")])
changes = st.tuples(texts(least=0), wordings, texts())


def paired(n: int, head: str, wording: tuple[str, str], tail: str) -> Prompt:
    """Puts a pair whose changed word stands between two marks."""
    both = [f"{head} . {word} , {tail}" for word in wording]
    return prompt(
        f"p{n}", "", [Choice(text=t, meaning=t, start=len(t) - len(f", {tail}")) for t in both]
    )


@pytest.mark.parametrize("shape", ["llama", "pieces", "gpt2", "qwen"])
@settings(max_examples=15, deadline=None, suppress_health_check=SLOW_START)
@given(drawn=st.lists(changes, min_size=1, max_size=4), data=st.data())
def test_pairs_are_scored_on_the_tokens_that_begin_behind_the_change(
    shape: str, opened: dict[str, Any], drawn: list[tuple[str, Any, str]], data: st.DataObject
) -> None:
    model = opened[shape]
    prompts = [paired(n, *parts) for n, parts in enumerate(drawn)]
    for asked_for, logprobs in zip(prompts, answered(model, prompts, data), strict=True):
        coded, behind = [], []
        for choice in asked_for.choices:
            ids, ends, at = measured(model.tokenizer, choice.text, choice.text[: choice.start])
            begins = [0, *ends[:-1]]
            full = [
                i for i, end in enumerate(ends) if end > begins[i]
            ]  # a space counts for nothing
            start = next(i for i in full if begins[i] >= at)
            start -= start > 0 and start - 1 not in full
            coded.append(ids)
            behind.append(ids[start:])
        same = 0
        while same < min(map(len, behind)) and behind[0][-1 - same] == behind[1][-1 - same]:
            same += 1
        for ids, scores in zip(coded, logprobs, strict=True):
            assert agree(scores, plainly(model, ids, len(ids) - same))


@pytest.fixture(scope="module")
def default() -> Any:
    """The default model, from the copy that other runs have made."""
    if importlib.util.find_spec(_weights.PACKAGE) is None:
        pytest.skip(f"the default model's package {_weights.PACKAGE} is not installed")
    return local.open({}, Decoding())


@pytest.mark.slow
@settings(max_examples=10, deadline=None, suppress_health_check=SLOW_START)
@given(window=windows, data=st.data())
def test_the_default_model_scores_choices_as_a_plain_loop_does(
    default: Any, window: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    found = answered(default, asked(window), data)
    for (question, choices), logprobs in zip(window, found, strict=True):
        context = default.tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], tokenize=False, add_generation_prompt=True
        )
        for choice, scores in zip(choices, logprobs, strict=True):
            assert agree(scores, scored_plainly(default, context, choice))


@pytest.mark.parametrize("shape", ["llama", "qwen", "pieces"])
def test_a_text_cut_anywhere_is_encoded_whole_and_then_split(
    shape: str, opened: dict[str, Any]
) -> None:
    encoder, tokenizer = opened[shape].encoder, opened[shape].tokenizer
    bytewise, straddled = shape != "pieces", 0
    for text in TEXTS:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        reached = [0, *accumulate(map(len, tokenizer.convert_ids_to_tokens(ids)))]
        for cut in range(1, len(text)):
            request = encoder._continuation(text[:cut], text[cut:])
            before = len(text[:cut].encode()) if bytewise else cut + 1  # a space stands before all
            first = next(i for i in range(len(ids)) if reached[i + 1] > before)
            straddled += reached[first] < before
            assert list(request.tokens) == [tokenizer.bos_token_id] * (not first) + ids
            assert request.start == max(first, 1)
    assert straddled > 10


# --- masked models ---


def masked_one_by_one(model: Any, text: str, wanted: Sequence[int]) -> list[float]:
    """Scores the tokens at these places, masking one at a time in a forward of its own."""
    ids = model.tokenizer(text)["input_ids"]
    found = []
    for at in wanted:
        masked = [*ids[:at], model.tokenizer.mask_token_id, *ids[at + 1 :]]
        with torch.inference_mode():
            table = model.model(torch.tensor([masked])).logits[0, at].double().log_softmax(-1)
        found.append(float(table[ids[at]]))
    return found


def both_scored(
    model: Any, pair: Sequence[str], places: Sequence[Sequence[int]]
) -> list[list[float]]:
    return [masked_one_by_one(model, text, own) for text, own in zip(pair, places, strict=True)]


@pytest.mark.parametrize("shape", ["bert", "roberta"])
@settings(max_examples=15, deadline=None, suppress_health_check=SLOW_START)
@given(drawn=st.lists(changes, min_size=1, max_size=4), data=st.data())
def test_pairs_are_scored_on_what_stands_around_the_change(
    shape: str, opened: dict[str, Any], drawn: list[tuple[str, Any, str]], data: st.DataObject
) -> None:
    model, want = opened[shape], []
    prompts = [paired(n, *parts) for n, parts in enumerate(drawn)]
    for (head, _, tail), asked_for in zip(drawn, prompts, strict=True):
        pair = [choice.text for choice in asked_for.choices]
        before, behind = (
            len(model.tokenizer(part, add_special_tokens=False)["input_ids"])
            for part in (f"{head} .", f", {tail}")
        )
        sizes = [len(model.tokenizer(text)["input_ids"]) for text in pair]
        places = [(*range(1, 1 + before), *range(s - 1 - behind, s - 1)) for s in sizes]
        want.append(both_scored(model, pair, places))
    for logprobs, wanted in zip(answered(model, prompts, data), want, strict=True):
        assert all(agree(a, b) for a, b in zip(logprobs, wanted, strict=True))


def published(tokenizer: Any, pair: Sequence[str]) -> list[list[int]]:
    """Finds the unmodified tokens as the code of CrowS-Pairs does; its loop skips [CLS] and [SEP]."""
    ids = [[str(token) for token in tokenizer(text)["input_ids"]] for text in pair]
    equal = [o for o in SequenceMatcher(None, ids[0], ids[1]).get_opcodes() if o[0] == "equal"]
    one = [i for o in equal for i in range(o[1], o[2])]
    other = [i for o in equal for i in range(o[3], o[4])]
    return [one[1:-1], other[1:-1]]


DATA = Path(os.environ.get("HARNESS_DATA") or Path(__file__).parents[2] / "../shared/data")
CROWS = DATA / "crows-pairs/crows_pairs_anonymized.csv"


@pytest.mark.skipif(
    not CROWS.is_file(), reason=f"{CROWS} is not there (HARNESS_DATA names its data)"
)
def test_the_tokens_of_all_of_crows_pairs_are_those_of_the_published_metric(
    opened: dict[str, Any],
) -> None:
    encoder, tokenizer = opened["bert"].encoder, opened["bert"].tokenizer
    with CROWS.open(encoding="utf-8", newline="") as file:
        pairs = [(row["sent_more"], row["sent_less"]) for row in csv.DictReader(file)]
    assert len(pairs) == 1508
    for pair in pairs:
        places = matched(*(encoder._code(text) for text in pair))
        assert [list(own) for own in places] == published(tokenizer, pair)


@settings(max_examples=15, deadline=None, suppress_health_check=SLOW_START)
@given(pair=st.tuples(texts(most=8), texts(most=8)), same=texts(), data=st.data())
def test_where_no_change_is_marked_the_tokens_are_those_of_the_published_metric(
    opened: dict[str, Any], pair: tuple[str, str], same: str, data: st.DataObject
) -> None:
    model, whole = opened["bert"], [f"{text} {same}" for text in pair]
    want = both_scored(model, whole, published(model.tokenizer, whole))
    choices = [Choice(text=text, meaning=text) for text in whole]
    [found] = answered(model, [prompt("p", "", choices)], data)
    assert all(agree(a, b) for a, b in zip(found, want, strict=True))


@pytest.mark.parametrize("shape", ["llama", "gpt2", "qwen", "sliding"])
@settings(max_examples=15, deadline=None, suppress_health_check=SLOW_START)
@given(pair=st.tuples(texts(most=8), texts(most=8)), same=texts(), data=st.data())
def test_where_no_change_is_marked_a_causal_model_scores_the_same_tokens(
    shape: str, opened: dict[str, Any], pair: tuple[str, str], same: str, data: st.DataObject
) -> None:
    model, whole = opened[shape], [f"{text} {same}" for text in pair]
    coded = [model.tokenizer(text, add_special_tokens=False)["input_ids"] for text in whole]
    equal = SequenceMatcher(None, coded[0], coded[1], autojunk=False).get_matching_blocks()
    places = [
        [getattr(block, side) + k for block in equal for k in range(block.size)] for side in "ab"
    ]
    [found] = answered(model, [prompt("p", "", [Choice(text=t, meaning=t) for t in whole])], data)
    for ids, own, scores in zip(coded, places, found, strict=True):
        full = plainly(model, ids, 0)
        assert agree(scores, [full[at] for at in own])


@pytest.mark.parametrize("shape", ["llama", "gpt2", "qwen", "bert", "roberta"])
@settings(max_examples=10, deadline=None, suppress_health_check=SLOW_START)
@given(before=texts(least=0), sentences=st.lists(texts(), min_size=1, max_size=3), data=st.data())
def test_of_whole_sentences_all_tokens_behind_the_context_are_scored(
    shape: str, opened: dict[str, Any], before: str, sentences: list[str], data: st.DataObject
) -> None:
    model, context = opened[shape], f"{before} , " if before else ""
    choices = [Choice(text=context + t, meaning=t, start=len(context)) for t in sentences]
    asked_for = replace(prompt("p", "", choices), surface=WHOLE)
    [found] = answered(model, [asked_for], data)
    for choice, scores in zip(choices, found, strict=True):
        if shape in ("bert", "roberta"):
            coded = model.tokenizer(
                choice.text, return_offsets_mapping=True, return_special_tokens_mask=True
            )
            own = [
                at
                for at, (_, end) in enumerate(coded["offset_mapping"])
                if end > len(context) and not coded["special_tokens_mask"][at]
            ]
            assert agree(scores, masked_one_by_one(model, choice.text, own))
        else:
            assert agree(scores, scored_plainly(model, context, choice.text[choice.start :]))


# --- encoder-decoder models ---


@settings(max_examples=15, deadline=None, suppress_health_check=SLOW_START)
@given(window=windows, data=st.data())
def test_an_encoder_decoder_scores_choices_as_a_plain_loop_does(
    opened: dict[str, Any], window: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    model = opened["t5"]
    found = answered(model, asked(window), data)
    for (question, choices), logprobs in zip(window, found, strict=True):
        source = model.tokenizer(f"{question}\n")["input_ids"]
        assert source[-1] == model.tokenizer.eos_token_id
        for choice, scores in zip(choices, logprobs, strict=True):
            target = model.tokenizer(choice, add_special_tokens=False)["input_ids"]
            with torch.inference_mode():
                out = model.model(
                    torch.tensor([source]), decoder_input_ids=torch.tensor([[0, *target]])
                )
            table = out.logits[0].double().log_softmax(-1)
            assert agree(scores, [float(table[at, token]) for at, token in enumerate(target)])
