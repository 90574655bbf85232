"""Tiny random models with tokenizers trained on the spot, and prompts to ask them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.records import Ask, Choice, Message, Prompt

TEXTS = [
    "The nurse said that she was tired. The doctor said that he was late.",
    "Should the loan be approved? Yes, it should. No, it should not.",
    "护士说她很累。医生说他来晚了。应该批准这笔贷款吗？应该。不应该。",
]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def train_tokenizer(size: int = 400, *, template: str | None = TEMPLATE) -> Any:
    """Trains a byte-level BPE tokenizer on English and Chinese."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    build: Any = transformers
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator(TEXTS * 4, trainer)
    made = build.PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token="<|im_end|>", bos_token="<|endoftext|>"
    )
    made.chat_template = template
    return made


def close(got: float, want: float) -> bool:
    """Tells whether two log-likelihoods agree as closely as float32 lets them."""
    return abs(got - want) <= 1e-4 + 1e-6 * abs(want)


def random_model(shape: str, vocabulary: int = 400, seed: int = 0) -> Any:
    """Builds a small model of a shape, with weights large enough for scores to differ."""
    import torch
    import transformers

    build: Any = transformers
    torch.manual_seed(seed)
    common: dict[str, Any] = {
        "vocab_size": vocabulary,
        "initializer_range": 0.3,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "pad_token_id": None,
    }
    llama: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
    }
    if shape == "gpt2":
        config = build.GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=256, **common)
        return build.GPT2LMHeadModel(config).eval()
    if shape == "sliding":
        config = build.MistralConfig(sliding_window=8, **llama, **common)
        return build.MistralForCausalLM(config).eval()
    return build.LlamaForCausalLM(build.LlamaConfig(**llama, **common)).eval()


def save(folder: Path, model: Any, tokenizer: Any) -> str:
    """Writes a model folder as other tools would."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of a Llama-, a GPT-2- and a sliding-window-shaped model."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = train_tokenizer()
    return {
        shape: save(tmp_path_factory.mktemp(shape), random_model(shape, len(tokenizer)), tokenizer)
        for shape in ("llama", "gpt2", "sliding")
    }


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder of the test's own."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


AskFor = Callable[..., Prompt]


@pytest.fixture
def ask() -> AskFor:
    """Builds prompts: `ask("id", "question", choices=[...])`, or whole texts without a question."""

    def build(
        name: str, question: str = "", choices: tuple[Choice | str, ...] = (), **changed: Any
    ) -> Prompt:
        made = tuple(c if isinstance(c, Choice) else Choice(text=c, meaning=c) for c in choices)
        given: dict[str, Any] = {
            "id": name,
            "probe": "p",
            "attribute": "gender",
            "format": "decision",
            "language": "en",
            "scenario": "s",
            "item": "s/0",
            "roles": {},
            "surface": "mention",
            "arm": "explicit",
            "order": 0,
            "favourable": "",
            "ask": Ask.CHOOSE if made else Ask.GENERATE,
            "messages": (Message(role="user", content=question),) if question else (),
            "choices": made,
        }
        return Prompt(**{**given, **changed})

    return build
