"""The error that a user's mistake raises: one line, exit status 2, no traceback."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from optbench.core.text import LONGEST_ECHO, listed, shown

if TYPE_CHECKING:
    from collections.abc import Iterable


class UserError(ValueError):
    """A mistake in what the user wrote: the message names the key, the value and what is allowed."""


def nearest(value: str, allowed: Iterable[str]) -> str:
    """`; did you mean 'x'?` where a close match exists, else an empty string."""
    # What is much longer than every name is close to none, and comparing would take long.
    match = get_close_matches(value[: 2 * LONGEST_ECHO], list(allowed), n=1, cutoff=0.6)
    return f"; did you mean {match[0]!r}?" if match else ""


def unknown(key: str, value: str, allowed: Iterable[str]) -> UserError:
    """The error for a name that is not one of `allowed`."""
    names = sorted(allowed)
    return UserError(f"{key}: unknown name {shown(value)}{nearest(value, names)} (allowed: {listed(names)})")
