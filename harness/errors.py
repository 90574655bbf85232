"""The errors a person can cause, and so can mend.

    HarnessError              four parts: what, where, expected, fix; exit code 2
    |- NotFound               a name that leads nowhere; shows the near ones
    |- BadProbe               a probe file that breaks the rules
    |- BadConfig              a setting that is unknown or out of range
    |- BadModel               a model that is missing, gated, too large or cannot do what is asked
    |- BadRun                 a run folder that is not what it should be
    |- OutOfBudget            a budget that is spent; the same command goes on where it stopped

Bugs are no HarnessError: they keep their traceback and end with exit code 70.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from unicodedata import category


class HarnessError(Exception):
    """Tells a person what is wrong, where, what would be right, and one thing to do.

    Its text holds no character that a terminal would act on: a part of it may come from outside.
    """

    def __init__(self, what: str, *, where: str, expected: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.where, self.expected, self.fix = what, where, expected, fix

    def __str__(self) -> str:
        told = (
            f"{self.what}\n  where:    {self.where}\n"
            f"  expected: {self.expected}\n  fix:      {self.fix}"
        )
        return "".join(c if c in "\n\t" or category(c)[0] != "C" else "?" for c in told)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.expected, self.fix)


class NotFound(HarnessError):
    """Names a thing that does not exist, with the near names and the whole list."""

    @classmethod
    def among(cls, kind: str, name: str, names: Iterable[str], where: str) -> "NotFound":
        """Builds the error for `name`, which is not one of `names`."""
        known = sorted(names)
        head, of, rest = kind.partition(" of ")
        several = f"{head[:-1]}ies" if head.endswith("y") and head[-2:] != "ey" else f"{head}s"
        near = get_close_matches(name, known, n=3, cutoff=0.5)
        fix = (
            f"use {' or '.join(repr(n) for n in near)}"
            if near
            else f"use one of these {several}{of}{rest}"
        )
        return cls(
            f"unknown {kind} {name!r}",
            where=where,
            expected=f"one of: {', '.join(known) or '(there are none)'}",
            fix=fix,
        )


class BadProbe(HarnessError):
    """Reports a probe file that breaks the rules."""


class BadConfig(HarnessError):
    """Reports a setting that is unknown or out of range."""


class BadModel(HarnessError):
    """Reports a model that cannot be opened or cannot do what the suite asks."""


class BadRun(HarnessError):
    """Reports a run folder that cannot be read, written or continued."""


class OutOfBudget(HarnessError):
    """Reports a budget that is spent."""


def _rebuild(
    kind: type[HarnessError], what: str, where: str, expected: str, fix: str
) -> HarnessError:
    return kind(what, where=where, expected=expected, fix=fix)
