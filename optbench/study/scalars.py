"""What a YAML scalar without quotes means in a study file, and which are refused because readers differ."""

from __future__ import annotations

import math
import re
from typing import Final

from optbench.core.text import cut

_WORDS: Final[dict[str, bool | None]] = {
    word: value
    for words, value in (("true yes on", True), ("false no off", False), ("null", None))
    for lower in words.split()
    for word in (lower, lower.capitalize(), lower.upper())
} | {"": None, "~": None}

_WHOLE: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_INFINITY: Final = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NAN: Final = re.compile(r"\.(nan|NaN|NAN)")
_SIGNED_DIGITS: Final = 20

_DECIMAL_OR_TEXT: Final = "write a decimal number, or put text into quotes"
_TEXT: Final = "put it into quotes"

_AMBIGUOUS: Final = [
    (re.compile(pattern), f"{what}: {hint}")
    for pattern, what, hint in (
        (r"[-+]?0[0-9_]+", "octal to some readers of YAML and decimal to others", _DECIMAL_OR_TEXT),
        (
            r"[-+]?0(b[01_]+|o[0-7_]+|x[0-9a-fA-F_]+)",
            "a number to some readers of YAML and text to others",
            _DECIMAL_OR_TEXT,
        ),
        (
            r"(?=.*_)[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?",
            "a number to some readers of YAML and text to others",
            _DECIMAL_OR_TEXT,
        ),
        (
            r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?",
            "a number of base 60 to some readers of YAML and text to others",
            _DECIMAL_OR_TEXT,
        ),
        (
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:.*",
            "a date to some readers of YAML and text to others",
            _TEXT,
        ),
        (r"=", "a default value to some readers of YAML and text to others", _TEXT),
    )
]
"""What YAML 1.1 and 1.2 read as different things, or one of them not at all."""


def plain_value(written: str) -> str | int | float | bool | None:
    """What a scalar without quotes means: null, true, false, a decimal number, or text.

    Raises:
        ValueError: readers of YAML differ about it, or no number can hold it; the message is one line.
    """
    if written in _WORDS:
        return _WORDS[written]
    for pattern, what in _AMBIGUOUS:
        if pattern.fullmatch(written):
            raise ValueError(f"{cut(written)} is {what}")
    if _WHOLE.fullmatch(written):
        # The digits are counted first: Python refuses to read thousands of them.
        if len(written) > _SIGNED_DIGITS or not -(2**63) <= int(written) < 2**63:
            raise ValueError(
                f"{cut(written)} is beyond the whole numbers, {-(2**63)} to {2**63 - 1}{_decimal(written)}"
            )
        return int(written)
    if _DECIMAL.fullmatch(written):
        value = float(written)
        digits = re.split("[eE]", written)[0]
        if math.isinf(value) or (value == 0 and any(digit in "123456789" for digit in digits)):
            raise ValueError(f"{cut(written)} is beyond what a number can hold, 5e-324 to 1.8e+308")
        return value
    if found := _INFINITY.fullmatch(written):
        return float(f"{found[1]}inf")
    return math.nan if _NAN.fullmatch(written) else written


def _decimal(written: str) -> str:
    """How the same is written where a number need not be whole; "" where none can hold it."""
    value = float(written)
    return "" if math.isinf(value) else f"; where a number need not be whole, write {value:g}"


def kind_of(value: object) -> str:
    """What a plain scalar that is no text is called."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return "a number"
