"""Commands: what `art4` does. This module alone knows Hydra.

Exit codes: 0 PASS, OK or done, 1 FAIL or REGRESSION, 2 usage, 3 INCONCLUSIVE, 4 INVALID, 70 a bug,
130 interrupted.
Nothing heavy is imported before a command needs it: `art4 --help` answers at once.
"""

import argparse
import json
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

from harness import __version__
from harness.errors import BadConfig, HarnessError, NotFound
from harness.find import data
from harness.records import Standard

CODES = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3, "INVALID": 4}
TRENDS = {"OK": 0, "REGRESSION": 1, "INCONCLUSIVE": 3, "INVALID": 4}
USAGE, BUG, INTERRUPTED = 2, 70, 130

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
  art4 calibrate --only 'two releases/*'        the studies that a pattern names
  art4 calibrate --list                         the names of all studies

Exit codes: 0 every claim holds, 1 one does not, 2 usage.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    try:
        asked, rest = parser.parse_known_args(words)
        flags = [word for word in rest if word.startswith("-")]
        if rest and asked.run is not _eval and (flags or asked.run not in (_plan, _export)):
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        asked.overrides = rest
        code: int = asked.run(asked)
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return USAGE
    except KeyboardInterrupt:
        print("interrupted: the same command goes on where it stopped", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        print("this is a bug in art4, please report it with the lines above", file=sys.stderr)  # noqa: T201
        return BUG
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="art4",
        description="Tests whether a language model treats people differently"
        " by a protected attribute.",
        epilog="`art4 COMMAND --help` tells more. Start with: art4 eval",
    )
    parser.add_argument("--version", action="version", version=f"art4 {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(
        name: str, run: Callable[[argparse.Namespace], int], tells: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=tells, description=tells)
        command.set_defaults(run=run)
        return command

    evaluate = add("eval", _eval, "run a suite on a model and write a scorecard")
    evaluate.description, evaluate.formatter_class = _EVAL, argparse.RawDescriptionHelpFormatter

    plan = add("plan", _plan, "say what a run would take and could show, before it spends anything")
    plan.description, plan.formatter_class = _PLAN, argparse.RawDescriptionHelpFormatter
    plan.add_argument("--json", default="", metavar="FILE", help="write the plan as JSON too")

    _add_probes(commands)
    answers = add(
        "import", _command("bring", "_elsewhere"), "read answers from another harness's logs"
    )
    answers.description, answers.formatter_class = _IMPORT, argparse.RawDescriptionHelpFormatter
    answers.add_argument("file", metavar="FILE")
    answers.add_argument("--from", dest="kind", required=True, metavar="lm-eval|inspect")
    answers.add_argument("--out", required=True, metavar="FILE", help="the .jsonl file to write")
    answers.add_argument("--id", default="", metavar="FIELD", help="what holds the id of a prompt")
    answers.add_argument("--prompts", default="", metavar="FILE", help="what `probes export` wrote")

    rescore = add(
        "rescore", _command("rescore"), "judge the stored answers of a run again, by any standard"
    )
    rescore.add_argument("run_folder", metavar="RUN")
    rescore.add_argument("--standard", default="", help="default: the one declared before the run")
    rescore.add_argument("--out", default="", help="default: RUN-rescored-STANDARD")
    report = add(
        "report", _command("report"), "write a run's reports again from its scorecard.json"
    )
    report.add_argument("run_folder", metavar="RUN")
    report.add_argument("--reports", default="markdown,html,junit,figures,csv")
    compare = add("compare", _compare, "compare a release with its baseline")
    compare.description, compare.formatter_class = _COMPARE, argparse.RawDescriptionHelpFormatter
    compare.add_argument("baseline", metavar="BASELINE", help="the folder of a run")
    compare.add_argument(
        "candidate",
        metavar="CANDIDATE",
        nargs="+",
        help="the folder of a run, or settings of `art4 eval` that make one",
    )
    compare.add_argument("--out", default="", help="default: BASELINE-vs-CANDIDATE, in results")
    compare.add_argument("--reports", default="json,markdown,html,junit")
    cache = commands.add_parser("cache", help="what a file of remembered answers holds")
    uses = cache.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, tells in (
        ("stats", "count its answers by model"),
        ("explain", "say why the answers of a run are not there, or list those to a prompt"),
        ("prune", "forget answers of other versions, and of a model or an age"),
    ):
        use = uses.add_parser(name, help=tells, description=tells)
        use.set_defaults(run=_command("command", "_cache_shown"), what=name)
        use.add_argument("file", metavar="FILE", help="as in `art4 eval cache=FILE`")
        if name == "explain":
            use.add_argument(
                "subject", metavar="RUN|PROMPT", help="a folder, or the id of a prompt"
            )
        if name == "prune":
            use.add_argument("--model", default="", metavar="NAME", help="as `stats` shows it")
            use.add_argument("--days", type=float, help="what is older than so many days")
    verify = add(
        "verify",
        _command("verify"),
        "check that a run is whole and that its verdicts follow from it",
    )
    verify.add_argument("run_folder", metavar="RUN")
    crosscheck = add(
        "crosscheck",
        _command("crosscheck"),
        "show the gated cells of a run beside a linear mixed model; decides nothing",
    )
    crosscheck.add_argument("run_folder", metavar="RUN")
    crosscheck.add_argument("--out", default="", metavar="FILE", help="write the table as CSV too")
    valid = add(
        "validity",
        _command("validity"),
        "show how far the scenarios, controls and formats of a run hang together; decides nothing",
    )
    valid.add_argument("run_folder", metavar="RUN")
    valid.add_argument("--out", default="", metavar="FOLDER", help="write validity.md and .json")
    calibrate = add("calibrate", _calibrate, "measure how often this harness errs")
    calibrate.description = _CALIBRATE
    calibrate.formatter_class = argparse.RawDescriptionHelpFormatter
    calibrate.add_argument("--short", action="store_true", help="one seed of 80")
    calibrate.add_argument("--only", default="*", metavar="PATTERN", help="some studies alone")
    calibrate.add_argument("--list", action="store_true", help="list the studies, run nothing")
    calibrate.add_argument("--jobs", type=int, default=0, help="processes; default: all cores")
    calibrate.add_argument("--work", default="results/.calibration", metavar="FOLDER")
    calibrate.add_argument("--out", default="", metavar="FOLDER", help="write the tables there")
    return parser


