"""Painting finished figures beside drawing further ones, on the cores that were given.

Setting up a figure takes a third of the time, writing it as SVG and PDF the rest. A child forked for it has
the figure in its memory already, so nothing is sent; what it writes does not depend on who writes it.
"""

from __future__ import annotations

import gc
import multiprocessing
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.context import ForkProcess


class Painters:
    """Runs pieces of work beside each other, on `cores` cores."""

    def __init__(self, cores: int = 1) -> None:
        # As many children as cores, though this process works too: else it writes while the only child is
        # busy, and no further figure is ready when that one has done. Only on Linux do forked children get
        # along with the libraries that draw.
        self._spare = cores if cores > 1 and sys.platform == "linux" else 0
        self._children: list[ForkProcess] = []

    def do(self, work: Callable[[], None]) -> None:
        """Do a piece of work in a child, or here while all children are busy.

        Raises:
            RuntimeError: a child failed; its traceback is on stderr.
        """
        self._children = [child for child in self._children if not _done(child)]
        if len(self._children) >= self._spare:
            work()
            return
        child = multiprocessing.get_context("fork").Process(target=_in_child, args=(work,))
        with warnings.catch_warnings():
            # Newer Pythons warn of any thread; those here are Arrow's, which no child needs.
            warnings.simplefilter("ignore", DeprecationWarning)
            child.start()
        self._children.append(child)

    def wait(self) -> None:
        """Return when all work is done.

        Raises:
            RuntimeError: as `do` does.
        """
        for child in self._children:
            child.join()
            _done(child)
        self._children.clear()


def _in_child(work: Callable[[], None]) -> None:
    gc.disable()  # it ends before garbage matters
    work()


def _done(child: ForkProcess) -> bool:
    if child.exitcode:
        raise RuntimeError(f"a process that wrote figures ended with {child.exitcode}")
    return child.exitcode is not None


@contextmanager
def painters(cores: int = 1) -> Iterator[Painters]:
    """Give painters, and wait for them.

    Meanwhile the garbage collector leaves alone what was there before: figures are full of cycles, and going
    through everything else for them took a fifth of the time.
    """
    gc.freeze()
    threshold = gc.get_threshold()
    gc.set_threshold(20_000, 20, 20)
    crew = Painters(cores)
    try:
        yield crew
    finally:
        gc.set_threshold(*threshold)
        gc.unfreeze()
        crew.wait()
