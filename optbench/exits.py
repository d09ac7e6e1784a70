"""Leaving a process without taking it apart first (layer 0: standard library only)."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def left_at_once() -> Iterator[None]:
    """Make this process end at once when it ends after a block that raised nothing.

    Python takes every module and object apart before it ends: with torch half a second, for memory that the
    kernel is about to take back whole. What others have registered with `atexit` since the block began is
    done first, and the exit status is 0.
    """
    done = False

    def leave() -> None:
        if done:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    atexit.register(leave)  # the first that is registered is the last that is called
    yield
    done = True
