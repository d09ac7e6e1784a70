"""What a check has found: sentences, each thing once, whatever the code under test raises."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from optbench.core.errors import UserError, told
from optbench.core.words import told_of_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Conformance(NamedTuple):
    """What was found of one optimizer, schedule or workload, or of all that a study names.

    Attributes:
        problems: what makes cells fail or their comparison wrong, one sentence each.
        warnings: what is worth knowing and does no harm here, one sentence each.
    """

    problems: list[str]
    warnings: list[str]


class Notes:
    """Gathers what is found, and what is raised by code of others.

    Attributes:
        is_ctrl_c: says of an exception whether it is the user's Ctrl-C (`optbench.core.interrupts`).
        pairs: problems of two things together, the last ones of all: the key of one, what went wrong, and the
            keys of the others.
    """

    def __init__(self, is_ctrl_c: Callable[[BaseException], bool]) -> None:
        self.is_ctrl_c = is_ctrl_c
        self._problems: list[str] = []
        self._warnings: list[str] = []
        self.pairs: list[tuple[str, str, Sequence[str]]] = []
        self._places: set[tuple[object, ...]] = set()

    def problem(self, sentence: str) -> None:
        """Note what is wrong."""
        if sentence not in self._problems:
            self._problems.append(sentence)

    def warn(self, sentence: str) -> None:
        """Note what does no harm."""
        if sentence not in self._warnings:
            self._warnings.append(sentence)

    def pair(self, key: str, words: str, others: Sequence[str]) -> None:
        """Note what is wrong with two things together."""
        self.pairs.append((key, words, others))

    def raised(self, name: str, problem: BaseException, say: Callable[[str], None] | None = None) -> None:
        """Note an exception under the name of what was tried, unless it was met before.

        Raises:
            KeyboardInterrupt: it is the user's Ctrl-C.
        """
        if self.is_ctrl_c(problem):
            raise problem
        place = place_of(problem)
        if place not in self._places:
            self._places.add(place)
            # The message of a UserError names its key itself.
            (say or self.problem)(
                told(problem) if isinstance(problem, UserError) else f"{name}: {told(problem)}"
            )

    @contextmanager
    def guarded(self, name: str) -> Iterator[None]:
        """What is raised inside becomes a problem under this name."""
        try:
            yield
        except BaseException as problem:
            self.raised(name, problem)

    def found(self) -> Conformance:
        """Return all of it."""
        paired = [told_of_pairs(*pair) for pair in self.pairs]
        return Conformance(self._problems + paired, self._warnings)


def place_of(problem: BaseException) -> tuple[object, ...]:
    """Where an exception was raised, and its kind: the same thing met again by another way."""
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = (trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace is not None else ()
    return (type(problem), *where)
