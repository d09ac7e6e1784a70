"""How the verbs speak: in the terminal's letters, escaped, and to nobody without complaint."""

from __future__ import annotations

import io
import os
import sys
from typing import IO, Any, Final

from optbench.core.text import escaped

LONGEST_LINE: Final = 2000
"""Characters of the line about a mistake."""


def echo(text: str, *, err: bool = False) -> None:
    """Prints text with what a terminal would obey as escapes; `err`: to where messages go."""
    # Not by click, which writes UTF-8 to a terminal that is said to be of ASCII.
    print(escaped(text, lines=True), file=sys.stderr if err else sys.stdout, flush=True)


def doing(text: str) -> None:
    """Says what goes on where somebody looks on: a terminal; a log is spared it."""
    if sys.stderr.isatty():
        echo(f"optbench: {text} ...", err=True)


def one_line(text: str) -> str:
    """A message as one line that a terminal can show; of a very long one the middle is left out."""
    line = escaped(" ".join(text.split()))
    half = LONGEST_LINE // 2
    return line if len(line) <= LONGEST_LINE else f"{line[:half]} ... {line[-half:]}"


def plain(value: object, *, lines: bool = False) -> str:
    """A value as a part of what rich prints: neither its markup nor a terminal's escapes act.

    Args:
        value: anything, also text of a file that came from elsewhere.
        lines: whether line breaks and tabs stay.
    """
    from rich.markup import escape  # noqa: PLC0415

    return escape(escaped(str(value), lines=lines))


def settle_streams() -> None:
    """Makes standard output and error take any text, and go on where nobody reads them any more.

    What the terminal's encoding lacks is written as an escape (`PYTHONIOENCODING=ascii`, a name that is no
    UTF-8). When the reader is gone, as after `optbench list | head -1`, the rest is dropped: whoever stops
    reading does not want the training to stop. One that is closed is opened to nobody: the next file that
    this process opens would take its number, and be written to.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            nobody = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, _stream(nobody, "utf-8", by_line=False))
        elif _descriptor(stream) == number:
            stream.flush()
            by_line = stream.line_buffering or name == "stderr"
            setattr(sys, name, _stream(number, stream.encoding, by_line=by_line))


def _descriptor(stream: IO[str]) -> int | None:
    try:
        return stream.fileno()
    except OSError:  # what holds the text in memory, as a test does
        return None


def _stream(descriptor: int, encoding: str, *, by_line: bool) -> io.TextIOWrapper:
    raw = _WhileSomebodyReads(descriptor, "wb", closefd=False)
    buffered = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffered, encoding, errors="backslashreplace", line_buffering=by_line)


def silence() -> None:
    """Drops what standard output could not take, so that the end of the process does not try again."""
    descriptor = _descriptor(sys.stdout)
    if descriptor is not None:
        _to_nobody(descriptor)


class _WhileSomebodyReads(io.FileIO):
    def write(self, data: Any, /) -> int:  # noqa: ANN401  (as io has it)
        try:
            return super().write(data)
        except BrokenPipeError:
            _to_nobody(self.fileno())
            return super().write(data)


def _to_nobody(descriptor: int) -> None:
    nobody = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nobody, descriptor)
    os.close(nobody)
