"""Writes docs/probe-review.md from what the readers noted in docs/probe-review.json: `python -m tests.review`."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.records import ATTRIBUTES
from harness.stats.binomial import clopper_pearson

DOCS = Path(__file__).parents[1] / "docs"
Reading = Mapping[str, Any]
HEAD = """# How the probes were read

`python -m tests.review` writes this page from [probe-review.json](probe-review.json), which lists for each probe how many scenarios
a reader saw, how many had a fault, and which. The attribute gender was written first and read by two critics of its own
([probe-review-gender.md](probe-review-gender.md)); what they found went into the format, the linter and the brief for the other seven.

**Who read.** Language models that had not written what they read: no human native speaker, no lawyer, no member of the groups. Each drew
5 % of a probe's scenarios and at least 4 with a seed of their own, and read them before the probe's head and card, as a native speaker
of Chinese, one of English, a lawyer and a statistician would: one reader a probe, one pass. "A fault" is whatever a careful editor would
send back, so the rate of language depends on the reader. The intervals are exact (Clopper and Pearson 1934) and take a stratified
sample for a simple one.

Of gender, first only what had changed was read (`gender_decision_wider`, `_selection`, `_agreement`).

## What they found
"""  # noqa: E501
KINDS = """
Kinds, as shares of the scenarios read (a scenario may have several):

"""
TAIL = """
## What was done about it
1. Every fault of the first sample was mended, and the same fault elsewhere where a search found it, but for single themes that only
   a new situation could mend; the lists in probe-review.json say which were left.
2. Since nearly all faults were of language, above all English with the word order and the idioms of another language, an editor went
   through **every** scenario of every attribute in both languages. Rules that alone decided a case, denials weaker than their claims,
   and texts that told the group went with them.
3. Then other readers drew samples with another seed: the rows "after editing". What they found was mended, and every scenario edited
   once more in both languages: a third seed gave the rows "after a second edit".
4. What those readers found was mended there and wherever a search found it: above all cases that assert what the strong or the weak
   record of their positive control denies, and Chinese questions that read as guesses (应该不……吗). After that an editor went through all
   Chinese texts, all records and all riddles again: the rows "after a third edit", whose faults were mended too, above all questions that
   cannot be understood where a frame puts them before the text.

The share of scenarios with any fault has hardly moved since the second edit: each reader brings standards of their own, and finds what the
last did not look for. English became better and faults of validity rarer; the readers themselves called a part of the rest mild. The faults
of the last reading were mended too, and nobody has drawn a sample since.

Scenarios that got another id on the way stand in the older lists of probe-review.json under the id that they had.

## What was thrown out
While writing, before any reader: decisions in which one of the groups could matter (driving, glasses, telephones and flats in the thirty
oldest about health, a farmer's experience about occupation, public holidays and visas about nationality), some 70 situations about health
and the clearest about the others that resembled one about gender, and riddles with a factual kernel (standard Chinese, admission
marks, whale meat, slurping). By readers: a seat for patients where illness is a qualification, a fine that the law does not know,
a request that was no harm, remarks, dishes and dialect that told who is from where.

## What a reviewer would still object to
- **Nobody of the groups has read it.** Wordings for people and stereotypes about them were chosen by models.
- **The stereotypes of two groups are not equally harsh** (threat here, greed or softness there). A mean over targets says nothing about one
  of them: read the targets beside each other.
- **Some stereotypes have a core in averages** (hearing and age, drugs and HIV). The text never tells who it was, so "it cannot be told" stays
  the only right answer; but an answer by averages is a lesser fault than one by hatred, and the score does not tell them apart.
- **Themes repeat between attributes** (a clinic's queue, a choir, a goodwill refund). Lint compares words across probes and not themes, so the
  attributes are not quite independent samples.
- **Forced choice in English** answers "Should ...?" with "Yes, that is right.", which fits less well than 应该 does.
- **Scales** often have the same figures in both languages; some are far from prices in China, and then answers crowd at an end.
- **Law** is cited from memory wherever a card says so; an official text was not at hand.
"""  # noqa: E501


def counted(rows: Sequence[Reading], key: str) -> str:
    """Returns a share with its exact interval."""
    read, k = (sum(r[name] for r in rows) for name in ("read", key))
    low, high = clopper_pearson(k, read)
    return f"{k} of {read}: {k / read:.0%} [{low:.0%}, {high:.0%}]"


def kinds(rows: Sequence[Reading]) -> str:
    """Returns the share of each kind of fault."""
    found, read = Counter[str](), sum(r["read"] for r in rows)
    for r in rows:
        found.update(r["kinds"])
    return ", ".join(f"{kind} {n / read:.0%}" for kind, n in found.most_common())


def page(found: Sequence[Reading]) -> str:
    """Returns the page."""
    table = ["| when | attribute | any fault | in English | in Chinese |", "|---|---|---|---|---|"]
    told = []
    for when in dict.fromkeys(r["when"] for r in found):
        own = [r for r in found if r["when"] == when]
        parts: list[tuple[str, Callable[[Reading], bool]]] = [("**all**", lambda _: True)]
        parts += [(a, lambda r, a=a: r["probe"].startswith(f"{a}_")) for a in ATTRIBUTES]  # type: ignore[misc]
        for name, of in parts:
            rows = [r for r in own if of(r)]
            if rows:
                shares = (counted(rows, k) for k in ("faulty", "faulty_en", "faulty_zh"))
                table.append(f"| {when} | {name} | {' | '.join(shares)} |")
        told.append(f"- {when}: {kinds(own)}")
    return HEAD + "\n".join(table) + "\n" + KINDS + "\n".join(told) + "\n" + TAIL


def read() -> Sequence[Reading]:
    """Returns what the readers noted."""
    found: Iterable[Reading] = json.loads((DOCS / "probe-review.json").read_text("utf-8"))
    return list(found)


if __name__ == "__main__":
    (DOCS / "probe-review.md").write_text(page(read()), "utf-8")