def _add_probes(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the commands of `art4 probes`."""
    probes = commands.add_parser("probes", help="list, show, count, preview, check or begin probes")
    kinds = probes.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, does, tells in (
        ("list", "list_probes", "list the probes"),
        ("show", "show", "show what a probe is about, its groups and its first scenarios"),
        ("stats", "stats", "count the scenarios of each attribute, language and format"),
        ("preview", "preview", "show a probe's prompts as a model gets them"),
        ("lint", "lint", "check probes; without a name, all of them"),
        ("new", "new", "begin a probe that already runs"),
    ):
        kind = kinds.add_parser(name, help=tells, description=tells)
        kind.set_defaults(run=_command(does, "_probe_commands"))
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
            kind.add_argument("--language", choices=("zh", "en"))
            kind.add_argument("-n", type=int, default=2, help="scenarios shown (default 2)")

    export = kinds.add_parser(
        "export", help="write a suite's prompts, to be answered elsewhere, or probes as a data set"
    )
    export.description, export.formatter_class = _EXPORT, argparse.RawDescriptionHelpFormatter
    export.set_defaults(run=_export)
    written = export.add_mutually_exclusive_group(required=True)
    written.add_argument("--out", metavar="FILE", help="a .jsonl file of prompts")
    written.add_argument("--dataset", metavar="FOLDER", help="a new folder for the probes")
    tells = "read probes back from a data set"
    fetch = kinds.add_parser("import", help=tells, description=tells)
    fetch.set_defaults(run=_command("bring", "_probe_commands"))
    fetch.add_argument("dataset", metavar="FOLDER|ID", help="a folder, or owner/name on the hub")
    fetch.add_argument("--in", dest="folder", required=True, help="the folder to make them in")
    fetch.add_argument("--revision", help="of a data set on the hub")


def _eval(asked: argparse.Namespace) -> int:
    flags = [word for word in asked.overrides if word.startswith("-")]
    return _many(asked.overrides) if flags else _one(*_compose(asked.overrides))


def _plan(asked: argparse.Namespace) -> int:
    """Plans a run; `from=RUN` among the overrides is no setting of one."""
    from harness import _commands
    from harness import settings as reading

    earlier = [word.partition("=")[2] for word in asked.overrides if word.startswith("from=")]
    overrides = [word for word in asked.overrides if not word.startswith("from=")]
    config = reading.read(*_compose(overrides))
    return _commands.plan(config, earlier[-1] if earlier else None, asked.json)


def _export(asked: argparse.Namespace) -> int:
    """Writes prompts, or probes; words that set nothing are names of probes."""
    from harness import _elsewhere, _probe_commands
    from harness import settings as reading

    names = [word for word in asked.overrides if "=" not in word]
    settings = [word for word in asked.overrides if "=" in word]
    chosen = [f"suite.probes=[{','.join(map(json.dumps, names))}]"] if names else []
    config = reading.read(*_compose([*settings, *chosen]))
    if asked.dataset:
        return _probe_commands.share(config, asked.dataset)
    return _elsewhere.export(config, asked.out)


def _compare(asked: argparse.Namespace) -> int:
    from harness import _commands
    from harness import settings as reading

    words = asked.candidate
    if len(words) > 1 or "=" in words[0]:
        return _commands.compare(asked, reading.read(*_compose(words)))
    return _commands.compare(asked, None)


def _calibrate(asked: argparse.Namespace) -> int:
    from harness import _commands
    from harness import settings as reading

    if asked.out and (asked.short or asked.only != "*"):
        raise BadConfig(
            "--out with --short or --only",
            where="the command line",
            expected="--out with all studies in full, since what it writes is published",
            fix="leave out one of them; without --out the tables are printed",
        )
    words = ["suite=planted", "model=planted", "reports=[json]"]
    return _commands.calibrate(asked, reading.read(*_compose(words)))


def _compose(overrides: Sequence[str]) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """Composes the settings of one run, and says which file of each group was chosen."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    overrides = _quoted(overrides)
    _known_choices(overrides)
    try:
        with initialize_config_dir(config_dir=str(data("conf")), version_base="1.3"):
            whole = compose("eval", list(overrides), return_hydra_config=True)
            choices = dict(whole.hydra.runtime.choices)
            settings = {k: v for k, v in whole.items() if k != "hydra"}
            return OmegaConf.to_container(OmegaConf.create(settings), resolve=True), choices  # type: ignore[return-value]
    except (HydraException, OmegaConfBaseException) as error:
        raise _misspelt(error, overrides) from error


def _many(overrides: Sequence[str]) -> int:
    """Hands over to Hydra for `--multirun`, `--cfg` and its other flags; returns the worst code."""
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import DictConfig, OmegaConf

    def task(settings: DictConfig) -> None:
        try:
            choices = dict(HydraConfig.get().runtime.choices)
            code = _one(OmegaConf.to_container(settings, resolve=True), choices)  # type: ignore[arg-type]
        except HarnessError as error:
            print(f"error: {error}", file=sys.stderr)  # noqa: T201
            code = USAGE
        (told / uuid4().hex).write_text(str(code))

    _compose(_first([word for word in overrides if "=" in word and not word.startswith("-")]))
    off = ["hydra.output_subdir=null", "hydra/job_logging=none", "hydra/hydra_logging=none"]
    run = hydra.main(version_base="1.3", config_path=str(data("conf")), config_name="eval")(task)
    with _sweeps(overrides) as folder, tempfile.TemporaryDirectory(dir=folder) as codes:
        told = Path(codes)  # a file for each job, which may have run on another machine
        here = [f"hydra.run.dir={folder}", f"hydra.sweep.dir={folder}", "hydra.sweep.subdir=."]
        sys.argv = ["art4 eval", *_quoted(overrides), *off, *here]
        try:
            run()
        except SystemExit as stop:
            return USAGE if stop.code else 0
        found = [int(path.read_text()) for path in told.iterdir()]
    return worst(found) if found else 0


@contextmanager
def _sweeps(overrides: Sequence[str]) -> Iterator[Path]:
    """Gives the folder where Hydra leaves its own files: hydra.sweep.dir, or one that vanishes."""
    own = [word.partition("=")[2] for word in overrides if word.startswith("hydra.sweep.dir=")]
    if own:
        folder = Path(own[-1]).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    else:
        with tempfile.TemporaryDirectory() as vanishing:
            yield Path(vanishing)


def _quoted(words: Sequence[str]) -> list[str]:
    """Puts values such as `out=/数据/结果` in quotes, without which Hydra reads ASCII alone."""
    quoted = []
    for word in words:
        key, _, value = word.partition("=")
        plain = value.isascii() or value[0] in "\"'[{" or "," in value
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        quoted.append(word if plain else f'{key}="{escaped}"')
    return quoted


def _first(overrides: Sequence[str]) -> list[str]:
    """Returns the overrides of the first job of a sweep."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    overrides = _quoted(overrides)
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
    except HydraException as error:
        raise _misspelt(error, overrides) from error
    return [
        f"{o.get_key_element()}={next(o.sweep_string_iterator())}"
        if o.is_sweep_override()
        else word
        for o, word in zip(parsed, overrides, strict=True)
    ]


def _known_choices(overrides: Sequence[str]) -> None:
    """Refuses `model=`, `suite=` and `standard=` with a name that has no file."""
    for word in overrides:
        group, _, name = word.partition("=")
        known = [p.stem for p in (data("conf") / group).glob("[!_]*.yaml")] if group else []
        if known and name not in known:
            raise NotFound.among(group, name, known, where=f"conf/{group}/")


def _misspelt(error: Exception, overrides: Sequence[str]) -> HarnessError:
    """Tells what Hydra refused, with the near names where a key is unknown."""
    told = str(error).strip().splitlines() or ["the settings cannot be read"]
    found = re.search(r"(?:override|delete) '([^']+)'", told[0])
    if found and "=" not in found[1]:
        whole, groups = _compose([])
        whole, _ = _compose([word for word in overrides if word.partition("=")[0] in groups])
        known = [*whole, *_keys(whole)]
        return NotFound.among("setting", found[1], set(known), where="the command line")
    return BadConfig(
        told[0].replace("LexerNoViableAltException:", "cannot be read:"),
        where=f"the command line: {' '.join(overrides)}",
        expected="overrides such as suite=smoke seed=2 model.path=FOLDER; a list is KEY=[a,b]",
        fix="correct the override; a text with signs such as , = ( ~ or # goes in quotes twice,"
        " 'out=\"a,b\"'; `art4 eval --cfg job` shows all settings",
    )


def _keys(settings: Mapping[str, Any], prefix: str = "") -> list[str]:
    keys = []
    for key, value in settings.items():
        keys += _keys(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [prefix + key]
    return keys


def _one(settings: Mapping[str, Any], choices: Mapping[str, str]) -> int:
    """Runs one evaluation and shows its scorecard."""
    from harness import _commands
    from harness import settings as reading

    return CODES[_commands.evaluate(reading.read(settings, choices))]


def worst(codes: Sequence[int]) -> int:
    """Returns the worst of several exit codes: a usage error, FAIL, INVALID, then INCONCLUSIVE."""
    return next(code for code in (USAGE, 1, 4, 3, 0) if code in codes)


def _command(name: str, module: str = "_commands") -> Callable[[argparse.Namespace], int]:
    """Returns a command that is imported when it is called."""

    def run(asked: argparse.Namespace) -> int:
        code: int = getattr(import_module(f"harness.{module}"), name)(asked)
        return code

    return run


def standard_named(name: str) -> Standard:
    """Reads a standard of conf/standard by its name."""
    from harness import settings as reading

    composed, choices = _compose([f"standard={name}"])
    return reading.standard(choices["standard"], composed["standard"])
