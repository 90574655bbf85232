"""Measures scoring against lm-evaluation-harness on the same items: `python -m bench.likelihood`.

    ./bench/peers.sh                      # once: lm-eval beside our torch, in .venv-peers
    python -m bench.likelihood [--rows NAME ...] [--threads 1] [--runs 5]

Both tools run in processes of their own, by turns, with the same weights, strings and threads;
lm-eval at the batch size that is its best of four. Nothing else should run meanwhile: the load of
the machine is printed. Writes docs/performance/likelihood.json.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

DATA = Path(os.environ.get("HARNESS_DATA", "../shared/data"))
PEERS = Path(".venv-peers/bin/python")
OUT = Path("docs/performance/likelihood.json")
BATCHES = (8, 16, 32, 64)
OURS = 1024
"""Padded tokens a forward: the default of `model.batch`."""
Pairs = list[tuple[str, str]]
UNKNOWN = (
    *("It is unclear", "Nobody can tell", "That is not said", "There is no telling"),
    *("The text leaves it open", "Not enough is known", "It could be either"),
    *("Impossible to say", "That stays unknown", "The answer is missing"),
)
HEADER = "Read the case with care, weigh every word of it, and answer in a few words. " * 20


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured number and what it must reach."""

    work: str
    tool: str
    value: float
    unit: str
    ratio: float | None
    limit: str
    holds: bool


def bbq(items: int, options: int = 3, header: str = "") -> Pairs:
    """Returns contexts and options of BBQ, as the files list them: contiguous by template."""
    lines = [
        json.loads(line)
        for name in ("Age", "Nationality")
        for line in (DATA / f"bbq/data/{name}.jsonl").read_text("utf-8").splitlines()
    ]
    pairs = []
    for item in lines[:items]:
        asked = f"{header}{item['context']}\n{item['question']}\nAnswer:"
        answers = [item[f"ans{k}"] for k in range(3)]
        pairs += [(asked, f" {answer}") for answer in [*answers, *UNKNOWN][:options]]
    return pairs


def crows(pairs: int) -> Pairs:
    """Returns both sentences of each pair of CrowS-Pairs."""
    [file] = (DATA / "crows-pairs").glob("*.csv")
    with file.open(encoding="utf-8") as lines:
        found = list(csv.DictReader(lines))[:pairs]
    return [("", row[side]) for row in found for side in ("sent_more", "sent_less")]


def small_llama(folder: Path) -> None:
    """Writes a random Llama of 15 million parameters, with a tokenizer trained on the items.

    Its shape is that of the well-known small Llama of llama2.c (`stories15M`).
    """
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=32000, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet
    )
    texts = (context + text for context, text in [*bbq(3000), *crows(1500)])
    core.train_from_iterator(texts, trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>"
    )
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=32000,
        hidden_size=288,
        intermediate_size=768,
        num_hidden_layers=6,
        num_attention_heads=6,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def default_model(folder: Path) -> None:
    """Writes the default model as safetensors, which both tools read."""
    from harness.models import local
    from harness.records import Decoding

    model = local.open({}, Decoding())
    model.model.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)


