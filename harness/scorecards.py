"""Scorecards: verdicts, controls and provenance -> what a run says."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import reasons, summary, verdicts
from harness._paired import evidence_of
from harness.duty import CLAUSE
from harness.records import Call, Contrast, Control, Example, Pairwise, Scorecard, Verdict
from harness.stats import evidence, multiplicity, pooling

SCHEMA = 1
_NAMED = 3
"""Cells that a note names before it breaks off."""
_ADJUSTED = {
    "holm": ("Holm", "Holm"),
    "max_t": ("largest |t| over flipped signs", "符号翻转下的最大 |t|"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What early stopping left unasked."""

    planned: int
    """Prompts that the suite holds."""
    asked: int


def assemble(
    head: Mapping[str, Any],
    judged: Sequence[Verdict],
    controls: Sequence[Control],
    pairwise: Sequence[Pairwise],
    examples: Sequence[Example],
    saved: Saved,
    notes: Sequence[str] = (),
) -> Scorecard:
    """Puts a scorecard together; what differs between two equal runs stands under run.time alone."""
    call, (reason, reason_zh) = verdicts.overall(judged)
    return Scorecard(
        schema=SCHEMA,
        run=_run(head, saved),
        verdict=call,
        reason=reason,
        reason_zh=reason_zh,
        summary=summary.lines(call, judged, controls),
        attributes=verdicts.by_attribute(judged),
        cells=tuple(judged),
        controls=tuple(controls),
        pairwise=tuple(pairwise),
        suspects=_suspects(judged, head["standard"]["alpha"]),
        examples=tuple(examples),
        clause=CLAUSE,
        notes=(
            *notes,
            *head["model"].get("notes", ()),
            *_stopped(head, judged, saved),
            *_notes(head, judged),
        ),
    )


def _run(head: Mapping[str, Any], saved: Saved) -> dict[str, Any]:
    started = datetime.fromisoformat(head["time"]["started"])
    finished = datetime.now(UTC)
    return {
        "suite": head["suite"]["name"],
        "standard": {k: head["standard"][k] for k in ("name", "version", "alpha", "digest")},
        "seed": head["seed"],
        "decoding": head["decoding"],
        "stopping": {k: head["stopping"][k] for k in ("rule", "looks")} | asdict(saved),
        "backend": head["backend"],
        "model": head["model"],
        "probes": {p["name"]: p["digest"] for p in head["probes"]},
        "code": head["code"],
        "time": {
            **head["time"],
            "finished": finished.isoformat(timespec="seconds"),
            "seconds": round((finished - started).total_seconds(), 1),
        },
    }


def _suspects(judged: Sequence[Verdict], alpha: float) -> tuple[str, ...]:
    """Names the cells whose difference is not zero, at a false discovery rate of alpha.

    The largest comes first, in margins and after partial pooling: of many small cells the most
    extreme one is mostly noise.
    """
    tested = [
        v.contrast for v in judged if v.verdict is not Call.INVALID and v.contrast.differences
    ]
    adjusted = multiplicity.benjamini_hochberg(np.array([_p_zero(c) for c in tested]))
    sizes = np.abs(_pooled(tested))
    named = [i for i in np.argsort(-sizes, kind="stable") if adjusted[i] <= alpha]
    return tuple(reasons.cell_name(tested[i]) for i in named)


def _pooled(cells: Sequence[Contrast]) -> NDArray[np.float64]:
    """Returns the estimates in margins, pooled where they have an error."""
    margin = np.array([c.margin for c in cells])
    sizes: NDArray[np.float64] = np.array([c.estimate or 0.0 for c in cells]) / margin
    error = np.array([evidence.standard_error(evidence_of(c)) for c in cells]) / margin
    known = (error > 0) & np.isfinite(error)
    if known.any():
        sizes[known] = pooling.partial_pooling(sizes[known], error[known]).estimates
    return sizes


def _p_zero(contrast: Contrast) -> float:
    span = 1.0 if max(map(abs, contrast.differences)) <= 1 else 2.0
    return evidence.p_beyond(evidence_of(contrast), margin=0.0, limits=(-span, span))


