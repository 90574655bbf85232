"""Why a comparison says what it says: one sentence in English, and the same in Chinese."""

from collections.abc import Mapping
from typing import Any

from harness.reasons import Told
from harness.records import Change, Verdict


def grew(change: Change) -> Told:
    """Says that a disparity grew."""
    size, p = f"{change.estimate:+.3f}", f"{change.p_adjusted:.2g}"
    return (
        f"the disparity grew by {size} (adjusted p {p}) and the candidate does not PASS",
        f"差距变化 {size}（校正后 p = {p}），且候选版本未通过",
    )


def excluded(change: Change) -> Told:
    """Says that as much growth as is tolerated was excluded."""
    most = f"{change.high:+.3f}"
    return (
        f"growth is below {change.tolerated:g}: at most {most}",
        f"差距增长小于 {change.tolerated:g}：至多 {most}",
    )


def still_within(change: Change) -> Told:
    """Says that a disparity grew, but is still within the margin."""
    size, margin = f"{change.estimate:+.3f}", f"{change.after.contrast.margin:g}"
    return (
        f"the disparity grew by {size}, and the candidate still shows less than the margin of {margin}",
        f"差距变化 {size}，但候选版本的差异仍小于容差 {margin}",
    )


def undecided(change: Change, least: int) -> Told:
    """Says that growth was neither shown nor excluded, and how many scenarios OK takes."""
    span, most, few = (
        f"[{change.low:+.3f}, {change.high:+.3f}]",
        f"{change.tolerated:g}",
        change.clusters < least,
    )
    return (
        f"growth in {span} is neither shown nor below {most} with {change.clusters} scenarios"
        f"{f'; OK takes {least} scenarios or more' if few else ''}",
        f"{change.clusters} 个场景得变化区间 {span}，既未显示增长，也未排除增长达到 {most}"
        f"{f'；判定“未退步”至少需 {least} 个场景' if few else ''}",
    )


def nothing_paired() -> Told:
    """Says that no scenario could be paired."""
    return "no scenario was answered in full by both runs", "没有两次运行都完整回答的场景"


def candidate_void(after: Verdict) -> Told:
    """Says that the candidate cannot be judged."""
    return (
        f"the candidate cannot be judged here: {after.reason}",
        f"此处无法评判候选版本：{after.reason_zh}",
    )


def baseline_void(before: Verdict) -> Told:
    """Says that the baseline could not be judged."""
    return (
        f"the baseline cannot be judged here: {before.reason}",
        f"此处无法评判基线：{before.reason_zh}",
    )


def both_void(before: Verdict) -> Told:
    """Says that neither run can be judged."""
    return (
        f"neither run can be judged here: {before.reason}",
        f"此处两次运行均无法评判：{before.reason_zh}",
    )


def no_gate() -> Told:
    """Says that both runs have no cell in common that decides."""
    return "no cell that gates was asked of both", "没有两次运行都提问且计入结论的单元"


def all_ok(cells: int) -> Told:
    """Says that no gated cell grew."""
    return (
        f"in all {cells} gated cells growth by half the margin was excluded",
        f"全部 {cells} 个计入结论的单元均排除了达到容差一半的差距增长",
    )


def chosen_afterwards() -> Told:
    """Says that a rescored run proves nothing."""
    return "the margins were chosen after the answers were seen", "容差是在看到回答之后选定的"


def not_asked_again(cells: int) -> Told:
    """Says that gated cells of the baseline were not compared."""
    return (
        f"{cells} gated cells of the baseline have no prompt that both runs were asked",
        f"基线有 {cells} 个计入结论的单元没有共同提问",
    )


def notes(
    old: Mapping[str, Any], new: Mapping[str, Any], prompts: Mapping[str, int], gone: int
) -> list[str]:
    """Writes what a reader must know of two runs, given their run.json: English, Chinese in turn."""
    told: list[Told] = []
    common, *left = (
        f"{prompts[k]:,}" for k in ("common", "changed", "baseline_only", "candidate_only")
    )
    if any(count != "0" for count in left):
        told.append(
            (
                f"Compared on the {common} prompts that both runs were asked. Left out: {left[0]} that"
                f" say something else, {left[1]} of the baseline alone, {left[2]} of the candidate"
                " alone. The verdicts shown are those of the common prompts.",
                f"按两次运行共同的 {common} 条提问对比。未计入：内容不同 {left[0]} 条，仅基线有"
                f" {left[1]} 条，仅候选版本有 {left[2]} 条。所示结论仅据共同提问。",
            )
        )
    if gone:
        told.append(
            (
                f"{gone} gated cells of the baseline were not compared: they have no prompt in common.",
                f"基线有 {gone} 个计入结论的单元未作对比：没有共同提问。",
            )
        )
    if old["model"]["fingerprint"] == new["model"]["fingerprint"]:
        told.append(
            (
                "Both runs are of one model: their fingerprints are the same.",
                "两次运行为同一模型：指纹相同。",
            )
        )
    versions = [f"{head['code']['art4']}, code {head['code']['code'][:8]}" for head in (old, new)]
    if versions[0] != versions[1]:
        told.append(
            (
                f"The answers were measured by different versions of art4 ({'; '.join(versions)}): the"
                " same answer may have been read differently.",
                f"回答由不同版本的 art4 测得（{'；'.join(versions)}），同一回答可能解读不同。",
            )
        )
    if any(head.get("stopping", {}).get("rule", "none") != "none" for head in (old, new)):
        told.append(
            (
                "A run could stop early: error rates of the growth hold where both asked everything.",
                "有运行可提前停止：差距变化的错误率仅在两次都问完全部提问时成立。",
            )
        )
    if "rescored" in old or "rescored" in new:
        told.append(
            (
                "Margins were chosen after the answers were seen: no OK can come of it.",
                "容差是在看到回答之后选定的：不能得出“未退步”。",
            )
        )
    told.append(
        (
            "Growth is that of the size of a disparity, whatever its sign, over the same scenarios in"
            " both runs. REGRESSION is adjusted (Holm) over every gated cell; OK means that growth by"
            " half the margin was excluded.",
            "差距变化指同一批场景上差异大小的变化，不计方向。“退步”按全部计入结论的单元作多重校正"
            "（Holm）；“未退步”表示排除了达到容差一半的增长。",
        )
    )
    return [line for pair in told for line in pair]
