"""Scores requests with one tool, on command: a process of bench.likelihood, in either environment.

    python -m bench._scored TOOL MODEL REQUESTS THREADS DTYPE BATCH

Each line on standard input runs all requests once; the answer is a line of JSON with seconds,
log-likelihoods and the peak of memory. The first line tells how long it took to be ready.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Pairs = list[tuple[str, str]]
"""Context and continuation; where the context is empty the whole text is scored."""


def art4(folder: str, dtype: str, batch: int) -> Callable[[Pairs], list[float]]:
    """Opens our scorer."""
    from harness.models import local
    from harness.models._packing import Request
    from harness.records import Decoding

    settings = {"path": folder} if folder else {}
    threads = int(os.environ["OMP_NUM_THREADS"])
    model = local.open({**settings, "dtype": dtype, "batch": batch, "threads": threads}, Decoding())
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

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
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


def main(tool: str, folder: str, requests: str, threads: str, dtype: str, batch: str) -> None:
    """Answers each line of standard input with one timed run."""
    os.environ["OMP_NUM_THREADS"] = threads
    began = time.perf_counter()
    pairs = [tuple(pair) for pair in json.loads(Path(requests).read_text("utf-8"))]
    score = {"art4": art4, "lm-eval": lm_eval}[tool](folder, dtype, int(batch))
    out, sys.stdout = sys.stdout, sys.stderr
    print(json.dumps({"ready": time.perf_counter() - began}), file=out, flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        found = score(pairs)
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        told = {"seconds": seconds, "scores": found, "bytes": peak}
        print(json.dumps(told), file=out, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
