"""Imports point one way, and nothing heavy is loaded before it is needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "harness"
HEAVY = ("torch", "transformers", "hydra", "matplotlib", "sklearn", "ray", "statsmodels", "aiohttp")
STAGES = {"changes", "contrasts", "controls", "examples", "pairwise", "plan", "prompts"}


def imported(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    return found


def importers(module: str) -> set[str]:
    return {
        str(f.relative_to(PACKAGE))
        for f in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] == module for name in imported(f))
    }


def test_one_file_alone_knows_hydra_and_one_matplotlib() -> None:
    assert importers("hydra") == {"cli.py"}
    assert importers("matplotlib") == {"reports/_figures.py"}


def test_nothing_imports_the_command_line() -> None:
    found = {f.name for f in PACKAGE.rglob("*.py") if "harness.cli" in imported(f)}
    assert found == {"__main__.py"}


def test_one_engine_alone_knows_ray() -> None:
    assert importers("ray") == {"engines/ray.py"}


def test_one_statistic_alone_knows_statsmodels() -> None:
    assert importers("statsmodels") == {"stats/mixed.py"}


@pytest.mark.parametrize("file", sorted((PACKAGE / "stats").glob("*.py")), ids=lambda f: f.stem)
def test_statistics_know_no_records(file: Path) -> None:
    ours = {n for n in imported(file) if n.startswith("harness.")}
    assert all(n.startswith("harness.stats") for n in ours)


@pytest.mark.parametrize("stage", sorted(STAGES | {"verdicts"}))
def test_stages_do_not_import_each_other(stage: str) -> None:
    others = STAGES | {"verdicts", "scorecards", "pipeline", "cli"}
    found = {n.split(".")[1] for n in imported(PACKAGE / f"{stage}.py") if n.startswith("harness.")}
    assert not found & (others - {stage})


@pytest.mark.parametrize("code", ["import harness.pipeline", "import harness.cli"])
def test_nothing_heavy_is_loaded(code: str) -> None:
    told = f"{code}; import sys; print([m for m in {HEAVY} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
