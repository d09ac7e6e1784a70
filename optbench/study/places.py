"""The values of a study file with their places, and the keys and places as messages write them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING: Final = "nothing"
"""How a value that is not written at all stands in a message."""

Step: TypeAlias = "str | int"


class Place(NamedTuple):
    """Where something stands in a file, both counted from 1; a column is a character."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@dataclass
class Node:
    """A value with what is in it.

    Attributes:
        value: a mapping, a list, text, a number, true, false or null.
        parts: of a mapping or a list: by key or position, where the key or the item stands, and its node.
        plain: how it is written, where it stands without quotes and is no text.
        size: how many values it has, itself included.
    """

    value: object
    parts: dict[Step, tuple[Place, Node]] = field(default_factory=dict)
    plain: str = ""
    size: int = 1

    def find(self, path: Sequence[Step]) -> tuple[Place | None, Node]:
        """Where the last step of `path` stands, and its node; of a path that ends early, what there is."""
        place, node = None, self
        for step in path:
            if step not in node.parts:
                break
            place, node = node.parts[step]
        return place, node

    def has(self, path: Sequence[Step]) -> bool:
        """Whether the whole of `path` is there."""
        node = self
        for step in path:
            if step not in node.parts:
                return False
            _, node = node.parts[step]
        return True

    def place_in(self, message: str) -> Place | None:
        """Where the key stands that `message` begins with, or None where it begins with none."""
        place, node, rest = None, self, message
        while True:
            fits = [
                (written, found)
                for step, found in node.parts.items()
                if rest.startswith(written := key_path([step], first=node is self))
            ]
            # The longest: beside `sgd` there may be `sgd.default`, and `sgd_2` is not `sgd`.
            fits = [fit for fit in fits if not re.match(r"\w", rest[len(fit[0]) :])]
            if not fits:
                return place
            written, (place, node) = max(fits, key=lambda fit: len(fit[0]))
            rest = rest[len(written) :]


def key_path(path: Sequence[Step], *, first: bool = True) -> str:
    """A path as messages write it: `matrix[0].lr.sgd`; a key that is not printable in quotes.

    Args:
        path: keys and positions from the top of the file.
        first: whether it begins there, so that no point stands in front.
    """
    steps = (
        f"[{step}]" if isinstance(step, int) else f".{step}" if step.isprintable() else f".{step!r}"
        for step in path
    )
    written = "".join(steps)
    return written.removeprefix(".") if first else written
