"""Tiny random models with tokenizers trained on the spot, and prompts to ask them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.records import Ask, Choice, Decoding, Message, Prompt

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


def train_unigram(*, template: str | None = TEMPLATE, ends: bool = False) -> Any:
    """Trains a tokenizer as sentencepiece does: a space is the first letter of its word.

    With `ends` it puts </s> behind a text, as T5 does.
    """
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    build: Any = transformers
    core = Tokenizer(models.Unigram())
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    core.decoder = decoders.Metaspace(prepend_scheme="always")
    special = ["<pad>", "</s>", "<unk>", "<s>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=300,
        special_tokens=special,
        unk_token="<unk>",
        initial_alphabet=sorted({*"".join(TEXTS), *map(chr, range(32, 127)), "\n"}),
        show_progress=False,
    )
    core.train_from_iterator(TEXTS * 4, trainer)
    if ends:
        core.post_processor = processors.TemplateProcessing(
            single="$A </s>", special_tokens=[("</s>", 1)]
        )
    made = build.PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    made.bos_token = None if ends else "<s>"
    made.chat_template = template
    return made


def train_wordpiece() -> Any:
    """Trains a tokenizer as BERT's is: lower case, each Chinese character a word, [CLS] and [SEP]."""
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    build: Any = transformers
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=300,
        special_tokens=special,
        initial_alphabet=list(map(chr, range(33, 127))),
        show_progress=False,
    )
    core.train_from_iterator(TEXTS * 4, trainer)
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return build.PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


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
    if shape == "qwen":
        return build.Qwen2ForCausalLM(build.Qwen2Config(**llama, **common)).eval()
    if shape in ("bert", "roberta"):
        config = getattr(build, f"{shape.title()}Config".replace("Roberta", "XLMRoberta"))(
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=80,
            **(common | {"pad_token_id": 0}),
        )
        kind = "BertForMaskedLM" if shape == "bert" else "XLMRobertaForMaskedLM"
        return _spread(getattr(build, kind)(config)).eval()
    if shape == "t5":
        config = build.T5Config(
            vocab_size=vocabulary,
            d_model=32,
            d_kv=8,
            d_ff=48,
            num_layers=2,
            num_heads=4,
            decoder_start_token_id=0,
            pad_token_id=0,
            eos_token_id=1,
        )
        return _spread(build.T5ForConditionalGeneration(config)).eval()
    if shape == "sliding":
        config = build.MistralConfig(sliding_window=8, **llama, **common)
        return build.MistralForCausalLM(config).eval()
    return build.LlamaForCausalLM(build.LlamaConfig(**llama, **common)).eval()


def _spread(model: Any) -> Any:
    """Draws weights so large that scores differ, where the configuration does not."""
    import torch

    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return model


@contextmanager
def read_by(module: Any) -> Iterator[list[tuple[int, ...]]]:
    """Collects the shapes of the tokens that a part of a model is given."""
    shapes: list[tuple[int, ...]] = []

    def note(_: Any, args: tuple[Any, ...], given: dict[str, Any]) -> None:
        shapes.append(tuple((args[0] if args else given["input_ids"]).shape))

    handle = module.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield shapes
    finally:
        handle.remove()


def save(folder: Path, model: Any, tokenizer: Any) -> str:
    """Writes a model folder as other tools would."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of models of each shape, with a tokenizer of the kind that such models have."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    chat, words = train_tokenizer(), train_wordpiece()
    tokenizers = {
        "llama": chat,
        "gpt2": train_tokenizer(template=None),
        "sliding": train_unigram(template=None),
        "qwen": chat,
        "pieces": train_unigram(),  # a Llama with such a tokenizer and a chat template
        "bert": words,
        "roberta": words,
        "t5": train_unigram(template=None, ends=True),
    }
    return {
        shape: save(tmp_path_factory.mktemp(shape), random_model(shape, len(tokenizer)), tokenizer)
        for shape, tokenizer in tokenizers.items()
    }


@pytest.fixture(scope="session")
def opened(
    folders: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """The model of each folder, open; a test leaves it as it was."""
    from harness.models import local

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(local, "count_cores", lambda: 1)
        yield {shape: local.open({"path": path}, Decoding()) for shape, path in folders.items()}


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
