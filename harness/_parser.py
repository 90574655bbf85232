"""What may be typed: the commands of `art4`, their words and their help.

Each command names the function that runs it, which is imported when it is called.
"""

import argparse
from collections.abc import Sequence
from typing import TypeAlias

from harness import __version__
from harness.records import LANGUAGES

_EVAL = """\
Runs a suite on a model and writes a scorecard. Settings are Hydra overrides:

  art4 eval                                     the default model on the suite `smoke`
  art4 eval model.path=FOLDER_OR_HUB_ID         another model, through transformers
  art4 eval model=planted model.effect=gap model.attribute=gender model.dose=0.1
  art4 eval suite=smoke standard=art4 seed=2 out=FOLDER
  art4 eval cache=results/answers.sqlite        asks only what no run with this file asked before
  art4 eval --multirun seed=1,2,3               every combination; the worst exit code is returned
  art4 eval engine=ray engine.address=HOST:PORT on the machines of a Ray cluster (docs/scale-out.md)
  art4 eval --cfg job                           show the settings, run nothing

An interrupted run goes on with the same command. Exit codes: 0 PASS, 1 FAIL, 2 usage,
3 INCONCLUSIVE, 4 INVALID, 70 a bug, 130 interrupted.
"""
_PLAN = """\
Says what `art4 eval` with the same settings would take and could show, and asks nothing:
scenarios that each gated cell has and needs, prompts, tokens, time, and what stands in the way.

  art4 plan                                     the default model on the suite `smoke`
  art4 plan suite=planted model=planted         another suite and model
  art4 plan from=results/RUN                    how much scenarios vary is taken from that run
  art4 plan '+model.prices={input:2.5,output:10,currency:USD}'     for a million tokens
  art4 plan --json plan.json                    writes it as JSON too

Without from= the standard says how much scenarios vary. Time is known where an earlier run of the
same model lies in the results folder. Exit codes: 0 done, 2 usage.
"""
_EXPORT = """\
With --out: writes the prompts that `art4 eval` with the same settings asks, one JSON object a line, to
be answered elsewhere: id, ask, messages, choices, samples, and how answers are drawn.

  art4 probes export --out prompts.jsonl                        the suite `smoke`
  art4 probes export gender_decision suite=smoke seed=2 --out prompts.jsonl
  art4 eval suite=smoke seed=2 model=replay model.path=answers.jsonl     judges the answers

An answer is a line with the same id: {"id": ..., "text": ...}; with sample (0, 1, ...) where several
are drawn, and logprobs (a list of numbers, one a token, for each choice) where choices are scored.

With --dataset: writes the probes themselves as a data set, Parquet with a card, to be shared.

  art4 probes export gender_decision other_harmful --dataset FOLDER
  art4 probes export suite=full --dataset FOLDER
  art4 probes import FOLDER --in my_probes      makes folders of probes of it again
"""
_IMPORT = """\
Reads the answers out of the logs of another harness, into the JSONL that model=replay reads.

  art4 import samples_TASK_DATE.jsonl --from lm-eval --out answers.jsonl     of --log_samples
  art4 import LOG.eval --from inspect --out answers.jsonl                    or LOG.json
  art4 import LOG.eval --from inspect --out answers.jsonl --prompts prompts.jsonl

--id names what holds the id of a prompt: for lm-eval doc.id where there is one, else doc_id
(doc.example_id for BBQ); for inspect id. With --prompts it is told what is missing or surplus.
A service's own logs need no import: model=replay model.path=FILE model.id=COLUMN model.text=COLUMN.
"""
_COMPARE = """\
Compares a release with its baseline, by the prompts that both were asked.

  art4 compare RUN RUN                          two finished runs, the baseline first
  art4 compare RUN model.path=FOLDER            evaluates the candidate first, on the baseline's suite,
                                                standard and seed; then compares

REGRESSION: a disparity grew and the candidate does not PASS. OK: growth by half the margin was
excluded. Exit codes: 0 OK, 1 REGRESSION, 2 usage, 3 INCONCLUSIVE, 4 INVALID (the candidate cannot
be judged where the baseline could).
"""
_CALIBRATE = """\
Measures how often this harness errs: planted models whose effect is known, thousands of simulated
runs, exact bounds. What was simulated is kept in the work folder, so that it goes on after a kill.

  art4 calibrate --short                        some 2 minutes; fails where a claim is refuted
  art4 calibrate --out docs                     all of it, about an hour on 2 cores
  art4 calibrate --only 'two releases/*'        the studies that a pattern names; with --out their
                                                rows take the place of those of before
  art4 calibrate --list                         the names of all studies

Exit codes: 0 every claim holds, 1 one does not, 2 usage.
"""

