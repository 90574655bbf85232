"""Measures scoring against lm-evaluation-harness on the same items: `python -m bench.likelihood`.

    ./bench/peers.sh                      # once: lm-eval beside our torch, in .venv-peers
    python -m bench.likelihood [--only PART ...] [--threads 1] [--runs 5]

Each run is a fresh process with the same weights, strings and threads; the tools run by turns, and
lm-eval at the batch size that is its best of four on a part of the work. Takes three quarters of an
hour, while nothing else should run. Rows of works that --only leaves out stay in
docs/performance/likelihood.json as they were.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench._table import FOLDER, Row, Watch, show, write

DATA = Path(os.environ.get("HARNESS_DATA", "../shared/data"))
PEERS = Path(".venv-peers/bin/python")
BATCHES = (4, 8, 16, 32)
TRIED = 100
"""Requests on which the best batch of lm-eval is found."""
OURS = 1024
"""Padded tokens a forward: the default of `model.batch`."""
Pairs = list[tuple[str, str]]
UNKNOWN = (
    *("It is unclear", "Nobody can tell", "That is not said", "There is no telling"),
    *("The text leaves it open", "Not enough is known", "It could be either"),
    *("Impossible to say", "That stays unknown", "The answer is missing"),
)
HEADER = "Read the case with care, weigh every word of it, and answer in a few words. " * 14
"""Some 300 tokens of the small model."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is scored, with which model, and how many times faster than lm-eval it must be."""

    model: Path
    pairs: Pairs
    ratio: float
    dtype: str = "float32"
    whole: float | None = None
    """The same of the whole process, with imports and loading."""


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


def run(tool: str, asked: Path, work: Work, batch: int, threads: int) -> dict[str, Any]:
    """Runs a tool once, in a fresh process; adds the seconds of the whole process."""
    python = str(PEERS) if tool == "lm-eval" else sys.executable
    fixed = {"PYTHONPATH": ".", "OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}
    words = [tool, str(work.model), str(asked), work.dtype, str(batch)]
    began = time.perf_counter()
    told = subprocess.run(
        [python, "-m", "bench._scored", *words],
        env={**os.environ, **fixed},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    ).stdout
    whole = time.perf_counter() - began
    return {**json.loads(told), "whole": whole}


def measure(name: str, work: Work, threads: int, runs: int) -> Iterator[Row]:
    """Runs both tools by turns, and yields what came out."""
    told: dict[str, list[dict[str, Any]]] = {"art4": [], "lm-eval": []}
    watch = Watch()
    with TemporaryDirectory() as place:
        asked, some = Path(place) / "requests.json", Path(place) / "some.json"
        asked.write_text(json.dumps(work.pairs), "utf-8")
        some.write_text(json.dumps(work.pairs[:TRIED]), "utf-8")
        tried = {b: run("lm-eval", some, work, b, threads)["seconds"] for b in BATCHES}
        best = min(tried, key=lambda batch: tried[batch])
        with watch:
            for _ in range(runs):
                told["art4"].append(run("art4", asked, work, OURS, threads))
                told["lm-eval"].append(run("lm-eval", asked, work, best, threads))
            counted = run("count", asked, work, OURS, threads)
    name += watch.note
    peer = f"lm-eval, batch {best}"
    rows = {
        (tool, key): float(np.median([one[key] for one in found]))
        for tool, found in told.items()
        for key in ("seconds", "whole", "opened", "bytes")
    }
    yield Row(
        work=name, tool=peer, value=rows["lm-eval", "seconds"], unit="s", ratio=None, limit="",
        holds=None,
    )  # fmt: skip
    ratio = rows["lm-eval", "seconds"] / rows["art4", "seconds"]
    yield Row(
        work=name, tool="art4", value=rows["art4", "seconds"], unit="s", ratio=ratio,
        limit=f"ratio >= {work.ratio:g}", holds=ratio >= work.ratio,
    )  # fmt: skip
    if work.whole:
        ratio = rows["lm-eval", "whole"] / rows["art4", "whole"]
        yield Row(
            work=name, tool="art4", value=rows["art4", "whole"], unit="s, whole process",
            ratio=ratio, limit=f"ratio >= {work.whole:g}", holds=ratio >= work.whole,
        )  # fmt: skip
    rate = counted["operations"] / rows["art4", "seconds"]
    share = rate / counted["peak"]
    yield Row(
        work=name, tool="art4", value=rate / 1e9, unit="GFLOP/s of products", ratio=share,
        limit="ratio >= 0.5", holds=share >= 0.5,
    )  # fmt: skip
    grown = {tool: rows[tool, "bytes"] - rows[tool, "opened"] for tool in told}
    for unit, ours, theirs in (
        ("MiB at the peak", rows["art4", "bytes"], rows["lm-eval", "bytes"]),
        ("MiB above the open model", grown["art4"], grown["lm-eval"]),
    ):
        share = ours / theirs
        yield Row(
            work=name, tool="art4", value=ours / 2**20, unit=unit, ratio=share,
            limit="ratio <= 0.5", holds=share <= 0.5,
        )  # fmt: skip
    a, b = (np.array(told[tool][-1]["scores"]) for tool in told)
    beyond = float(np.max(np.abs(a - b) - 1e-6 * np.abs(b)))
    exact = work.dtype == "float32"
    yield Row(
        work=name, tool="art4", value=beyond, unit="nats beyond 1e-6 |ll|", ratio=None,
        limit="<= 1e-4" if exact else "", holds=beyond <= 1e-4 if exact else None,
    )  # fmt: skip


def _kept(measured: set[str]) -> list[Row]:
    """Returns the rows of earlier runs whose work was not measured in this one."""
    file = FOLDER / "likelihood.json"
    found = json.loads(file.read_text("utf-8")) if file.is_file() else []
    return [Row(**row) for row in found if row["work"].partition(" [")[0] not in measured]


def main() -> None:
    """Measures each work, shows a table and writes it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], help="works whose name holds one of these")
    asked = parser.parse_args()
    if not PEERS.exists() or not DATA.exists():
        raise SystemExit(
            f"error: {PEERS} or {DATA} is missing: run bench/peers.sh, set HARNESS_DATA"
        )
    rows: list[Row] = []
    with TemporaryDirectory() as place:
        small, real = Path(place) / "small", Path(place) / "real"
        small_llama(small), default_model(real)
        works = {
            "BBQ, 2,000 items x 3": Work(small, bbq(2000), 6, whole=6),
            "BBQ, 200 items x 12": Work(small, bbq(200, 12), 12),
            "BBQ behind a header, 100 items": Work(small, bbq(100, 3, HEADER), 40),
            "CrowS-Pairs, 400 pairs": Work(small, crows(400), 1.3),
            "the default model, 200 items of BBQ": Work(real, bbq(200), 5),
            "BBQ, 500 items x 3, bfloat16 (fast mode)": Work(small, bbq(500), 4, "bfloat16"),
        }
        for name, work in works.items():
            if not asked.only or any(part in name for part in asked.only):
                for row in measure(name, work, asked.threads, asked.runs):
                    rows.append(row)
                    show(row)
                measured = {row.work.partition(" [")[0] for row in rows}
                write("likelihood", [*_kept(measured), *rows])


if __name__ == "__main__":
    main()
