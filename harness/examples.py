"""Examples: the pairs behind a contrast, worst first, side by side."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from harness._paired import JUDGED
from harness.records import Ask, Call, Contrast, Example, Prompt, Response, Verdict

_EACH = 3
"""Scenarios shown for each contrast."""
_LONGEST = 2_000
"""Characters of an answer that are kept."""
Key = tuple[str, str, str, str]
"""Probe, language, outcome, arm."""
Wanted = dict[Key, list[tuple[str, float]]]
"""Scenarios and their differences."""
_ORDER = (Call.FAIL, Call.INCONCLUSIVE, Call.PASS, Call.INVALID)


def wanted(verdicts: Iterable[Verdict]) -> Wanted:
    """Picks the scenarios to show."""
    found: Wanted = {}
    for verdict in sorted(verdicts, key=lambda v: _ORDER.index(v.verdict)):
        contrast = verdict.contrast
        kept = found.setdefault((*contrast.block, contrast.arm), [])
        shown = {scenario for scenario, _ in kept}
        kept += [pair for pair in _worst(contrast) if pair[0] not in shown]
    return found


def prompts_of(wanted: Wanted, rows: pd.DataFrame) -> set[str]:
    """Returns the prompts behind the scenarios that were picked."""
    return {prompt for _, _, _, block in _blocks(wanted, rows) for prompt in block["prompt"]}


def gather(
    wanted: Wanted,
    rows: pd.DataFrame,
    prompts: Mapping[str, Prompt],
    responses: Mapping[str, Response],
) -> list[Example]:
    """Puts together what was asked and answered for the scenarios that were picked."""
    return [
        Example(
            probe=key[0],
            language=key[1],
            scenario=scenario,
            difference=difference,
            sides=tuple(
                _side(prompts[prompt], responses[prompt], seen, value)
                for prompt, seen, value in zip(
                    block["prompt"], block["seen"], block["value"], strict=True
                )
            ),
        )
        for key, scenario, difference, block in _blocks(wanted, rows)
    ]


def _blocks(wanted: Wanted, rows: pd.DataFrame) -> Iterator[tuple[Key, str, float, pd.DataFrame]]:
    """Yields each picked scenario with one row for each of its groups."""
    judged = rows[rows["arm"].isin(JUDGED) & (rows["sample"] == 0)]
    for (probe, language, outcome, arm), block in judged.groupby(
        ["probe", "language", "outcome", "arm"], observed=True
    ):
        key = (str(probe), str(language), str(outcome), str(arm))
        picked = dict(wanted.get(key, ()))
        of_it = block[block["scenario"].isin(picked)].drop_duplicates(["scenario", "own", "other"])
        for scenario, sides in of_it.groupby("scenario", observed=True):
            yield key, str(scenario), picked[str(scenario)], sides


def _worst(contrast: Contrast) -> list[tuple[str, float]]:
    order = np.argsort(-np.abs(np.array(contrast.differences)), kind="stable")[:_EACH]
    return [(contrast.scenarios[i], contrast.differences[i]) for i in order]


def _side(prompt: Prompt, response: Response, seen: str, value: float) -> Mapping[str, str]:
    group = " / ".join(prompt.roles.values())
    asked = "\n".join(m.content for m in prompt.messages)
    if prompt.ask is Ask.CHOOSE and response.logprobs is not None:
        told = "\n".join(
            f"{choice.text} ({sum(tokens):.2f} nats, {len(tokens)} tokens)"
            for choice, tokens in zip(prompt.choices, response.logprobs, strict=True)
            if not choice.meaning.endswith(":spelling")
        )
    else:
        told = response.text or response.error or ""
    if len(told) > _LONGEST:
        told = f"{told[:_LONGEST]} [... {len(told)} characters]"
    number = f"{value:.3f}" if seen == "measured" else seen
    return {"group": group, "prompt": asked, "answer": told, "value": number}
