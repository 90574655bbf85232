"""What is known of a local model before it is opened agrees with what it says once it is."""

from pathlib import Path
from typing import Any

import pytest

from harness.errors import BadConfig, BadModel
from harness.models import local
from harness.records import Ask, Choice, Decoding
from tests.models.conftest import AskFor, random_model, save, train_tokenizer


def pair(ask: AskFor) -> Any:
    texts = ("The nurse was tired.", "The doctor was tired.")
    return ask("pair", choices=tuple(Choice(text=t, meaning=t, start=10) for t in texts))


def test_tokens_are_counted_as_the_responses_count_them(
    folders: dict[str, str], ask: AskFor
) -> None:
    decoding = Decoding(max_tokens=2)
    prompts = [
        ask("scored", "Should the loan be approved?", ("Yes.", "No.")),
        ask("written", "护士说她很累。"),
        pair(ask),
    ]
    settings = {"path": folders["llama"], "system": "Be brief."}
    counted = local.foresee(settings, decoding).count
    assert counted is not None
    answered = local.open(settings, decoding).respond(prompts)
    assert [counted(p) for p in prompts] == [r.tokens_in for r in answered]


def test_a_prompt_that_does_not_fit_is_not_counted(folders: dict[str, str], ask: AskFor) -> None:
    model = local.foresee({"path": folders["llama"]}, Decoding(max_tokens=300))
    assert model.count is not None
    assert model.count(ask("written", "Well?")) is None
    assert model.count(ask("scored", "Well?", ("Yes.",))) is not None


def test_an_earlier_run_is_known_by_its_weights_tokenizer_and_settings(
    folders: dict[str, str], tmp_path: Path
) -> None:
    told = local.open({"path": folders["llama"]}, Decoding()).describe()
    model = local.foresee({"path": folders["llama"]}, Decoding())
    assert model.name == told["name"]
    assert model.was(told)
    for key in ("weights", "tokenizer", "chat_template", "system", "device", "dtype"):
        assert not model.was({**told, key: "another"})
    other = save(tmp_path / "m", random_model("llama", 403, seed=1), train_tokenizer())
    assert not local.foresee({"path": other}, Decoding()).was(told)
    absent = {"path": folders["llama"], "device": "cuda:99"}
    assert not local.foresee(absent, Decoding()).was(told)


def test_a_model_that_keeps_a_state_cannot_write(tmp_path: Path) -> None:
    import transformers

    build: Any = transformers
    tokenizer = train_tokenizer()
    config = build.MambaConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, state_size=4
    )
    folder = save(tmp_path / "m", build.MambaForCausalLM(config), tokenizer)
    assert local.foresee({"path": folder}, Decoding()).abilities == {Ask.CHOOSE}


def test_a_hub_model_that_is_not_on_disk_is_planned_without_its_tokenizer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import huggingface_hub

    def absent(*_: object, local_files_only: bool, **__: object) -> str:
        assert local_files_only
        raise huggingface_hub.errors.LocalEntryNotFoundError("not here")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", absent)
    model = local.foresee({"path": "org/name"}, Decoding())
    assert model.name == "org/name"
    assert model.count is None
    assert model.abilities == frozenset(Ask)
    assert not model.was({})


def test_a_tokenizer_that_cannot_be_read_leaves_the_count_open(
    folders: dict[str, str], tmp_path: Path
) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((Path(folders["llama"]) / name).read_bytes())
    assert local.foresee({"path": str(tmp_path)}, Decoding()).count is None


def test_what_open_would_refuse_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="not there"):
        local.foresee({"path": "/no/such/folder"}, Decoding())
    with pytest.raises(BadModel, match=r"config\.json"):
        local.foresee({"path": str(tmp_path)}, Decoding())
    with pytest.raises(BadConfig, match="unknown setting"):
        local.foresee({"pth": ""}, Decoding())


@pytest.mark.slow
def test_the_default_model_is_counted_from_its_gguf_and_no_copy_is_made(
    cache: Path, ask: AskFor
) -> None:
    model = local.foresee({}, Decoding())
    assert model.name == "SmolLM2-135M-Instruct"
    assert model.count is not None
    assert model.count(ask("written", "Well?")) == 32
    assert not (cache / "weights").exists()
