"""Finds what a name stands for: the name is the path.

A plug-in is a file `harness/<kind>/<name>.py` without a leading underscore; a name with a dot is an
import path, for code kept elsewhere. Data lies in the checkout, or inside the installed wheel.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from traceback import extract_tb
from typing import Any

from harness.errors import HarnessError, NotFound

PACKAGE = Path(__file__).resolve().parent


def root() -> Path:
    """Returns the folder that holds `probes` and `conf`, wherever the command was started."""
    checkout = PACKAGE.parent
    return checkout if (checkout / "pyproject.toml").is_file() else PACKAGE / "_data"


def data(name: str) -> Path:
    """Returns a folder of data: `probes` or `conf`."""
    return root() / name


def folder(path: str) -> Path:
    """Returns a folder of data, given by its path or as an installed package (`my_package.probes`).

    A package is found, not run; those that hold it are.

    Raises:
        NotFound: neither is there.
    """
    place = Path(path).expanduser()
    if place.is_dir():
        return place
    if all(part.isidentifier() for part in path.split(".")):
        try:
            spec = find_spec(path)
        except (ImportError, ValueError):
            spec = None
        if spec is not None and spec.submodule_search_locations:
            return Path(next(iter(spec.submodule_search_locations)))
    raise NotFound(
        f"no folder {path!r}",
        where="probes.path, or --path",
        expected="a folder, or an installed package that holds probes, such as my_package.probes",
        fix="correct the path, or install the package",
    )


def names(kind: str) -> list[str]:
    """Lists the plug-ins of a kind (`models`, `outcomes`, `reports`, `engines`)."""
    files = (PACKAGE / kind).glob("[!_]*.py")
    return sorted(f.stem for f in files)


def plugin(kind: str, name: str) -> Any:
    """Imports a plug-in by name, or by dotted path.

    Raises:
        NotFound: no such file, with the near names; or a dotted path that leads nowhere.
    """
    if "." in name:
        return _elsewhere(kind, name)
    if name not in names(kind):
        raise NotFound.among(kind.rstrip("s"), name, names(kind), f"harness/{kind}/")
    return import_module(f"harness.{kind}.{name}")


def _elsewhere(kind: str, path: str) -> Any:
    head, _, last = path.rpartition(".")
    ways = ((path, ""), (head, last)) if all(path.split(".")) else ()
    for module, attribute in ways:
        try:
            found = import_module(module)
        except ModuleNotFoundError as error:
            if module.startswith(f"{error.name}.") or module == error.name:
                continue
            raise _missing(kind, path, f"{module} imports {error.name!r}") from error
        except Exception as error:
            raise _missing(kind, path, _failed(module, error)) from error
        if not attribute:
            return found
        if hasattr(found, attribute):
            return getattr(found, attribute)
    raise _missing(kind, path, f"sys.path: {', '.join(p or '.' for p in sys.path[:3])}, ...")


def _failed(module: str, error: Exception) -> str:
    """Says how a module of somebody else's fails when it is imported, and in which line."""
    frames = [f"{f.filename}:{f.lineno}" for f in extract_tb(error.__traceback__)]
    place = "" if isinstance(error, SyntaxError) else f" ({frames[-1]})"
    return f"{module} fails when it is imported: {type(error).__name__}: {error}{place}"


def _missing(kind: str, path: str, where: str) -> HarnessError:
    return NotFound(
        f"nothing can be imported as {path!r}",
        where=where,
        expected=f"module.path or module.path.attribute, or one of: {', '.join(names(kind))}",
        fix="mend it, install the package that holds it, or add its folder to PYTHONPATH",
    )
