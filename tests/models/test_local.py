"""A local model: settings, errors before the first prompt, tokens at the boundary, answers."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.errors import BadConfig, BadModel, HarnessError
from harness.models import _devices, _weights, local
from harness.models._encoding import Encoder, UnfitError
from harness.records import Choice, Decoding, Response
from tests.models.conftest import AskFor, close, random_model, save, train_tokenizer

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("cache")
CHOICES = ("Yes, it should.", "No.", "应该。")


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny models gain nothing from a second thread, and wait for it on a busy machine."""
    monkeypatch.setattr(local, "count_cores", lambda: 1)


def refusal(given: dict[str, Any], kind: type[HarnessError] = BadModel) -> HarnessError:
    """Opens what cannot be opened, and checks that the error has its four parts."""
    with pytest.raises(kind) as caught:
        local.open(given, Decoding())
    error = caught.value
    assert all((error.what, error.where, error.expected, error.fix))
    assert "Traceback" not in str(error)
    return error


def total(response: Response) -> list[float]:
    assert response.logprobs is not None
    return [sum(choice) for choice in response.logprobs]


# --- errors before the first prompt ---


def test_an_unknown_setting_names_the_near_one() -> None:
    assert "dtype" in refusal({"dtipe": "float32"}, BadConfig).fix
    assert "trust_remote_code" not in refusal({"trust_remote_code": True}, BadConfig).expected


@pytest.mark.parametrize(
    "given",
    [{"batch": 0}, {"batch": "many"}, {"threads": -1}, {"dtype": "int8"}, {"path": 3}],
)
def test_a_setting_out_of_range_is_refused(given: dict[str, Any]) -> None:
    assert refusal(given, BadConfig).where == f"model.{next(iter(given))}"


def test_a_wrong_path_is_refused(tmp_path: Path) -> None:
    assert "not there" in refusal({"path": str(tmp_path / "none")}).what
    assert "not there" in refusal({"path": str(tmp_path / "none.gguf")}).what
    (tmp_path / "notes.txt").write_text("")
    assert "no model" in refusal({"path": str(tmp_path / "notes.txt")}).what


def test_a_folder_that_is_no_language_model_is_refused(tmp_path: Path) -> None:
    path = {"path": str(tmp_path)}
    assert "config.json" in refusal(path).what
    (tmp_path / "m.gguf").write_bytes(b"")
    assert "m.gguf" in refusal(path).fix
    config = tmp_path / "config.json"
    config.write_text("{ half")
    assert "config.json" in refusal(path).what
    config.write_text(
        json.dumps({"model_type": "bert", "architectures": ["BertForTokenClassification"]})
    )
    assert "BertForTokenClassification" in refusal(path).what
    config.write_text(json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}))
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    assert "safetensors" in refusal(path).what


def test_damaged_or_incomplete_weights_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = save(tmp_path, random_model("llama"), train_tokenizer())
    weights = tmp_path / "model.safetensors"
    tensors = load_file(weights)
    tensors.pop("model.norm.weight")
    save_file(tensors, weights, metadata={"format": "pt"})
    assert "missing" in refusal({"path": folder}).what
    weights.write_bytes(weights.read_bytes()[:50])
    assert "damaged" in refusal({"path": folder}).what
    (tmp_path / "broken.gguf").write_bytes(b"no gguf")
    assert "damaged" in refusal({"path": str(tmp_path / "broken.gguf")}).what


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    random_model("llama").save_pretrained(tmp_path)
    assert "cannot be loaded" in refusal({"path": str(tmp_path)}).what


def test_too_little_memory_is_said_before_loading(
    folders: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_devices, "available_memory", lambda device: 2**20)
    error = refusal({"path": folders["llama"]})
    assert "GiB are free" in error.what
    assert "bfloat16" in error.fix


