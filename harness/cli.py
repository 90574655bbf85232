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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

from harness import _parser
from harness.errors import BadConfig, HarnessError, NotFound
from harness.find import data
from harness.records import RunConfig, Standard

CODES = {"PASS": 0, "OK": 0, "FAIL": 1, "REGRESSION": 1, "INCONCLUSIVE": 3, "INVALID": 4}
USAGE, BUG, INTERRUPTED = 2, 70, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    try:
        asked = _parser.parse(sys.argv[1:] if argv is None else argv)
        module, _, name = asked.run.partition(".")
        code: int = getattr(import_module(f"harness.{module}"), name)(asked)
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


def evaluate(asked: argparse.Namespace) -> int:
    """Runs a suite on a model, or what flags of Hydra make of it."""
    flags = any(word.startswith("-") for word in asked.overrides)
    return _many(asked.overrides) if flags else _one(*_compose(asked.overrides))


def plan(asked: argparse.Namespace) -> int:
    """Plans a run; `from=RUN` among the overrides is no setting of one."""
    from harness import _commands

    earlier = [word.partition("=")[2] for word in asked.overrides if word.startswith("from=")]
    overrides = [word for word in asked.overrides if not word.startswith("from=")]
    return _commands.plan(configured(overrides), earlier[-1] if earlier else None, asked.json)


def export(asked: argparse.Namespace) -> int:
    """Writes prompts, or probes; words that set nothing are names of probes."""
    from harness import _elsewhere, _probe_commands

    names = [word for word in asked.overrides if "=" not in word]
    settings = [word for word in asked.overrides if "=" in word]
    chosen = [f"suite.probes=[{','.join(map(json.dumps, names))}]"] if names else []
    config = configured([*settings, *chosen])
    if asked.dataset:
        return _probe_commands.share(config, asked.dataset)
    return _elsewhere.export(config, asked.out)


def rescore(asked: argparse.Namespace) -> int:
    """Judges stored answers again."""
    from harness import _commands

    standard = standard_named(asked.standard) if asked.standard else None
    return CODES[_commands.rescore(asked, standard)]


def compare(asked: argparse.Namespace) -> int:
    """Compares two runs; where the candidate is settings, evaluates it first."""
    from harness import _commands

    words = asked.candidate
    settings = len(words) > 1 or "=" in words[0]
    return CODES[_commands.compare(asked, configured(words) if settings else None)]


def calibrate(asked: argparse.Namespace) -> int:
    """Measures how often the harness errs."""
    from harness import _commands

    if asked.out and asked.short:
        raise BadConfig(
            "--out with --short",
            where="the command line",
            expected="--out with studies in full, since what it writes is published",
            fix="leave out one of them; without --out the tables are printed",
        )
    return _commands.calibrate(
        asked, configured(["suite=planted", "model=planted", "reports=[json]"])
    )


def configured(overrides: Sequence[str]) -> RunConfig:
    """Makes the configuration of a run from overrides."""
    from harness import settings

    return settings.read(*_compose(overrides))


def standard_named(name: str) -> Standard:
    """Reads a standard of conf/standard by its name."""
    from harness import settings

    composed, choices = _compose([f"standard={name}"])
    return settings.standard(choices["standard"], composed["standard"])


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
    """Refuses `model=`, `suite=`, `standard=` and `engine=` with a name that has no file."""
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
    from harness.settings import read

    return CODES[_commands.evaluate(read(settings, choices))]


def worst(codes: Sequence[int]) -> int:
    """Returns the worst of several exit codes: a usage error, FAIL, INVALID, then INCONCLUSIVE."""
    return next(code for code in (USAGE, 1, 4, 3, 0) if code in codes)
