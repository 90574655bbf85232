"""Answers are written as a plain loop writes them, and what prompts share is read once."""

from __future__ import annotations

from typing import Any

import pytest

from harness.models import _decoding, local
from harness.records import Decoding
from tests.models.conftest import AskFor, read_by

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("cache")
QUESTIONS = ("Yes?", "应该批准这笔贷款吗？", "Should the loan be approved? " * 3, "护士")


@pytest.mark.parametrize("shape", ["llama", "gpt2", "qwen", "pieces", "sliding", "t5"])
def test_the_likeliest_tokens_are_those_that_transformers_writes(
    shape: str, opened: dict[str, Any], ask: AskFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = opened[shape]
    monkeypatch.setattr(model, "decoding", Decoding(max_tokens=12))
    prompts = [ask(f"p{i}", question) for i, question in enumerate(QUESTIONS)]
    answers = model.respond(prompts)
    for prompt, answer in zip(prompts, answers, strict=True):
        ids = torch.tensor([model.encoder.prompt(prompt, 12)])
        told = {"do_sample": False, "max_new_tokens": 12, "eos_token_id": sorted(model.stops)}
        want = model.model.generate(
            ids, attention_mask=torch.ones_like(ids), pad_token_id=0, **told
        )
        written = want[0, 1 if shape == "t5" else ids.shape[1] :].tolist()
        assert answer.tokens_out == len(written)
        assert answer.finish == ("stop" if written[-1] in model.stops else "length")
        kept = written[:-1] if answer.finish == "stop" else written
        text = model.tokenizer.decode(kept, clean_up_tokenization_spaces=False)
        for mark in model.tokenizer.all_special_tokens:
            text = text.replace(mark, "")
        assert answer.text == text


def test_what_all_prompts_begin_with_and_equal_prompts_are_read_once(
    opened: dict[str, Any], ask: AskFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = opened["llama"]
    monkeypatch.setattr(model, "decoding", Decoding(samples=3, temperature=1.0, max_tokens=1))
    header = "The nurse said that she was tired. The doctor said that he was late. "
    prompts = [ask(f"p{i}", header + question) for i, question in enumerate("ab")]
    sizes = [len(model.encoder.prompt(prompt, 0)) for prompt in prompts]
    with read_by(model.model) as read:
        model.respond(prompts)
    (one, shared), (two, rest) = read
    assert (one, two) == (1, 2)
    assert shared >= _decoding.HEADER
    assert shared + rest == max(sizes)


@pytest.mark.parametrize("shape", ["llama", "gpt2", "qwen"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_reading_the_header_by_itself_moves_no_answer(
    shape: str,
    temperature: float,
    opened: dict[str, Any],
    ask: AskFor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = opened[shape]
    decoding = Decoding(samples=2, temperature=temperature, max_tokens=8, seed=3)
    monkeypatch.setattr(model, "decoding", decoding)
    header = "The nurse said that she was tired. 医生说他来晚了。" * 2
    prompts = [ask(f"p{i}", header + question) for i, question in enumerate(QUESTIONS)]
    shared = model.respond(prompts)
    monkeypatch.setattr(model.scorer, "packing", "sorted")  # as of an architecture without trees
    assert model.respond(prompts) == shared


def test_the_same_seed_draws_the_same_and_another_seed_something_else(
    folders: dict[str, str], ask: AskFor
) -> None:
    def texts(seed: int) -> list[str | None]:
        decoding = Decoding(samples=4, temperature=1.0, max_tokens=8, seed=seed)
        model = local.open({"path": folders["llama"]}, decoding)
        return [response.text for response in model.respond([ask("p", "Yes?")])]

    assert texts(1) == texts(1)
    assert not set(texts(1)) & set(texts(2))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_are_drawn_as_often_as_they_are_likely(temperature: float) -> None:
    n, logits = 4000, torch.tensor([0.3, -1.0, 1.2, -0.4])
    seeded = [torch.Generator().manual_seed(seed) for seed in range(n)]
    drawn = _decoding._choose(logits.repeat(n, 1), seeded, temperature)
    likely = (logits.double() / temperature).softmax(-1)
    found = torch.bincount(drawn, minlength=4) / n
    assert bool(((found - likely).abs() < 4 * (likely * (1 - likely) / n).sqrt()).all())
