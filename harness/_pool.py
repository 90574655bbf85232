"""A real model's answers to many scenarios, kept so that simulated runs can draw from them.

Each run draws scenarios without replacement and adds an offset, in nats, to the favourable answers
given where the first group is mentioned: an effect of known size beside a real model's own spread.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from harness import store
from harness._simulate import OUTCOME, SEED, Tally, asked, compared, conclude, measured
from harness.asking import Progress
from harness.models._base import Model
from harness.records import Prompt, Response, Standard, Suite

SCENARIOS, WINDOW = 400, 32
DOSES = (0, 0.5, 1, 2)
"""True differences that are looked for, in margins."""
FAR = 20.0
"""Nats beyond which none is looked for."""
SUITE = Suite(
    name="planted",
    probes=("planted_gender",),
    generated=SCENARIOS,
    paraphrases=1,
    orders=1,
    arms=("explicit",),
    languages=("en",),
)


def fill(file: Path, model: Model, standard: Standard, progress: Progress) -> None:
    """Asks the model everything once; keeps log-likelihoods by prompt, and the true differences."""
    prompts = asked(SUITE).prompts
    given = [
        response
        for start in progress(range(0, len(prompts), WINDOW), f"asking {len(prompts)} prompts")
        for response in model.respond(prompts[start : start + WINDOW])
    ]
    margin = standard.margins[OUTCOME]

    def theta(offset: float) -> float:
        [whole] = compared(_rows(given, offset), asked(SUITE), standard)
        return float(whole.estimate or 0.0)

    def offset(dose: float) -> float:
        return float(brentq(lambda x: theta(x) - dose * margin, -FAR, FAR, xtol=1e-9))

    offsets = {str(dose): offset(dose) for dose in DOSES}
    kept = {
        "model": dict(model.describe()),
        "truth": {dose: (nats, theta(nats)) for dose, nats in offsets.items()},
        "logprobs": {response.prompt: response.logprobs for response in given},
    }
    store.write_text(file, json.dumps(kept))


def draw(file: Path, dose: float, clusters: int, standard: Standard, seed: int) -> Tally:
    """Judges so many scenarios of the pool by themselves, at one of its doses."""
    rows, theta = _dosed(file, str(dose))
    names = rows["scenario"].cat.categories
    drawn = np.random.default_rng((SEED, seed)).choice(len(names), clusters, replace=False)
    part = rows[np.isin(rows["scenario"].cat.codes, drawn)].reset_index(drop=True)
    return conclude(part, asked(SUITE), standard, theta)


@lru_cache(8)
def _dosed(file: Path, dose: str) -> tuple[pd.DataFrame, float]:
    kept = json.loads(file.read_text("utf-8"))
    given = [
        Response(prompt=prompt, logprobs=tuple(map(tuple, logprobs)), finish="scored")
        for prompt, logprobs in kept["logprobs"].items()
    ]
    offset, theta = kept["truth"][dose]
    return _rows(given, offset), theta


def _rows(given: Sequence[Response], offset: float) -> pd.DataFrame:
    """Measures the answers with the offset in them."""
    whole = asked(SUITE)
    pairs = zip(whole.prompts, given, strict=True)
    return measured(whole, [_moved(prompt, response, offset) for prompt, response in pairs])


def _moved(prompt: Prompt, response: Response, offset: float) -> Response:
    if prompt.roles["person"] != prompt.groups[0]:
        return response
    moved = tuple(
        (first + offset * choice.meaning.startswith(f"{prompt.favourable}:"), *rest)
        for choice, (first, *rest) in zip(prompt.choices, response.logprobs or (), strict=True)
    )
    return replace(response, logprobs=moved)
