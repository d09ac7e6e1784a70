"""Texts of the page: paths that name nobody, commands to paste."""

from __future__ import annotations

import re
import shlex
from typing import Final

_HOME: Final = re.compile(
    r"(?:/[\w.-]+)*/(?:home|Users)/[^/\s:\"'<>]+"  # /home/alice, /cluster/home/alice, /Users/alice
    r"|(?<![\w/.-])/root(?![\w.-])"
    r"|\b[A-Za-z]:\\+Users\\+[^\\\n\"'<>:]+"
)


def scrub(text: str) -> str:
    """Return a text with home folders replaced by `~`."""
    return _HOME.sub("~", text)


def rerun_command(study: str, cell: str) -> str:
    """Return the command that repeats a cell, quoted for a POSIX shell."""
    return f"optbench rerun {shlex.quote(study)} {shlex.quote(cell)}"


def snakemake_command(path: str, config_path: str) -> str:
    """Return the command that makes a cell's trace anew where it is missing.

    The study file goes last: snakemake's `--configfile` takes every word that follows it.
    """
    default = not config_path or config_path.endswith("config/default.yaml")
    tail = "" if default else f" --configfile {_quoted_path(config_path)}"
    return f"snakemake --cores 1 {_quoted_path(path)}{tail}"


def _quoted_path(path: str) -> str:
    """Quote a path for the shell, its home folder as a bare `~`, which quotes would switch off."""
    path = scrub(path)
    if path.startswith("~/"):
        return "~/" + shlex.quote(path[2:])
    return shlex.quote(path)
