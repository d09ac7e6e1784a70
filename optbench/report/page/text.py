"""Texts of the page: paths that name nobody, commands to paste."""

from __future__ import annotations

import re
import shlex
from typing import Final

from optbench.core.commands import optbench_command
from optbench.core.text import unshowable

_HOME: Final = re.compile(
    r"(?:/[\w.-]+)*/(?:home|Users)/[^/\s:\"'<>]+"  # /home/alice, /cluster/home/alice, /Users/alice
    r"|(?<![\w/.-])/root(?![\w.-])"
    r"|\b[A-Za-z]:\\+Users\\+[^\\\n\"'<>:]+"
)


PLAIN: Final = frozenset(range(ord(" "), 0x7F)) - frozenset(b"'\\")
"""Bytes that stand for themselves between `$'` and `'`."""


def scrub(text: str) -> str:
    """Return a text with home folders replaced by `~`."""
    return _HOME.sub("~", text)


def rerun_command(study: str, cell: str) -> str:
    """Return the command that repeats a cell, quoted for a POSIX shell."""
    return optbench_command("rerun", study, cell)


def snakemake_command(path: str, config_path: str) -> str:
    """Return the command that makes a cell's trace anew where it is missing.

    The study file goes last: snakemake's `--configfile` takes every word that follows it.
    """
    default = not config_path or config_path.endswith("config/default.yaml")
    return f"snakemake --cores 1 {_quoted_path(path)}{'' if default else _configfile(config_path)}"


def whole_command(config_path: str) -> str:
    """Return the command that runs a study by its file, "" where it is not known."""
    return f"snakemake --cores all{_configfile(config_path)}" if config_path else ""


def _configfile(config_path: str) -> str:
    return f" --configfile {_quoted_path(config_path)}"


def _quoted_path(path: str) -> str:
    """Quote a path for the shell, its home folder as a bare `~`, which quotes would switch off.

    A relative one that begins like an option begins with the folder that it is in.
    """
    path = scrub(path)
    if path.startswith("~/"):
        return "~/" + _quoted(path[2:])
    return _quoted(f"./{path}" if path.startswith("-") else path)


def _quoted(word: str) -> str:
    """Quote a word; what cannot be shown by escapes between `$'` and `'`, which bash, zsh and ksh read."""
    if not unshowable(word):
        return shlex.quote(word)
    spelled = (chr(byte) if byte in PLAIN else f"\\x{byte:02x}" for byte in _bytes(word))
    return f"$'{''.join(spelled)}'"


def _bytes(word: str) -> bytes:
    """A path's own bytes, also where they are no text; of half a surrogate pair what UTF-8 would make."""
    try:
        return word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return word.encode("utf-8", "surrogatepass")
