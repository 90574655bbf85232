"""The kind of a model is read off its config, and decides what it may be asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from harness.cli import main
from harness.errors import BadConfig, BadModel
from harness.models import local
from harness.models._kinds import Kind, kind_of
from harness.models._seq2seq import prefix_of
from harness.models._settings import Settings
from harness.records import FORMATS, Ask, Choice, Decoding
from tests.models.conftest import (
    AskFor,
    close,
    random_model,
    read_by,
    save,
    train_tokenizer,
)

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("cache")
PAIR = tuple(
    Choice(text=f"The {who} said that.", meaning=meaning, start=len(f"The {who}"))
    for who, meaning in (("nurse", "stereotyped"), ("doctor", "counter"))
)


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, Kind.CAUSAL),
        ({"model_type": "llama"}, Kind.CAUSAL),
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, Kind.MASKED),
        ({"model_type": "bert", "architectures": ["BertLMHeadModel"]}, Kind.CAUSAL),
        ({"model_type": "bert"}, Kind.MASKED),
        ({"model_type": "bert", "is_decoder": True}, Kind.CAUSAL),
        ({"model_type": "distilbert"}, Kind.MASKED),
        ({"model_type": "bart", "architectures": ["BartForConditionalGeneration"]}, Kind.SEQ2SEQ),
        ({"model_type": "bart", "architectures": ["BartForCausalLM"]}, Kind.CAUSAL),
        ({"model_type": "t5", "is_encoder_decoder": True}, Kind.SEQ2SEQ),
    ],
)
def test_the_kind_is_that_of_the_architecture(
    config: dict[str, Any], kind: Kind, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert kind_of(tmp_path, [tmp_path / "model.safetensors"], "m") is kind


@pytest.mark.parametrize("built", ["BertModel", "BertForSequenceClassification"])
def test_a_model_without_a_head_for_tokens_is_refused(built: str, tmp_path: Path) -> None:
    config = {"model_type": "bert", "architectures": [built]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadModel, match=built):
        kind_of(tmp_path, [tmp_path / "model.safetensors"], "m")


@pytest.mark.parametrize("shape", ["bert", "t5", "llama"])
def test_what_is_foreseen_is_what_the_open_model_says(
    shape: str, folders: dict[str, str], opened: dict[str, Any], ask: AskFor
) -> None:
    given = {"path": folders[shape]}
    foreseen, model = local.foresee(given, Decoding()), opened[shape]
    assert foreseen.abilities == model.abilities
    assert foreseen.cannot == model.cannot
    assert foreseen.was(model.describe())
    prompt = ask("p", "", PAIR) if shape == "bert" else ask("p", "Well?", ("Yes.", "No."))
    assert foreseen.count is not None
    assert foreseen.count(prompt) == model.respond([prompt])[0].tokens_in > 0


def test_a_masked_model_answers_pairs_alone(opened: dict[str, Any], ask: AskFor) -> None:
    model = opened["bert"]
    assert model.abilities == {Ask.CHOOSE}
    assert set(model.cannot) == set(FORMATS) - {"pair"}
    told = model.describe()
    assert (told["kind"], told["packing"]) == ("masked", "masked")
    prompts = [ask("a", "Yes?", ("Yes", "No")), ask("b", "", PAIR), ask("c", "Yes?"),
               ask("d", "", PAIR[:1])]  # fmt: skip
    assert [r.finish for r in model.respond(prompts)] == ["error", "scored", "error", "error"]


def test_a_masked_model_takes_no_system_prompt(folders: dict[str, str]) -> None:
    for opens in (local.open, local.foresee):
        with pytest.raises(BadConfig, match=r"model\.system"):
            opens({"path": folders["bert"], "system": "Be brief."}, Decoding())


def test_a_masked_model_without_a_mask_is_refused(tmp_path: Path) -> None:
    tokenizer = train_tokenizer()
    folder = save(tmp_path, random_model("bert", len(tokenizer)), tokenizer)
    with pytest.raises(BadModel, match="mask token"):
        local.open({"path": folder}, Decoding())


@pytest.mark.parametrize(("shape", "most"), [("bert", 80), ("roberta", 79)])
def test_a_text_as_long_as_the_model_takes_is_scored_and_a_longer_one_is_an_error(
    shape: str, most: int, opened: dict[str, Any], ask: AskFor
) -> None:
    model = opened[shape]
    pairs = [
        tuple(
            Choice(text="said " * n + who + " said.", meaning=who, start=5 * n + len(who))
            for who in ("nurse", "doctor")
        )
        for n in (most - 5, most - 4)  # with who, said, the full stop, [CLS] and [SEP]
    ]
    answers = model.respond([ask(f"p{i}", "", pair) for i, pair in enumerate(pairs)])
    assert [r.finish for r in answers] == ["scored", "error"]
    assert str(most) in str(answers[1].error)


def test_pairs_whose_texts_share_nothing_or_differ_behind_the_change_are_errors(
    opened: dict[str, Any], ask: AskFor
) -> None:
    model = opened["bert"]
    apart = (Choice(text="nurse", meaning="a"), Choice(text="doctor", meaning="b"))
    behind = (
        Choice(text="The nurse said", meaning="a", start=9),
        Choice(text="The doctor was", meaning="b", start=10),
    )
    answers = model.respond([ask("a", "", apart), ask("b", "", behind)])
    assert [r.finish for r in answers] == ["error", "error"]
    assert "share no token" in str(answers[0].error)
    assert "differ" in str(answers[1].error)


@pytest.mark.parametrize(
    ("one", "other", "scored"),
    [
        ("The nurse said", "The doctor said", ["the", "said"]),
        ("应该。女人说她很累", "应该。女性说她很累", ["应", "该", "。", "说", "她", "很", "累"]),
        ("应该说女人很累", "应该说女性很累", ["很", "累"]),
    ],
)
def test_no_piece_of_a_wording_is_scored(
    one: str, other: str, scored: list[str], opened: dict[str, Any], ask: AskFor
) -> None:
    model = opened["bert"]
    tail = next(t for t in (" said", "说她很累", "很累") if one.endswith(t))
    pair = tuple(Choice(text=t, meaning=t, start=len(t) - len(tail)) for t in (one, other))
    requests, _ = model.encoder.choices(ask("p", "", pair))
    for request in requests:
        tokens = [request.tokens[at] for at in request.places]
        assert model.tokenizer.convert_ids_to_tokens(tokens) == scored


def test_each_masked_copy_is_computed_once(opened: dict[str, Any], ask: AskFor) -> None:
    model = opened["bert"]
    with read_by(model.model) as read:
        answers = model.respond([ask(f"p{i}", "", PAIR) for i in range(5)])
    assert sum(rows for rows, _ in read) == sum(map(len, answers[0].logprobs or ()))


def test_a_prompt_is_read_once_by_the_encoder_for_all_its_answers(
    opened: dict[str, Any], ask: AskFor
) -> None:
    model = opened["t5"]
    with read_by(model.model.get_encoder()) as read:
        model.respond([ask(f"p{i}", f"{i % 2}?", ("Yes.", "No.", f"{i}")) for i in range(6)])
    assert sum(rows for rows, _ in read) == 2


@pytest.mark.parametrize("shape", ["bert", "t5"])
def test_a_head_that_looks_elsewhere_is_found_out_and_scored_plainly(
    shape: str,
    folders: dict[str, str],
    opened: dict[str, Any],
    ask: AskFor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prompt = ask("p", "", PAIR) if shape == "bert" else ask("p", "Well?", ("Yes.", "No."))
    plain = opened[shape]
    build = type(plain.model)
    forward = build.forward

    def mixed(self: Any, *args: Any, **given: Any) -> Any:
        out = forward(self, *args, **given)
        out.logits = out.logits + out.logits.cumsum(1)
        return out

    monkeypatch.setattr(build, "forward", mixed)
    model = local.open({"path": folders[shape]}, Decoding())
    assert model.scorer.packing == "plain"
    [alone], [batched] = model.respond([prompt]), model.respond([prompt, prompt])[:1]
    assert alone == batched
    monkeypatch.undo()
    assert alone.logprobs != plain.respond([prompt])[0].logprobs


def test_a_bfloat16_model_says_so_and_still_batches(folders: dict[str, str], ask: AskFor) -> None:
    for shape, packing in (("bert", "masked"), ("t5", "encoder once")):
        model = local.open({"path": folders[shape], "dtype": "bfloat16"}, Decoding())
        told = model.describe()
        assert (told["dtype"], told["packing"]) == ("bfloat16", packing)


def test_the_decoder_starts_as_the_model_says(
    opened: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = opened["t5"].model
    monkeypatch.setattr(model.generation_config, "forced_bos_token_id", 5)
    assert prefix_of(model) == [0, 5]
    monkeypatch.setattr(model.generation_config, "decoder_start_token_id", None)
    assert prefix_of(model) == [0, 5]  # the config says it too
    monkeypatch.setattr(model.config, "decoder_start_token_id", None)
    with pytest.raises(BadModel, match="start"):
        prefix_of(model)


# --- where the weights lie ---


def test_shards_score_as_the_whole_file_does_and_are_other_files(
    folders: dict[str, str], tmp_path: Path, ask: AskFor
) -> None:
    model = local.open({"path": folders["llama"]}, Decoding())
    model.model.save_pretrained(tmp_path, max_shard_size="20KB")
    model.tokenizer.save_pretrained(tmp_path)
    shards = sorted(tmp_path.glob("*.safetensors"))
    assert len(shards) > 2
    whole = load_file(Path(folders["llama"]) / "model.safetensors")
    assert {name: t for f in shards for name, t in load_file(f).items()}.keys() == whole.keys()
    opened = [model, local.open({"path": str(tmp_path)}, Decoding())]
    prompts = [ask("p", "Should the loan be approved?", ("Yes.", "No."))]
    one, other = (m.respond(prompts)[0].logprobs for m in opened)
    assert one == other
    told = [m.describe() for m in opened]
    assert told[0]["parameters"] == told[1]["parameters"]
    assert told[0]["weights"] != told[1]["weights"]
    shards[1].unlink()
    with pytest.raises(BadModel, match="cannot be loaded"):
        local.open({"path": str(tmp_path)}, Decoding())


def test_a_device_map_without_a_gpu_is_the_cpu_and_the_same_model(
    folders: dict[str, str], ask: AskFor
) -> None:
    plain = local.open({"path": folders["llama"], "device": "cpu"}, Decoding())
    spread = local.open({"path": folders["llama"], "device_map": "auto"}, Decoding())
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert spread.describe()["device_map"] == {"": "cpu"}
    assert spread.describe()["fingerprint"] == plain.describe()["fingerprint"]
    prompts = [ask("p", "Should the loan be approved?", ("Yes.", "No."))]
    assert spread.respond(prompts) == plain.respond(prompts)


PLACES = {
    "llama": {"model.layers.0": "disk", "lm_head": "disk", "model.embed_tokens": "cpu",
              "model.layers.1": "cpu", "model.norm": "cpu", "model.rotary_emb": "cpu"},
    "bert": {"bert.embeddings": "cpu", "bert.encoder.layer.0": "disk",
             "bert.encoder.layer.1": "cpu", "cls": "cpu"},
    "t5": {"shared": "cpu", "encoder.embed_tokens": "cpu", "decoder.embed_tokens": "cpu",
           "encoder.block.0": "disk", "encoder.block.1": "cpu",
           "encoder.final_layer_norm": "cpu", "decoder.block.0": "cpu", "decoder.block.1": "disk",
           "decoder.final_layer_norm": "cpu", "lm_head": "cpu"},
}  # fmt: skip


@pytest.mark.parametrize("shape", sorted(PLACES))
def test_layers_that_lie_in_several_places_score_and_write_as_in_one(
    shape: str,
    folders: dict[str, str],
    opened: dict[str, Any],
    tmp_path: Path,
    ask: AskFor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, decoding = opened[shape], Decoding(max_tokens=6)
    monkeypatch.setattr(whole, "decoding", decoding)
    parts = type(whole.model).from_pretrained(
        folders[shape], device_map=PLACES[shape], offload_folder=str(tmp_path)
    )
    loaded = replace(whole.loaded, model=parts.eval())
    split = local.Local(loaded, Settings(device_map="auto"), decoding)
    told = split.describe()
    assert told["device"] == "cpu+disk"
    assert told["packing"] == whole.describe()["packing"]
    questions = [ask(f"p{i}", f"{i}?", ("Yes.", "No, it should.")) for i in range(3)]
    prompts = [ask("p", "", PAIR)] if shape == "bert" else [*questions, ask("w", "Yes?")]
    for one, other in zip(whole.respond(prompts), split.respond(prompts), strict=True):
        for a, b in zip(one.logprobs or (), other.logprobs or (), strict=True):
            assert all(close(x, y) for x, y in zip(a, b, strict=True))
        assert (one.logprobs is None) == (other.logprobs is None)
        assert one.text == other.text


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"device_map": "everywhere"}, "device_map"),
        ({"device_map": {"": 0}}, "device_map"),
        ({"device_map": "auto", "device": "cpu"}, "device"),
    ],
)
def test_a_device_map_is_a_known_word_and_stands_alone(given: dict[str, Any], wrong: str) -> None:
    with pytest.raises(BadConfig) as caught:
        local.open(given, Decoding())
    assert caught.value.where == f"model.{wrong}"


# --- whole runs ---


def test_a_masked_model_is_run_on_pairs_and_refused_the_rest(
    folders: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["model=local", f"model.path={folders['bert']}", "suite.languages=[en]",
             "suite.scenarios=3", "reports=[json]"]  # fmt: skip
    assert main(["eval", *given, f"out={tmp_path / 'all'}"]) == 2
    told = capsys.readouterr().err
    assert "cannot be asked prompts of the format decision" in told
    assert "*_pair" in told
    assert not (tmp_path / "all").exists()
    out = tmp_path / "pairs"
    assert main(["eval", *given, 'suite.probes=["gender_pair"]', f"out={out}"]) in (3, 4)
    assert main(["verify", str(out)]) == 0
    found = json.loads((out / "scorecard.json").read_text())
    assert {cell["missing"]["failed"] for cell in found["cells"]} == {0}
    assert all(cell["estimate"] is not None for cell in found["cells"])
    assert any("pseudo-log-likelihood" in note for note in found["notes"])
    assert "Scored in float32." in found["notes"]
