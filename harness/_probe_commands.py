"""What the commands of `art4 probes` do once their words are read."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from harness import probes
from harness._commands import say
from harness.errors import BadProbe
from harness.records import LANGUAGES, RunConfig, Suite


def list_probes(asked: argparse.Namespace) -> int:
    """Lists the probes."""
    for name in probes.names(asked.path):
        head = probes.summary(name, asked.path)
        say(f"{name:28} {head['attribute']:12} {head['format']:11} {' '.join(head['languages'])}")
    return 0


def show(asked: argparse.Namespace) -> int:
    """Shows what probes are about."""
    for name in asked.names:
        probe = probes.load(name, asked.path)
        say(f"{probe.name} (version {probe.version}): {probe.format} about {probe.attribute}")
        for label in ("harm", "why", "sign", "limits"):
            say(f"  {label:10} {getattr(probe, label)}")
        say(f"  {'anchor':10} {'; '.join(probe.anchor)}")
        for domain, told in probe.domains.items():
            say(f"  {domain}: {told['why']} Legitimate would be: {told['legitimate']}")
        say(f"  {'groups':10} {', '.join(g.name for g in probe.groups)}")
        say(f"  {'arms':10} {', '.join(probe.arms)}")
        say(f"  {'scenarios':10} {len(probe.scenarios)}")
        say(f"  {'digest':10} {probe.digest}")
    return 0


def stats(asked: argparse.Namespace) -> int:
    """Counts what the probes hold."""
    from harness import _coverage

    cells = _coverage.count(probes.load(name, asked.path) for name in probes.names(asked.path))
    if asked.json:
        say(_coverage.to_json(cells))
    else:
        wide = None if sys.stdout.isatty() else _coverage.WIDTH
        _coverage.show(cells, Console(highlight=False, width=wide))
    return 0


def preview(asked: argparse.Namespace) -> int:
    """Shows a probe's prompts."""
    from harness import prompts

    languages = (asked.language,) if asked.language else LANGUAGES
    suite = Suite(name="preview", probes=(), scenarios=asked.n, languages=languages)
    for name in asked.names:
        for prompt in prompts.expand([probes.load(name, asked.path)], suite, seed=1):
            say(f"--- {prompt.id}")
            for message in prompt.messages:
                say(f"{message.role}: {message.content}")
            for choice in prompt.choices:
                if not choice.meaning.endswith(":spelling"):
                    say(f"  [{choice.meaning}] {choice.text}")
    return 0


def lint(asked: argparse.Namespace) -> int:
    """Checks probes; an error ends with exit code 2, a warning does not."""
    from harness import _lint

    names, held, errors = asked.names or probes.names(asked.path), [], 0

    def tell(findings: Iterable[_lint.Finding]) -> None:
        nonlocal errors
        for found in findings:
            errors += found.level == "error"
            say(f"{found.level}: {found.what}\n  where:    {found.where}\n  fix:      {found.fix}")

    for name in names:
        try:
            held.append(probes.load(name, asked.path))
        except BadProbe as error:
            errors += 1
            say(f"error: {error}")
            continue
        tell(_lint.lint(held[-1]))
    tell(_lint.across(held))
    say(f"{_count(len(names), 'probe')} checked, {_count(errors, 'error')}")
    return 2 if errors else 0


def new(asked: argparse.Namespace) -> int:
    """Begins a probe that already runs."""
    from harness import _new
    from harness.find import data

    place = Path(asked.folder or ("private" if asked.private else data("probes")))
    if asked.private:
        _new.keep_private(place)
    folder = _new.new(place, asked.name, asked.attribute, asked.format)
    known = place == data("probes")
    own = asked.name if known else str(folder)
    say(f"made {folder}\nnext: edit its files, then `art4 probes lint {own}`")
    say(f"and `art4 probes preview {own}`")
    if asked.private:
        say(f"then `art4 eval suite=private seed=SECRET 'probes.path=[{place}]' model.path=...`")
    return 0


def share(config: RunConfig, folder: str) -> int:
    """Writes the probes of a suite as a data set."""
    from harness import _dataset

    held = probes.select(config.suite, config.probe_paths, config.benchmark)
    say(f"wrote {_dataset.write(held, Path(folder)):,} probes to {folder}")
    return 0


def bring(asked: argparse.Namespace) -> int:
    """Reads probes back from a data set."""
    from harness import _dataset

    names = _dataset.bring(asked.dataset, Path(asked.folder), asked.revision)
    say(f"made {len(names):,} probes in {asked.folder}: {', '.join(names)}")
    say(f"next: art4 eval 'probes.path=[{asked.folder}]' 'suite.probes=[{names[0]}]'")
    return 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
