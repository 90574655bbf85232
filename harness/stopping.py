"""Early stopping: which blocks of a run are decided at a look, so that they are asked no further.

A block is one probe in one language: its groups share their reference, its cells their controls. It
is decided when each of its gated cells is, and each of its controls. Levels are those of the look
(`stats/looks.py`, METHOD section 5), so that stopping keeps the error rates; FAIL must hold by
Bonferroni over the gated cells, so that Holm cannot take it back when the other blocks go on.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from harness import judging
from harness._joined import join
from harness._looks import Block, of_run
from harness.records import Call, Control, Probe, Standard, Verdict


def decided(
    asked: pa.Table,
    measured: pa.Table,
    loaded: Sequence[Probe],
    standard: Standard,
    head: Mapping[str, Any],
) -> set[Block]:
    """Returns the blocks that are decided, given all planned prompts and the outcomes so far."""
    rows = join(asked, measured)
    looks = of_run(head["stopping"]["rule"], asked, rows)
    _, checks, judged = judging.judge(rows, loaded, standard, head["seed"], looks)
    level = standard.alpha / max(1, sum(v.contrast.gated for v in judged))
    blocks = {(v.contrast.probe, v.contrast.language) for v in judged}
    return {block for block in blocks if _is_decided(block, judged, checks, level)}


def stops(
    asked: pa.Table,
    measured: pa.Table,
    loaded: Sequence[Probe],
    standard: Standard,
    head: Mapping[str, Any],
) -> dict[Block, int]:
    """Derives after which look each decided block had to stop, from the outcomes of a whole run."""
    look_of = dict(zip(asked["id"].to_pylist(), asked["look"].to_pylist(), strict=True))
    looks = pa.array([look_of[prompt] for prompt in measured["prompt"].to_pylist()])
    found: dict[Block, int] = {}
    for look in range(1, head["stopping"]["looks"]):
        so_far = measured.filter(pa.compute.less_equal(looks, look))
        for block in decided(asked, so_far, loaded, standard, head) - found.keys():
            found[block] = look
    return found


def _is_decided(
    block: Block, judged: Iterable[Verdict], checks: Iterable[Control], level: float
) -> bool:
    own = [v for v in judged if (v.contrast.probe, v.contrast.language) == block]
    cells = [v for v in own if v.contrast.gated] or own
    about = [c for c in checks if (c.probe, c.language) == block and c.voids]
    missed = [c for c in about if c.holds is False and c.name != "positive_control"]
    open_ = [v for v in cells if not any(c.concerns(v.contrast) for c in missed)]
    resolved = all(c.holds for v in open_ for c in about if c.concerns(v.contrast))
    return resolved and all(_settled(v, level) for v in open_)


def _settled(verdict: Verdict, level: float) -> bool:
    if verdict.verdict is Call.FAIL:
        return verdict.contrast.p_fail is not None and verdict.contrast.p_fail <= level
    return verdict.verdict is Call.PASS