SETTINGS = ("cli.evaluate", "cli.plan", "cli.export")
"""Commands for which words of no other meaning are settings; the first takes Hydra's flags, too."""
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Reads the words of a command; those that are settings become its `overrides`."""
    parser = _parser()
    asked, rest = parser.parse_known_args(words)
    flags = any(word.startswith("-") for word in rest)
    if (rest and asked.run not in SETTINGS) or (flags and asked.run != SETTINGS[0]):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    asked.overrides = rest
    return asked


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="art4",
        description="Tests whether a language model treats people differently"
        " by a protected attribute.",
        epilog="`art4 COMMAND --help` tells more. Start with: art4 eval",
    )
    parser.add_argument("--version", action="version", version=f"art4 {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add(commands, "eval", "cli.evaluate", "run a suite on a model and write a scorecard", _EVAL)
    tells = "say what a run would take and could show, before it spends anything"
    plan = _add(commands, "plan", "cli.plan", tells, _PLAN)
    plan.add_argument("--json", default="", metavar="FILE", help="write the plan as JSON too")
    _add_probes(commands)
    _add_import(commands)
    _add_rescore_and_report(commands)
    _add_compare(commands)
    _add_cache(commands)
    _add_checks(commands)
    _add_calibrate(commands)
    return parser


def _add(
    commands: Commands, name: str, run: str, tells: str, text: str = ""
) -> argparse.ArgumentParser:
    """Adds a command; `text` is its help where one line does not tell it."""
    form = argparse.RawDescriptionHelpFormatter if text else argparse.HelpFormatter
    command = commands.add_parser(name, help=tells, description=text or tells, formatter_class=form)
    command.set_defaults(run=run)
    return command


def _add_probes(commands: Commands) -> None:
    """Adds the commands of `art4 probes`."""
    probes = commands.add_parser(
        "probes", help="list, show, count, preview, check, begin or share probes"
    )
    kinds = probes.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, does, tells in (
        ("list", "list_probes", "list the probes"),
        ("show", "show", "show what a probe is about, its groups and its arms"),
        ("stats", "stats", "count the scenarios of each attribute, language and format"),
        ("preview", "preview", "show a probe's prompts as a model gets them"),
        ("lint", "lint", "check probes; without a name, all of them"),
        ("new", "new", "begin a probe that already runs"),
    ):
        kind = _add(kinds, name, f"_probe_commands.{does}", tells)
        kind.add_argument("--path", action="append", default=[], help="a further folder of probes")
        if name == "new":
            kind.add_argument("name")
            kind.add_argument("--attribute", default="gender")
            kind.add_argument("--format", default="decision")
            kind.add_argument("--in", dest="folder", default="", help="the folder to make it in")
            kind.add_argument(
                "--private",
                action="store_true",
                help="make it in a folder that git leaves alone (default: ./private)",
            )
        elif name == "stats":
            kind.add_argument("--json", action="store_true", help="as JSON")
        elif name != "list":
            kind.add_argument("names", nargs="*" if name == "lint" else "+", metavar="NAME")
        if name == "preview":
            kind.add_argument("--language", choices=LANGUAGES)
            kind.add_argument("-n", type=int, default=2, help="scenarios shown (default 2)")

    tells = "write a suite's prompts, to be answered elsewhere, or probes as a data set"
    export = _add(kinds, "export", "cli.export", tells, _EXPORT)
    written = export.add_mutually_exclusive_group(required=True)
    written.add_argument("--out", metavar="FILE", help="a .jsonl file of prompts")
    written.add_argument("--dataset", metavar="FOLDER", help="a new folder for the probes")
    fetch = _add(kinds, "import", "_probe_commands.bring", "read probes back from a data set")
    fetch.add_argument("dataset", metavar="FOLDER|ID", help="a folder, or owner/name on the hub")
    fetch.add_argument("--in", dest="folder", required=True, help="the folder to make them in")
    fetch.add_argument("--revision", help="of a data set on the hub")


def _add_import(commands: Commands) -> None:
    tells = "read answers from another harness's logs"
    answers = _add(commands, "import", "_elsewhere.bring", tells, _IMPORT)
    answers.add_argument("file", metavar="FILE")
    answers.add_argument("--from", dest="kind", required=True, metavar="lm-eval|inspect")
    answers.add_argument("--out", required=True, metavar="FILE", help="the .jsonl file to write")
    answers.add_argument("--id", default="", metavar="FIELD", help="what holds the id of a prompt")
    answers.add_argument("--prompts", default="", metavar="FILE", help="what `probes export` wrote")


def _add_rescore_and_report(commands: Commands) -> None:
    tells = "judge the stored answers of a run again, by any standard"
    rescore = _add(commands, "rescore", "cli.rescore", tells)
    rescore.add_argument("run_folder", metavar="RUN")
    rescore.add_argument("--standard", default="", help="default: the one declared before the run")
    rescore.add_argument("--out", default="", help="default: RUN-rescored-STANDARD")
    tells = "write a run's reports again from its scorecard.json"
    report = _add(commands, "report", "_commands.report", tells)
    report.add_argument("run_folder", metavar="RUN")
    report.add_argument("--reports", default="markdown,html,junit,figures,csv")


def _add_compare(commands: Commands) -> None:
    tells = "compare a release with its baseline"
    compare = _add(commands, "compare", "cli.compare", tells, _COMPARE)
    compare.add_argument("baseline", metavar="BASELINE", help="the folder of a run")
    compare.add_argument(
        "candidate",
        metavar="CANDIDATE",
        nargs="+",
        help="the folder of a run, or settings of `art4 eval` that make one",
    )
    compare.add_argument("--out", default="", help="default: BASELINE-vs-CANDIDATE, in results")
    compare.add_argument("--reports", default="json,markdown,html,junit")


def _add_cache(commands: Commands) -> None:
    """Adds the commands of `art4 cache`."""
    cache = commands.add_parser("cache", help="what a file of remembered answers holds")
    uses = cache.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, tells in (
        ("stats", "count its answers by model"),
        ("explain", "say why the answers of a run are not there, or list those to a prompt"),
        ("prune", "forget answers of other versions, and of a model or an age"),
    ):
        use = _add(uses, name, "_cache_shown.command", tells)
        use.set_defaults(what=name)
        use.add_argument("file", metavar="FILE", help="as in `art4 eval cache=FILE`")
        if name == "explain":
            use.add_argument(
                "subject", metavar="RUN|PROMPT", help="a folder, or the id of a prompt"
            )
        if name == "prune":
            use.add_argument("--model", default="", metavar="NAME", help="as `stats` shows it")
            use.add_argument("--days", type=float, help="what is older than so many days")


def _add_checks(commands: Commands) -> None:
    """Adds the commands that look at a finished run and change nothing in it."""
    tells = "check that a run is whole and that its verdicts follow from it"
    verify = _add(commands, "verify", "_commands.verify", tells)
    verify.add_argument("run_folder", metavar="RUN")
    tells = "show the gated cells of a run beside a linear mixed model; decides nothing"
    crosscheck = _add(commands, "crosscheck", "_commands.crosscheck", tells)
    crosscheck.add_argument("run_folder", metavar="RUN")
    crosscheck.add_argument("--out", default="", metavar="FILE", help="write the table as CSV too")
    tells = (
        "show how far the scenarios, controls and formats of a run hang together; decides nothing"
    )
    validity = _add(commands, "validity", "_commands.validity", tells)
    validity.add_argument("run_folder", metavar="RUN")
    validity.add_argument("--out", default="", metavar="FOLDER", help="write validity.md and .json")


def _add_calibrate(commands: Commands) -> None:
    tells = "measure how often this harness errs"
    calibrate = _add(commands, "calibrate", "cli.calibrate", tells, _CALIBRATE)
    calibrate.add_argument("--short", action="store_true", help="one seed of 80")
    calibrate.add_argument("--only", default="*", metavar="PATTERN", help="some studies alone")
    calibrate.add_argument("--list", action="store_true", help="list the studies, run nothing")
    calibrate.add_argument("--jobs", type=int, default=0, help="processes; default: all cores")
    calibrate.add_argument("--work", default="results/.calibration", metavar="FOLDER")
    calibrate.add_argument("--out", default="", metavar="FOLDER", help="write the tables there")
