"""Ctrl-C, told from an exception of that name that code of others raises."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


@contextmanager
def ctrl_c() -> Iterator[Callable[[BaseException], bool]]:
    """Gives a function that says whether an exception from inside is the user's own Ctrl-C.

    Everything else that code of others raises is that code's result, `SystemExit` and a `KeyboardInterrupt`
    of its own too. Where this process ignores Ctrl-C, or another thread gets it, nothing is the user's.
    """
    pressed = []

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        signal.default_int_handler(number, frame)

    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda _: False
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield lambda problem: bool(pressed) and isinstance(problem, KeyboardInterrupt)
    finally:
        if signal.getsignal(signal.SIGINT) is note:  # else code of others has put its own there
            signal.signal(signal.SIGINT, signal.default_int_handler)