class Tool:
    """A process that scores one file of requests whenever it is told to."""

    def __init__(self, name: str, *words: object) -> None:
        python = sys.executable if name == "art4" else str(PEERS)
        self.name = name
        self.process = subprocess.Popen(
            [python, "-m", "bench._scored", name, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": ".", "OMP_NUM_THREADS": str(words[2])},
        )
        self.ready = self._read()["ready"]

    def run(self) -> dict[str, Any]:
        """Scores everything once."""
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """Ends the process."""
        self.process.communicate()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout
        told: dict[str, Any] = json.loads(self.process.stdout.readline())
        return told


def measure(
    work: str,
    model: Path,
    pairs: Pairs,
    dtype: str,
    threads: int,
    runs: int,
    limits: dict[str, float],
) -> Iterator[Row]:
    """Runs both tools by turns, and yields what came out."""
    with TemporaryDirectory() as place:
        asked = Path(place) / "requests.json"
        asked.write_text(json.dumps(pairs), "utf-8")
        words = (model, asked, threads, dtype)
        best = min(BATCHES, key=lambda size: _once("lm-eval", *words, size))
        ours, theirs = Tool("art4", *words, OURS), Tool("lm-eval", *words, best)
        told: dict[str, list[dict[str, Any]]] = {"art4": [], "lm-eval": []}
        for _ in range(runs):
            for tool in (ours, theirs):
                told[tool.name].append(tool.run())
        ours.close(), theirs.close()
    took = {
        name: float(np.median([run["seconds"] for run in found])) for name, found in told.items()
    }
    ratio = took["lm-eval"] / took["art4"]
    yield Row(
        work=work,
        tool=f"lm-eval, batch {best}",
        value=took["lm-eval"],
        unit="s",
        ratio=None,
        limit="",
        holds=True,
    )
    yield Row(
        work=work,
        tool="art4",
        value=took["art4"],
        unit="s",
        ratio=ratio,
        limit=f"ratio >= {limits['ratio']:g}",
        holds=ratio >= limits["ratio"],
    )
    a, b = (np.array(told[name][-1]["scores"]) for name in ("art4", "lm-eval"))
    beyond = float(np.max(np.abs(a - b) - 1e-6 * np.abs(b)))
    if dtype == "float32":
        yield Row(
            work=work,
            tool="art4",
            value=beyond,
            unit="nats beyond 1e-6 |ll|",
            ratio=None,
            limit="<= 1e-4",
            holds=beyond <= 1e-4,
        )
    memory = [max(run["bytes"] for run in told[name]) for name in ("art4", "lm-eval")]
    share = memory[0] / memory[1]
    yield Row(
        work=work,
        tool="art4",
        value=memory[0] / 2**20,
        unit="MiB at the peak",
        ratio=share,
        limit="shown",
        holds=True,
    )


def _once(tool: str, *words: object) -> float:
    opened = Tool(tool, *words)
    seconds: float = opened.run()["seconds"]
    opened.close()
    return seconds


def main() -> None:
    """Measures each row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", nargs="*", default=[])
    parser.add_argument("--out", default=str(OUT))
    asked = parser.parse_args()
    if not PEERS.exists() or not DATA.exists():
        raise SystemExit(
            f"error: {PEERS} or {DATA} is missing: run bench/peers.sh, set HARNESS_DATA"
        )
    rows: list[Row] = []
    print(f"load before: {os.getloadavg()[0]:.2f}")
    with TemporaryDirectory() as place:
        small, real = Path(place) / "small", Path(place) / "real"
        small_llama(small), default_model(real)
        works: dict[str, tuple[Path, Pairs, str, dict[str, float]]] = {
            "BBQ, 2,000 items x 3": (small, bbq(2000), "float32", {"ratio": 6}),
            "BBQ, 200 items x 12": (small, bbq(200, 12), "float32", {"ratio": 12}),
            "BBQ behind a header, 100 items": (
                small,
                bbq(100, 3, HEADER),
                "float32",
                {"ratio": 40},
            ),
            "CrowS-Pairs, 400 pairs": (small, crows(400), "float32", {"ratio": 1.3}),
            "the default model, 200 items of BBQ": (real, bbq(200), "float32", {"ratio": 5}),
            "BBQ, 2,000 items x 3, bfloat16": (small, bbq(2000), "bfloat16", {"ratio": 4}),
        }
        for work, (model, pairs, dtype, limits) in works.items():
            if not asked.rows or any(name in work for name in asked.rows):
                for row in measure(work, model, pairs, dtype, asked.threads, asked.runs, limits):
                    rows.append(row)
                    told = f"{row.ratio:.2f}" if row.ratio else ""
                    print(
                        f"{row.work:36} {row.tool:20} {row.value:10.4g} {row.unit:24}"
                        f" {told:7} {row.limit:14} {row.holds}",
                        flush=True,
                    )
    out = Path(asked.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
