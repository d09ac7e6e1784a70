"""The error that a user's mistake raises: one line, exit status 2, no traceback."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from optbench.core.text import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


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
    match = get_close_matches(value, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean {match[0]!r}?" if match else ""


def unknown(key: str, value: str, allowed: Iterable[str]) -> UserError:
    """The error for a name that is not one of `allowed`."""
    names = sorted(allowed)
    return UserError(f"{key}: unknown name {value!r}{nearest(value, names)} (allowed: {', '.join(names)})")