def test_a_device_that_is_not_there_is_refused(folders: dict[str, str]) -> None:
    refusal({"path": folders["llama"], "device": "nonsense"})
    if not torch.cuda.is_available():
        refusal({"path": folders["llama"], "device": "cuda"})


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("GatedRepoError", "gated"),
        ("RepositoryNotFoundError", "neither"),
        ("RevisionNotFoundError", "revision"),
        ("LocalEntryNotFoundError", "cannot be reached"),
        ("OSError", "no space"),
    ],
)
def test_the_hub_answers_in_words(kind: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub import errors

    made = getattr(errors, kind, OSError)

    def fails(*args: Any, **named: Any) -> str:
        raise made.__new__(made) if made is not OSError else OSError("no space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fails)
    assert words in refusal({"path": "org/name", "revision": "r1"}).what


# --- provenance ---


def test_a_fingerprint_is_the_same_again_and_moves_with_what_moves_answers(
    folders: dict[str, str], tmp_path: Path
) -> None:
    def fingerprint(**given: Any) -> str:
        model = local.open({"path": folders["llama"], **given}, Decoding())
        return str(model.describe()["fingerprint"])

    plain = fingerprint()
    assert fingerprint(batch=64, threads=1) == plain
    assert fingerprint(system="Be brief.") != plain
    assert fingerprint(dtype="bfloat16") != plain
    other = save(tmp_path, random_model("llama", seed=1), train_tokenizer())
    assert fingerprint(path=other) != plain


@pytest.mark.parametrize(
    ("name", "changed"),
    [("config.json", {"rms_norm_eps": 0.5}), ("generation_config.json", {"eos_token_id": [2, 77]})],
)
def test_a_fingerprint_moves_with_the_settings_beside_equal_weights(
    name: str, changed: dict[str, Any], folders: dict[str, str], tmp_path: Path
) -> None:
    copies = [tmp_path / "one", tmp_path / "other", tmp_path / "changed"]
    for copy in copies:
        shutil.copytree(folders["llama"], copy)
    told = json.loads((copies[2] / name).read_text())
    (copies[2] / name).write_text(json.dumps(told | changed))
    models = [local.open({"path": str(copy)}, Decoding()) for copy in copies]
    one, other, last = (model.describe() for model in models)
    assert one["fingerprint"] == other["fingerprint"] != last["fingerprint"]
    assert one["weights"] == last["weights"]


def test_a_model_without_a_template_is_asked_in_plain_text(tmp_path: Path, ask: AskFor) -> None:
    folder = save(tmp_path, random_model("llama"), train_tokenizer(template=None))
    model = local.open({"path": folder}, Decoding())
    assert model.describe()["context"] == "plain text"
    assert model.respond([ask("a", "Yes?", ("Yes", "No"))])[0].finish == "scored"


def test_a_template_that_refuses_the_system_prompt_is_refused(tmp_path: Path) -> None:
    template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    )
    folder = save(tmp_path, random_model("llama"), train_tokenizer(template=template + "x"))
    assert refusal({"path": folder, "system": "Be brief."}).where == "model.system"


# --- tokens ---


def test_the_boundary_is_where_the_context_ends() -> None:
    encoder = Encoder(train_tokenizer(), None, None)
    for context, answer in [
        ("The nurse", " said"),
        ("护士说", "她很累"),
        ("app", "roved"),
        ("应", "该"),
    ]:
        request = encoder._continuation(context, answer)
        together = encoder.tokenizer(context + answer)["input_ids"]
        assert list(request.tokens)[-len(together) :] == together
        scored = encoder.tokenizer.decode(request.tokens[request.start :])
        assert scored.endswith(answer)
        before = encoder.tokenizer.decode(request.tokens[: request.start], skip_special_tokens=True)
        assert context.startswith(before)


def test_a_token_that_straddles_the_boundary_belongs_to_the_answer() -> None:
    encoder = Encoder(train_tokenizer(), None, None)
    assert len(encoder.tokenizer(" should")["input_ids"]) == 1
    request = encoder._continuation("Yes, it sho", "uld")
    assert encoder.tokenizer.decode(request.tokens[request.start :]) == " should"


@pytest.mark.parametrize(
    ("one", "other", "tail"),
    [
        ("The nurse said that she was tired.", "The nurse said that he was tired.", "was tired."),
        ("护士说她很累。", "护士说他很累。", "很累。"),
    ],
)
def test_a_sentence_pair_is_scored_on_the_same_tokens(one: str, other: str, tail: str) -> None:
    encoder = Encoder(train_tokenizer(), None, None)
    pair = [Choice(text=t, meaning="", start=t.index(tail)) for t in (one, other)]
    first, second = encoder._shared_endings(pair)
    scored = first.tokens[first.start :]
    assert scored == second.tokens[second.start :]
    assert tail.endswith(encoder.tokenizer.decode(scored).lstrip())
    spaced = [Choice(text=t, meaning="", start=t.index(tail) - (one < "~")) for t in (one, other)]
    assert [r.tokens[r.start :] for r in encoder._shared_endings(spaced)] == [scored, scored]


def test_texts_that_differ_behind_the_span_are_an_error() -> None:
    encoder = Encoder(train_tokenizer(), None, None)
    pair = [
        Choice(text="she is here", meaning="", start=4),
        Choice(text="he was", meaning="", start=3),
    ]
    with pytest.raises(UnfitError, match="differ"):
        encoder._shared_endings(pair)


def test_a_first_token_is_scored_behind_a_bos() -> None:
    encoder = Encoder(train_tokenizer(), None, None)
    (request,) = encoder._shared_endings([Choice(text="Yes", meaning="")])
    assert request.tokens[0] == encoder.tokenizer.bos_token_id
    assert request.start == 1


# --- answers ---


@pytest.mark.parametrize("shape", ["llama", "gpt2", "sliding"])
def test_scores_do_not_depend_on_batch_or_order(
    shape: str, folders: dict[str, str], ask: AskFor
) -> None:
    prompts = [ask(f"p{i}", f"Should loan {i} be approved?", CHOICES) for i in range(5)]
    models = [local.open({"path": folders[shape], "batch": b}, Decoding()) for b in (1, 1024)]
    one, many = (model.respond(prompts) for model in models)
    back = models[1].respond(prompts[::-1])[::-1]
    for a, b, c in zip(one, many, back, strict=True):
        assert all(close(x, y) for x, y in zip(total(b), total(a), strict=True))
        assert all(close(x, y) for x, y in zip(total(c), total(a), strict=True))


@pytest.mark.parametrize("shape", ["llama", "gpt2", "qwen", "sliding", "t5"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_an_answer_does_not_depend_on_the_batch_it_was_written_in(
    shape: str, temperature: float, folders: dict[str, str], ask: AskFor
) -> None:
    decoding = Decoding(samples=2, temperature=temperature, max_tokens=8, seed=3)
    model = local.open({"path": folders[shape]}, decoding)
    questions = ["Yes?", "应该批准这笔贷款吗？", "Should the loan be approved? " * 3]
    prompts = [ask(f"p{i}", questions[i % 3]) for i in range(7)]
    together = model.respond(prompts)
    alone = [response for prompt in prompts for response in model.respond([prompt])]
    assert together == alone
    assert [r.sample for r in together] == [0, 1] * 7
    assert {r.finish for r in together} <= {"stop", "length"}
    texts = {r.text for r in together if r.prompt == "p2"}
    assert len(texts) == (1 if temperature == 0 else 2)


def test_an_answer_cut_at_the_limit_says_so_and_an_end_stops(
    folders: dict[str, str], ask: AskFor
) -> None:
    model = local.open({"path": folders["llama"]}, Decoding(max_tokens=3))
    model.stops = set()
    (cut,) = model.respond([ask("a", "Yes?")])
    assert (cut.finish, cut.tokens_out) == ("length", 3)
    model.stops = set(range(1000))
    (ended,) = model.respond([ask("a", "Yes?")])
    assert (ended.finish, ended.tokens_out, ended.text) == ("stop", 1, "")


def test_kinds_of_prompts_are_answered_in_their_order(folders: dict[str, str], ask: AskFor) -> None:
    model = local.open({"path": folders["llama"]}, Decoding(samples=2, max_tokens=2))
    prompts = [ask("g", "Yes?"), ask("c", "Yes?", CHOICES), ask("h", "No?"), ask("d", "", ("Yes",))]
    answers = model.respond(prompts)
    assert [r.prompt for r in answers] == ["g", "g", "c", "h", "h", "d"]
    assert model.respond([]) == []


def test_a_prompt_beyond_the_context_is_an_error_and_the_rest_is_answered(
    folders: dict[str, str], ask: AskFor
) -> None:
    model = local.open({"path": folders["llama"]}, Decoding(max_tokens=4))
    long = "Should the loan be approved? " * 100
    answers = model.respond([ask("a", long, CHOICES), ask("b", "Yes?", CHOICES), ask("c", long)])
    assert [r.finish for r in answers] == ["error", "scored", "error"]
    assert "256" in str(answers[0].error)


def test_weights_that_are_no_numbers_give_errors_and_never_a_number(
    tmp_path: Path, ask: AskFor
) -> None:
    broken = random_model("llama")
    torch.nn.init.constant_(broken.model.norm.weight, float("nan"))
    model = local.open({"path": save(tmp_path, broken, train_tokenizer())}, Decoding(max_tokens=2))
    for answer in model.respond([ask("a", "Yes?", CHOICES), ask("b", "Yes?")]):
        assert answer.finish == "error"
        assert answer.error
        assert answer.logprobs is None
        assert answer.text is None


@pytest.mark.parametrize(
    ("text", "opened", "reasoning", "answer"),
    [
        ("<think>hm</think>\n\nYes", False, "hm", "Yes"),
        ("hm</think>Yes", True, "hm", "Yes"),
        ("<think>hm", False, "hm", ""),
        ("Yes <think>", False, None, "Yes <think>"),
    ],
)
def test_thinking_is_kept_apart(
    text: str, opened: bool, reasoning: str | None, answer: str
) -> None:
    assert local._split_reasoning(text, opened) == (reasoning, answer)


# --- the default model ---

TEXTS = [
    "The nurse said that she was tired.",
    "The engineer told us that his daughter would repair the bridge.",
    "那位护士说她今天很累。",
    "他们从河南搬到北京以后，开了一家小饭馆。",
]


@pytest.mark.skipif(
    importlib.util.find_spec(_weights.PACKAGE) is None,
    reason=f"the default model's package {_weights.PACKAGE} is not installed",
)
def test_the_default_model_scores_as_a_plain_loop_does(
    ask: AskFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    monkeypatch.delenv("HARNESS_CACHE")  # the copy that other runs have made
    model = local.open({}, Decoding())
    answers = model.respond([ask(text, "", (text,)) for text in TEXTS])
    folder = _weights.converted(_weights.default_gguf())
    if folder is None:
        pytest.skip("the cache folder cannot be written, so there is no copy to compare with")
    other: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for text, answer in zip(TEXTS, answers, strict=True):
        ids = [tokenizer.bos_token_id, *tokenizer(text)["input_ids"]]
        with torch.inference_mode():
            table = other(torch.tensor([ids])).logits[0].double().log_softmax(-1)
        want = sum(float(table[at - 1, ids[at]]) for at in range(1, len(ids)))
        assert close(total(answer)[0], want)
    assert model.describe()["packing"] == "tree"
