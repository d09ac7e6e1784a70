"""What a user's mistake raises (one line, exit status 2), and how the exceptions of others are told."""

from __future__ import annotations

import traceback
from difflib import get_close_matches
from typing import TYPE_CHECKING

from optbench.core.text import LONGEST_ECHO, escaped, listed, shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LONGEST_LINE = 400
"""Characters that an exception's own words take in a line, at most."""

LONGEST_TRACEBACK = 20_000
"""Characters that are kept of a traceback, at most."""


RAISED_BY_OTHERS = (Exception, SystemExit, GeneratorExit)
"""What code of others may raise where its result is wanted: all but Ctrl-C (`optbench.core.interrupts`)."""


class UserError(ValueError):
    """A mistake in what the user wrote: the message names the key, the value and what is allowed."""


class CorruptFileError(UserError):
    """A file does not hold what was written into it, or is no file at all: one line that names it.

    Attributes:
        path: the file.
        why: what is wrong with it, a phrase that follows its name.
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(escaped(f"{path} {why}"))
        self.path = path
        self.why = why

    def __reduce__(self) -> tuple[type[CorruptFileError], tuple[Path, str]]:
        """It goes from one process to another as what it was made from."""
        return type(self), (self.path, self.why)


def one_line(error: BaseException) -> str:
    """What an exception says, on one line."""
    return " ".join(str(error).split())


def nearest(value: str, allowed: Iterable[str]) -> str:
    """`; did you mean 'x'?` where a close match exists, else an empty string."""
    # What is much longer than every name is close to none, and comparing would take long.
    match = get_close_matches(value[: 2 * LONGEST_ECHO], list(allowed), n=1, cutoff=0.6)
    return f"; did you mean {match[0]!r}?" if match else ""


def unknown(key: str, value: str, allowed: Iterable[str]) -> UserError:
    """The error for a name that is not one of `allowed`."""
    names = sorted(allowed)
    if not names:
        return UserError(f"{key}: unknown name {shown(value)} (there are none)")
    return UserError(f"{key}: unknown name {shown(value)}{nearest(value, names)} (allowed: {listed(names)})")


def words_of(problem: BaseException) -> str:
    """What an exception says; "" where it raises when it is asked, as one of a plug-in may."""
    try:
        return str(problem)
    except BaseException:
        return ""


def told(problem: BaseException) -> str:
    """An exception in one line: its kind and what it says, cut where it says too much.

    The message of a `UserError` is a sentence of its own and stands alone.
    """
    words = escaped(" ".join(words_of(problem).split()))
    if len(words) > LONGEST_LINE:
        words = f"{words[:LONGEST_LINE]}..."
    name = type(problem).__name__
    if isinstance(problem, UserError):
        return words
    return f"{name}: {words}" if words else name


def traced(problem: BaseException) -> str:
    """An exception's traceback, whatever it does when it is asked; of a very long one both ends."""
    try:
        text = "".join(traceback.format_exception(problem)).strip()
    except Exception:
        text = told(problem)
    text = escaped(text, lines=True)
    if len(text) > LONGEST_TRACEBACK:
        half = LONGEST_TRACEBACK // 2
        text = f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"
    return text
