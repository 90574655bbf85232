"""Scores requests with one tool, once, in a process of its own: run by bench.likelihood.

    python -m bench._scored TOOL MODEL REQUESTS DTYPE BATCH

In either environment, with the threads that OMP_NUM_THREADS names. Prints a line of JSON: seconds of
the run, log-likelihoods, and the peak of memory before and after it, in bytes. TOOL `count` prints
what our run multiplies and what this machine can: matrix products in a run, and in a second.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench._table import peak

Pairs = list[tuple[str, str]]
"""Context and continuation; where the context is empty the whole text is scored."""
WARM = 12
"""Requests that are scored before the clock starts."""
SIZE = 1024
"""Rows and columns of the matrices whose product is timed."""


def art4(folder: str, dtype: str, batch: int) -> Callable[[Pairs], list[float]]:
    """Opens our scorer."""
    from harness.models import local
    from harness.models._packing import Request
    from harness.records import Decoding

    threads = int(os.environ["OMP_NUM_THREADS"])
    settings = {"path": folder, "dtype": dtype, "batch": batch, "threads": threads}
    model = local.open(settings, Decoding())
    encoder = model.encoder

    def score(pairs: Pairs) -> list[float]:
        requests: list[Request] = []
        for context, text in pairs:
            if context:
                requests.append(encoder._continuation(context, text))
            else:
                tokens, _ = encoder._tokens(text, special=False)
                requests.append(encoder._request(tokens, 0))
        return [sum(scores) for scores in model.scorer.score(requests)]

    return score


def lm_eval(folder: str, dtype: str, batch: int) -> Callable[[Pairs], list[float]]:
    """Opens lm-evaluation-harness."""
    import torch
    import transformers
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    kind = {"float32": torch.float32, "bfloat16": torch.bfloat16}[dtype]
    network = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=kind)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = HFLM(pretrained=network, tokenizer=tokenizer, batch_size=batch, backend="causal")

    def score(pairs: Pairs) -> list[float]:
        asked: Any = [
            Instance(request_type="loglikelihood", doc={}, arguments=pair, idx=i)
            for i, pair in enumerate(pairs)
        ]
        return [float(found[0]) for found in model.loglikelihood(asked, disable_tqdm=True)]

    return score


def multiplied(score: Callable[[Pairs], list[float]], pairs: Pairs, dtype: str) -> dict[str, float]:
    """Counts the operations of the matrix products of a run, and of a second of nothing else."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        score(pairs)
    a, b = torch.randn(2, SIZE, SIZE, dtype=getattr(torch, dtype))
    took = []
    for _ in range(20):
        began = time.perf_counter()
        a @ b
        took.append(time.perf_counter() - began)
    return {"operations": counter.get_total_flops(), "peak": 2 * SIZE**3 / min(took)}


def main(tool: str, folder: str, requests: str, dtype: str, batch: str) -> None:
    """Opens the tool, runs once and tells."""
    pairs = [tuple(pair) for pair in json.loads(Path(requests).read_text("utf-8"))]
    out, sys.stdout = sys.stdout, sys.stderr
    score = (lm_eval if tool == "lm-eval" else art4)(folder, dtype, int(batch))
    if tool == "count":
        print(json.dumps(multiplied(score, pairs, dtype)), file=out)
        return
    opened = peak()
    score(pairs[:WARM])  # what the first forward of all costs is part of the whole process alone
    began = time.perf_counter()
    scores = score(pairs)
    seconds = time.perf_counter() - began
    told = {"seconds": seconds, "scores": scores, "opened": opened, "bytes": peak()}
    print(json.dumps(told), file=out)


if __name__ == "__main__":
    main(*sys.argv[1:])
