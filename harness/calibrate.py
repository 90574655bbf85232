"""Calibration: planted models of known effect -> how often the harness errs.

Each study is simulated run by run on all cores; what was counted is kept line by line in a file of
this very code and standard, so that an interrupted calibration goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import numpy as np

from harness import _pool, provenance
from harness._simulate import Tally
from harness._studies import Claim, Study, studies
from harness.asking import Progress, quiet
from harness.errors import NotFound
from harness.find import plugin
from harness.records import Decoding, RunConfig
from harness.stats import binomial

SHORT = 80
"""The short calibration takes one seed of so many, and what one run of it cannot show it leaves."""
TOGETHER = 5
"""Runs that are simulated, and kept, at once."""
APART = (
    "reports", "comparisons", "cli.py", "_parser.py", "_commands.py", "_probe_commands.py",
    "words.py", "calibrate.py", "_studies.py", "_calibration_shown.py",
)  # fmt: skip
"""Code that no count depends on: what shows them, and what lists them under keys of their own."""
Counts = Mapping[str, Tally]
_SLOPE = "slope of the estimates on the truth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One claim and what was found."""

    part: str
    claim: str
    effect: str
    clusters: int
    seeds: int
    rate: float
    low: float
    high: float
    """Exact bounds at 95 %, where a rate was counted."""
    limit: str
    holds: bool
    code: str
    """The digest of the harness that counted it, 12 digits."""

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from every other row."""
        if self.claim.startswith(_SLOPE):
            return self.part, self.claim
        return self.part, self.effect, self.clusters, self.claim


def calibrate(
    config: RunConfig,
    work: Path,
    *,
    short: bool = False,
    only: str = "*",
    jobs: int = 1,
    progress: Progress = quiet,
) -> list[Row]:
    """Simulates the studies that a pattern names; returns what each claims and whether it holds.

    Raises:
        NotFound: the pattern names no study.
    """
    kept = work / _digest(config)
    pool = kept.with_suffix(".pool.json")
    every = {study.name: study for study in studies(config, pool)}
    chosen = [s for name, s in every.items() if fnmatchcase(name, only)]
    if not chosen:
        raise NotFound.among("study", only, every, where="--only")
    work.mkdir(parents=True, exist_ok=True)
    if short:
        chosen = [study for study in chosen if study.seeds > 1 and not study.real]
    elif any(study.real for study in chosen) and not pool.exists():
        model = plugin("models", "local").open({}, Decoding(seed=config.seed))
        _pool.fill(pool, model, config.standard, progress)
    counts = _count(chosen, kept.with_suffix(".jsonl"), SHORT if short else 1, jobs, progress)
    found = [judge(c, study, counts[study.name], short) for study in chosen for c in study.claims]
    for line in dict.fromkeys(study.line for study in every.values() if study.line):
        own = [study for study in every.values() if study.line == line]
        if all(study in chosen for study in own):
            found.append(slope(line, own, counts, short))
    return ordered(found, list(every.values()))


def ordered(rows: Sequence[Row], every: Sequence[Study]) -> list[Row]:
    """Puts rows in the order of the studies; of equal claims the last stays, and what none makes goes."""
    last = {row.key: row for row in rows}
    claimed = [(s.part, s.effect, s.clusters, claim.says) for s in every for claim in s.claims]
    slopes = [key for key in last if len(key) == 2]
    parts = list(dict.fromkeys(study.part for study in every))
    kept = [last[key] for key in (*claimed, *slopes) if key in last]
    return sorted(kept, key=lambda row: parts.index(row.part))


def judge(claim: Claim, study: Study, counted: Tally, short: bool) -> Row:
    """Holds what was counted against a claim; the short calibration asks whether it is refuted."""
    n, rule = int(counted[claim.of]), claim.rule
    if rule == "median":
        low, rate, high = _quartiles(counted, claim.counts)
    else:
        hits = int(counted[claim.counts])
        rate = hits / n
        low, high = binomial.clopper_pearson(hits, n, 0.01 if short or rule == "covers" else 0.05)
    limit, holds = {
        "at most": (f"high <= {claim.limit:g}", high <= claim.limit),
        "at least": (f"rate >= {claim.limit:g}", rate >= claim.limit),
        "within": (
            f"{claim.nominal:g} +- {claim.limit:g}",
            abs(rate - claim.nominal) <= claim.limit,
        ),
        "covers": (f"high (99 %) >= {claim.limit:g}", high >= claim.limit),
        "always": ("rate = 1", rate == 1),
    }.get(rule, ("shown", True))
    if short:
        limit, holds = {
            "at most": (f"low (99 %) <= {claim.nominal:g}", low <= claim.nominal),
            "at least": (f"high (99 %) >= {claim.limit:g}", high >= claim.limit),
            "within": (limit, low - claim.limit <= claim.nominal <= high + claim.limit),
        }.get(rule, (limit, holds))
    return Row(
        part=study.part,
        claim=claim.says,
        effect=study.effect,
        clusters=study.clusters,
        seeds=n,
        rate=rate,
        low=low,
        high=high,
        limit=limit,
        holds=bool(holds),
        code=_code(),
    )


def slope(line: str, own: Sequence[Study], counts: Counts, short: bool) -> Row:
    """Fits the mean estimates of several studies to their true differences, by least squares.

    Weighted by the standard error of each mean; the bounds are 95 % ones.
    """
    n = np.array([counts[s.name]["runs"] for s in own], dtype=float)
    total, squares, truth = (
        np.array([counts[s.name][key] for s in own], dtype=float) / n
        for key in ("estimates", "squares", "truth")
    )
    weight = n / np.maximum(squares - total**2, 1e-12)
    apart = truth - np.average(truth, weights=weight)
    across = float(weight @ apart**2)
    rate, half = float(weight @ (apart * total)) / across, 1.96 / math.sqrt(across)
    inside = abs(rate - 1) <= 0.1 + (half if short else 0.0)
    return Row(
        part=own[0].part,
        claim=f"{_SLOPE}, {line}",
        effect=f"{len(own)} studies",
        clusters=max(s.clusters for s in own),
        seeds=int(n.sum()),
        rate=rate,
        low=rate - half,
        high=rate + half,
        limit="1 +- 0.1",
        holds=bool(inside),
        code=_code(),
    )


def _quartiles(counted: Tally, prefix: str) -> tuple[float, float, float]:
    asked = sorted(int(k.removeprefix(prefix)) for k in counted if k.startswith(prefix))
    every = np.repeat(asked, [int(counted[f"{prefix}{k}"]) for k in asked])
    low, middle, high = np.quantile(every, (0.25, 0.5, 0.75)).tolist()
    return low, middle, high


def _count(
    chosen: Sequence[Study],
    kept: Path,
    step: int,
    jobs: int,
    progress: Progress,
) -> dict[str, Tally]:
    """Simulates what is not kept yet, and adds up what is."""
    told = {(key, first, last): counted for key, first, last, counted in _lines(kept)}
    wanted = [
        (study, first, min(first + TOGETHER, runs))
        for study in chosen
        for runs in [math.ceil(study.seeds / study.each / step)]
        for first in range(0, runs, TOGETHER)
    ]
    due = [each for each in wanted if (each[0].key, *each[1:]) not in told]
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as workers:
        running = {workers.submit(_simulate, *each): each for each in due}
        done = as_completed(running)
        try:
            for _ in progress(range(len(due)), f"simulating {len(chosen)} studies"):
                finished = next(done)
                study, *seeds = running[finished]
                told[study.key, seeds[0], seeds[1]] = finished.result()
                with kept.open("a", encoding="utf-8") as lines:
                    lines.write("\n" + json.dumps([study.key, *seeds, finished.result()]))
        except BaseException:
            workers.shutdown(cancel_futures=True)
            raise
    counts: dict[str, Tally] = {study.name: Tally() for study in chosen}
    for study, first, last in wanted:
        counts[study.name].join(told[study.key, first, last])
    return counts


@cache
def _code() -> str:
    return provenance.digest()[:12]


def _digest(config: RunConfig) -> str:
    code = f"{provenance.digest(APART)}{config.standard.digest}"
    return hashlib.sha256(code.encode()).hexdigest()[:12]


def _simulate(study: Study, first: int, last: int) -> Tally:
    counted, start = Tally(), zlib.crc32(study.name.encode()) << 20  # no two share their noise
    for seed in range(first, last):
        counted.join(study.run(start + seed))
    return counted


def _lines(kept: Path) -> Iterator[tuple[str, int, int, Tally]]:
    """Reads what was kept, without a line that was cut off by a kill."""
    for line in kept.read_text("utf-8").splitlines() if kept.exists() else ():
        try:
            name, first, last, counted = json.loads(line)
        except ValueError:
            continue
        yield name, first, last, Tally(counted)
