r"""Text of others on its way to a terminal, a page or a table: what is shown as it is, and what as an escape.

A label, a title or an exception's message may hold characters that are not text: control characters move a
terminal's cursor and are no XML, half a surrogate pair is no UTF-8, a bidirectional override shows a line in
another order than it has, and what takes no room (a byte order mark, a zero-width space, tag characters)
makes two names look like one. A study file may not hold them (`unshowable` finds the first); what a run
brings along is shown with Python's escapes in their place (`escaped`), so that nothing is lost and nothing
acts.

Two kinds that take no room are a part of writing, and stay where they do their work: the joiners U+200C and
U+200D between two characters of a script or an emoji that they join or keep apart, and a variation selector
right after a character that has other forms. Tag characters stay nowhere, though they also spell the flags
of a few regions: they can hide any English text.
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
_JOINERS = r"\u200c\u200d"
_SELECTORS = r"\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_UNSEEN = (
    # Unicode's Default_Ignorable_Code_Point, and the general category Cf but for what is drawn.
    rf"\xad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b{_JOINERS}\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    rf"\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff{_SELECTORS}"
)
_BAD = f"{_CONTROL}{_BIDI}{_BREAKS}{_SURROGATES}{_NONCHARACTERS}{_UNSEEN}"
_JOINED = (
    # Arabic to Tai Tham, Lepcha to Vedic, the Indic scripts beyond, Arabic's presentation forms; emoji.
    rf"(?![{_BAD}])[\u0600-\u1aff\u1c00-\u1cff\ua800-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff"
    r"\u2190-\u2bff\U0001f000-\U0001faff]"
)
_VARIED = rf"(?![{_BAD}])[#*0-9\xa9\xae\u0370-\U0003fffd]"
_WRITING = rf"{_JOINED}[{_SELECTORS}]?(?:[{_JOINERS}]{_JOINED}[{_SELECTORS}]?)+|{_VARIED}[{_SELECTORS}]"


def _patterns(bad: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What most texts have none of, as is seen in a tenth of the time; and what tells it from writing."""
    return re.compile(f"[{bad}]"), re.compile(f"{_WRITING}|(?P<bad>[{bad}])")


_OF_LINES = _patterns(_BAD)
_OF_A_LINE = _patterns(rf"\t\n{_BAD}")


def escaped(text: str, *, lines: bool = False) -> str:
    r"""The text with an escape of Python's for every character that is not to be shown: `\x1b`, `\u202e`.

    Args:
        text: any string, also one that is no valid Unicode.
        lines: whether tabs and line breaks (`\n`) stay; else they become `\t` and `\n`.

    Returns:
        A string that is valid UTF-8 and valid XML, in the order in which it is read.
    """
    suspect, pattern = _OF_LINES if lines else _OF_A_LINE
    return pattern.sub(_escape, text) if suspect.search(text) else text


def unshowable(text: str, *, lines: bool = False) -> str:
    """The first character of `text` that `escaped` replaces, as its escape; "" where there is none."""
    suspect, pattern = _OF_LINES if lines else _OF_A_LINE
    if not suspect.search(text):
        return ""
    return next((_escape(one) for one in pattern.finditer(text) if one["bad"]), "")


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii") if found["bad"] else found[0]


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
