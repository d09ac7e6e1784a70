r"""Text of others on its way to a terminal, a page or a table: what is shown as it is, and what as an escape.

A label, a title or an exception's message may hold characters that are not text: control characters move a
terminal's cursor and are no XML, half a surrogate pair is no UTF-8, a bidirectional override shows a line in
another order than it has. A study file may not hold them (`unshowable` finds the first); what a run brings
along is shown with Python's escapes in their place (`escaped`), so that nothing is lost and nothing acts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONTROL = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
_BIDI = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_BREAKS = r"\u2028\u2029"
_SURROGATES = r"\ud800-\udfff"
_NONCHARACTERS = r"\ufdd0-\ufdef\ufffe\uffff" + "".join(
    rf"\U{plane:04x}fffe\U{plane:04x}ffff" for plane in range(1, 0x11)
)
_UNSHOWABLE = re.compile(f"[{_CONTROL}{_BIDI}{_BREAKS}{_SURROGATES}{_NONCHARACTERS}]")
_UNSHOWABLE_IN_A_LINE = re.compile(f"[\t\n{_CONTROL}{_BIDI}{_BREAKS}{_SURROGATES}{_NONCHARACTERS}]")


def escaped(text: str, *, lines: bool = False) -> str:
    r"""The text with an escape of Python's for every character that is not to be shown: `\x1b`, `\u202e`.

    Args:
        text: any string, also one that is no valid Unicode.
        lines: whether tabs and line breaks (`\n`) stay; else they become `\t` and `\n`.

    Returns:
        A string that is valid UTF-8 and valid XML, in the order in which it is read.
    """
    return (_UNSHOWABLE if lines else _UNSHOWABLE_IN_A_LINE).sub(_escape, text)


def unshowable(text: str, *, lines: bool = False) -> str:
    """The first character of `text` that `escaped` replaces, as its escape; "" where there is none."""
    found = (_UNSHOWABLE if lines else _UNSHOWABLE_IN_A_LINE).search(text)
    return _escape(found) if found else ""


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


LONGEST_ECHO: Final = 80
"""Characters of a value that a message repeats."""

LONGEST_LIST: Final = 800
"""Characters of the names that a message says are allowed."""


def shown(value: object) -> str:
    """The value as a message repeats it: as Python writes it, on one line, its end cut where it is long."""
    return cut(repr(value))


def cut(text: str) -> str:
    """The text as a message repeats it, its end cut where it is long."""
    return text if len(text) <= LONGEST_ECHO else f"{text[:LONGEST_ECHO]}..."


def listed(names: Sequence[str]) -> str:
    """The names in one line; the tail of a long list is counted."""
    line = ", ".join(names)
    if len(line) <= LONGEST_LIST:
        return line
    few = line[:LONGEST_LIST].rpartition(", ")[0].split(", ")
    return f"{', '.join(few)} and {len(names) - len(few)} more"
