"""The error that a user's mistake raises: one line, exit status 2, no traceback."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


LONGEST_ECHO: Final = 80
"""Characters of a value that a message repeats."""

LONGEST_LIST: Final = 800
"""Characters of the names that a message says are allowed."""


class UserError(ValueError):
    """A mistake in what the user wrote: the message names the key, the value and what is allowed."""


def shown(value: object) -> str:
    """The value as a message repeats it: as Python writes it, on one line, its end cut where it is long."""
    return cut(repr(value))


def cut(text: str) -> str:
    """The text as a message repeats it, its end cut where it is long."""
    return text if len(text) <= LONGEST_ECHO else f"{text[:LONGEST_ECHO]}..."


def nearest(value: str, allowed: Iterable[str]) -> str:
    """`; did you mean 'x'?` where a close match exists, else an empty string."""
    # What is much longer than every name is close to none, and comparing would take long.
    match = get_close_matches(value[: 2 * LONGEST_ECHO], list(allowed), n=1, cutoff=0.6)
    return f"; did you mean {match[0]!r}?" if match else ""


def unknown(key: str, value: str, allowed: Iterable[str]) -> UserError:
    """The error for a name that is not one of `allowed`."""
    names = sorted(allowed)
    return UserError(f"{key}: unknown name {shown(value)}{nearest(value, names)} (allowed: {listed(names)})")


def listed(names: Sequence[str]) -> str:
    """The names in one line; the tail of a long list is counted."""
    line = ", ".join(names)
    if len(line) <= LONGEST_LIST:
        return line
    few = line[:LONGEST_LIST].rpartition(", ")[0].split(", ")
    return f"{', '.join(few)} and {len(names) - len(few)} more"
