"""docs/extending.md, followed literally in an empty folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

from harness import find

DOC = find.root() / "docs" / "extending.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", DOC.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def written(kind: str, text: str, place: Path) -> None:
    """Writes a block that begins with the name of its file."""
    name = re.fullmatch(r"# (\S+)\n.*", text, re.DOTALL)
    assert name, f"the {kind} block names no file:\n{text[:80]}"
    path = place / name[1]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def test_a_newcomer_who_follows_it_gets_a_verdict(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    said = ""
    for kind, text in BLOCKS:
        if kind != "bash":
            written(kind, text, tmp_path)
            continue
        done = subprocess.run(
            ["bash", "-e", "-c", text], cwd=tmp_path, env={**os.environ, "PATH": path},
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        said += done.stdout
    assert "1 probe checked, 0 errors" in said
    assert said.count("INVALID") >= 2
    for name in ("first_run", "second_run"):
        assert (tmp_path / name / "scorecard.html").is_file()
    assert (tmp_path / "private" / ".gitignore").read_text("utf-8") == "*\n"


def test_it_holds_files_and_commands() -> None:
    assert [kind for kind, _ in BLOCKS].count("bash") >= 5
    assert {"bash", "yaml", "python"} == {kind for kind, _ in BLOCKS}
