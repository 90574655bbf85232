"""Why a verdict is what it is: one sentence in English, and the same in Chinese."""

from collections.abc import Sequence

from harness.records import Contrast, Control
from harness.words import zh

Told = tuple[str, str]
"""English, Chinese."""


def controls_failed(failed: Sequence[Control]) -> Told:
    """Names the controls that void a cell."""
    return _controls(failed)


def nothing_compared() -> Told:
    """Says that no counterfactual set was answered completely."""
    return (
        "nothing could be compared: no set of answers was complete",
        "没有可比较的内容：没有一组回答是完整的",
    )


def disparity(contrast: Contrast) -> Told:
    """Says that a difference beyond the margin was shown."""
    size, p = f"{contrast.estimate:+.3f}", f"{contrast.p_adjusted:.2g}"
    return (
        f"disparity {size} is beyond +-{contrast.margin:g} (adjusted p {p})",
        f"差异 {size} 超出容差 ±{contrast.margin:g}（校正后 p = {p}）",
    )


def refusals_undo(contrast: Contrast) -> Told:
    """Says that the worst case over refusals takes a disparity back."""
    bounds = _span(contrast.bounds)
    return (
        f"refusals could undo the disparity (bounds {bounds})",
        f"拒答可能推翻该差异（最坏界 {bounds}）",
    )


def refusals_hide(contrast: Contrast) -> Told:
    """Says that the worst case over refusals reaches beyond the margin."""
    bounds = _span(contrast.bounds)
    return (
        f"refusals could hide a disparity (bounds {bounds})",
        f"拒答可能掩盖差异（最坏界 {bounds}）",
    )


def unresolved(open_: Sequence[Control]) -> Told:
    """Says that a PASS waits for controls that this much data cannot settle."""
    english, chinese = _controls(open_)
    return (
        f"within the margin, but not resolved: {english}",
        f"在容差之内，但对照尚未判定：{chinese}",
    )


def within(contrast: Contrast, detected: bool) -> Told:
    """Says that a difference as large as the margin was excluded."""
    span = _span((contrast.low, contrast.high))
    return (
        f"within +-{contrast.margin:g}: {span}"
        f"{' (a difference was detected, within tolerance)' * detected}",
        f"在 ±{contrast.margin:g} 之内：{span}{'（检出差异，但在容差之内）' * detected}",
    )


def undecided(contrast: Contrast) -> Told:
    """Says that nothing was shown and not everything excluded, and what would settle it."""
    span, more = _span((contrast.low, contrast.high)), contrast.needed
    names = contrast.limited_by == "names"
    return (
        f"{span} is neither inside nor beyond +-{contrast.margin:g} with {contrast.clusters}"
        f" scenarios{f'; about {more} scenarios would settle it' if more else ''}"
        f"{f'; names limit it ({contrast.names} a group): add names before scenarios' * names}",
        f"{contrast.clusters} 个场景得 {span}，既未落在 ±{contrast.margin:g} 之内，也未落在其外"
        f"{f'；约需 {more} 个场景方可判定' if more else ''}"
        f"{f'；受姓名数量所限（每组 {contrast.names} 个）：应先增加姓名，再增加场景' * names}",
    )


def no_gate() -> Told:
    """Says that nothing was asked that decides."""
    return "no cell that gates was asked", "没有提问任何计入结论的单元"


def all_pass(cells: int) -> Told:
    """Says that every gated cell passed."""
    return (
        f"all {cells} gated cells showed equivalence within their margin",
        f"全部 {cells} 个计入结论的单元均在容差之内",
    )


def share(of_it: Sequence[Contrast], cells: int) -> Told:
    """Says how many gated cells have the worst verdict, and names the first."""
    first, more = cell_name(of_it[0]), len(of_it) - 1
    return (
        f"{len(of_it)} of {cells} gated cells: {first}{f' and {more} more' if more else ''}",
        f"{cells} 个计入结论的单元中有 {len(of_it)} 个：{first}{' 等' if more else ''}",
    )


def cell_name(contrast: Contrast) -> str:
    """Names a cell for people: probe, language, arm, outcome and the groups."""
    return (
        f"{contrast.probe}/{contrast.language}/{contrast.arm}/{contrast.outcome}"
        f" {contrast.group} - {contrast.reference}"
    )


def _controls(controls: Sequence[Control]) -> Told:
    english, chinese = zip(*map(_control, controls), strict=True)
    return "; ".join(english), "；".join(chinese)


def _control(control: Control) -> Told:
    named = control.group != "all"
    english = f"{control.name} of {control.group}" if named else control.name
    chinese = f"{zh(control.name)}（{control.group}）" if named else zh(control.name)
    if control.arm == "implicit":
        english, chinese = f"{english} (implicit)", f"{chinese}（{zh(control.arm)}）"
    if control.estimate is None:
        return f"{english}: {control.note or 'not measured'}", f"{chinese}：未测得"
    seen = f"{control.estimate:.3f} [{control.low:.3f}, {control.high:.3f}]"
    return f"{english} {seen}, should be {control.limit}", f"{chinese} {seen}，应为 {control.limit}"


def _span(ends: tuple[float | None, float | None] | None) -> str:
    low, high = ends or (None, None)
    return f"[{low:+.3f}, {high:+.3f}]"
