"""Text of others on its way to the terminal: what a file holds moves no cursor and colours no line."""

from __future__ import annotations

from optbench.core.text import escaped


def plain(value: object, *, lines: bool = False) -> str:
    """A value as words for a cell of a table of rich's: no control character, and no markup.

    Args:
        value: anything, also text of a file that came from elsewhere.
        lines: whether line breaks and tabs stay.
    """
    from rich.markup import escape  # noqa: PLC0415

    return escape(escaped(str(value), lines=lines))
