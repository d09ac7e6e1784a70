"""How values become text: numbers, intervals, counts, paths that name nobody, commands to paste."""

from __future__ import annotations

import math
import re
import shlex
from typing import Final

SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
NONE: Final = "–"
"""What stands where there is no value."""

_PLAIN: Final = (1e-3, 1e6)
_HOME: Final = re.compile(
    r"(?:/[\w.-]+)*/(?:home|Users)/[^/\s:\"'<>]+"  # /home/alice, /cluster/home/alice, /Users/alice
    r"|(?<![\w/.-])/root(?![\w.-])"
    r"|\b[A-Za-z]:\\+Users\\+[^\\\n\"'<>:]+"
)


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with `digits` significant ones: `0.1234`, `12 345`, `2.868×10⁻⁵`, `∞`, or a dash."""
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size and not _PLAIN[0] <= size < _PLAIN[1]:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        if "." in mantissa:
            mantissa = mantissa.rstrip("0").rstrip(".")
        text = f"{mantissa}×10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    elif float(value).is_integer() or size >= 10**digits:
        text = f"{value:,.0f}".replace(",", "\u2009")
    else:
        text = f"{value:.{digits}g}"
    return text.replace("-", "−") if text.startswith("-") else text


def interval(low: float, high: float, *, higher_is_worse: bool = True, digits: int = 4) -> str:
    """Return `[low, high]` with `digits` significant digits, and with an open end where nothing bounds it.

    Returns "" where there is no interval, or where both ends are the same infinity. A NaN end
    beside a known one means unbounded towards the worse side.
    """
    if (math.isnan(low) and math.isnan(high)) or (math.isinf(low) and low == high):
        return ""
    if higher_is_worse and math.isnan(high):
        high = math.inf
    if not higher_is_worse and math.isnan(low):
        low = -math.inf
    left = f"[{number(low, digits)}" if math.isfinite(low) else f"({number(low)}"
    right = f"{number(high, digits)}]" if math.isfinite(high) else f"{number(high)})"
    return f"{left}, {right}"


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