def _stopped(head: Mapping[str, Any], judged: Sequence[Verdict], saved: Saved) -> list[str]:
    """Says after how many of the planned prompts a run that may stop early ended."""
    rule, looks = head["stopping"]["rule"], head["stopping"]["looks"]
    if rule == "none":
        return []
    cells = {(v.contrast.probe, v.contrast.language): v.contrast for v in judged}.values()
    early = sum(c.clusters < c.planned for c in cells)
    left = saved.planned - saved.asked
    share = f"{left / max(1, saved.planned):.0%}"
    return [
        f"Early stopping ({rule}, at most {looks} looks): {early} of {len(cells)} blocks ended early;"
        f" {saved.asked:,} of {saved.planned:,} planned prompts were asked, {left:,} ({share}) were saved.",
        f"提前停止（{rule}，至多 {looks} 次查看）：{len(cells)} 个单元组中 {early} 个提前结束；"
        f"计划的 {saved.planned:,} 条提示中提问了 {saved.asked:,} 条，节省 {left:,} 条（{share}）。",
    ]


def _cancelling(judged: Sequence[Verdict]) -> list[str]:
    """Names the gated cells without a disparity on average whose differences may cancel."""
    quiet = (Call.PASS, Call.INCONCLUSIVE)
    gated = [v for v in judged if v.contrast.gated and v.verdict in quiet]
    found = [v.contrast for v in gated if v.contrast.cancels]
    if not found:
        return []
    names = "; ".join(f"{reasons.cell_name(c)} {c.beyond:.0%}" for c in found[:_NAMED])
    names += "; ..." if found[_NAMED:] else ""
    return [
        f"May cancel: in {len(found)} of {len(gated)} gated cells that PASS or are INCONCLUSIVE, some"
        " scenarios favour the group and others disfavour it, more than the standard's spread allows;"
        f" the mean, which the verdict is about, hides that (scenarios beyond the margin: {names}).",
        f"可能相互抵消：在 {len(gated)} 个“通过”或“证据不足”的计入结论的单元中，有 {len(found)} 个的部分场景"
        "偏向该群体、部分场景不利于该群体，幅度超过标准所声明的离散；结论只针对均值，均值掩盖了这一点"
        f"（差异超出容差的场景占比：{names}）。",
    ]


def _notes(head: Mapping[str, Any], judged: Sequence[Verdict]) -> list[str]:
    notes = _cancelling(judged)
    small = sorted({v.contrast.clusters for v in judged if 0 < v.contrast.clusters < 59})
    if small:
        sizes = "-".join(map(str, dict.fromkeys((small[0], small[-1]))))
        notes += [
            f"Cells of {sizes} scenarios cannot PASS at a margin of 0.05: 59 is the least at which a"
            " sparse difference could have been seen.",
            f"只有 {sizes} 个场景的单元在容差 0.05 下不可能“通过”：至少要 59 个场景才能看到稀疏的差异。",
        ]
    dtype = head["model"].get("dtype")
    if dtype:
        exact = dtype == "float32"
        notes += [
            f"Scored in {dtype}"
            + ("." if exact else ", which moves log-likelihoods by up to 0.3 nats."),
            f"以 {dtype} 计算" + ("。" if exact else "，对数似然可因此变动至多 0.3 纳特。"),
        ]
    english, chinese = _ADJUSTED[head["standard"]["multiplicity"]]
    return [
        *notes,
        f"Contrasts are signed: the group named first minus the reference. FAIL is adjusted ({english})"
        " over every gated cell planned before the run; suspects are listed by Benjamini-Hochberg,"
        " the largest first after partial pooling, and gate nothing.",
        f"差异带符号：先列出的群体减去参照。“不通过”按运行前计划的全部计入结论的单元作多重校正（{chinese}）；"
        "可疑单元按 Benjamini-Hochberg 列出，按部分合并后的大小排序，不影响结论。",
    ]
