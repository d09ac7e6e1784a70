"""What `optbench init` writes: a study file with comments, plug-ins to start from, the workflow.

In a wheel the workflow's files travel inside this package (pyproject.toml, force-include); in a checkout they
stand at its root.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from optbench.core.errors import UserError

HERE = Path(__file__).parent

WORKFLOW = ("Snakefile", "workflow/rules", "workflow/schemas", "profiles")
"""What Snakemake needs besides the installed package, relative to the folder that it runs in."""


def start_study(file: Path, *, plugin: bool = False) -> None:
    """Writes a commented study file whose name is the file's stem.

    Args:
        file: where to.
        plugin: whether it uses what `start_plugin` writes; else those lines are comments.

    Raises:
        UserError: the file exists, or its name is no study's name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", file.stem) or file.suffix not in {".yaml", ".yml"}:
        raise UserError(
            f"{file.name!r} cannot name a study: a letter or digit, then only these and '.', '_', '-', "
            "and .yaml at the end"
        )
    text = (HERE / "study.yaml").read_text(encoding="utf-8")
    if plugin:
        text = re.sub(r"^#: (.*\bmy_lab:.*)$", r"\1", text, flags=re.MULTILINE)
    _write(file, text.replace("study: NAME", f"study: {file.stem}").replace("FILE", file.name))


def start_plugin(folder: Path) -> Path:
    """Writes my_lab.py, an optimizer, a schedule and a workload to start from; returns its path.

    Raises:
        UserError: the file exists.
    """
    file = folder / "my_lab.py"
    _write(file, (HERE / "my_lab.py.txt").read_text(encoding="utf-8"))
    return file


def copy_workflow(folder: Path) -> list[Path]:
    """Copies the Snakefile with its rules and profiles to `folder`; returns what it wrote.

    Raises:
        UserError: one of the files exists.
    """
    source = workflow_root()
    files = [
        file.relative_to(source)
        for name in WORKFLOW
        for file in ([source / name] if (source / name).is_file() else sorted((source / name).rglob("*")))
        if file.is_file()
    ]
    there = next((folder / file for file in files if (folder / file).exists()), None)
    if there:
        raise UserError(f"{there} exists already; nothing was written")
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file, folder / file)
    return [folder / file for file in files]


def workflow_root() -> Path:
    """The folder that holds the Snakefile of this installation."""
    inside = HERE / "pipeline"
    return inside if inside.is_dir() else HERE.parents[2]


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise UserError(f"{file} exists already; it is left as it is") from None
