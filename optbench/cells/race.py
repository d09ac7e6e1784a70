"""Where a race stands: what its looks decided, and which cells are planned by that.

A look is a file, results/<study>/race/look-<seeds>-<digest>.json. Its name holds a digest over all that
decides it but the numbers of its runs: the declared looks and rules, every cell, the code that decides.
`optbench race` writes it from the traces; what is planned is read from here, by whoever plans without pandas.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from optbench.cells.matrix import cells_of
from optbench.cells.slices import code_digest
from optbench.core.checksums import read_checked
from optbench.core.errors import CorruptFileError
from optbench.core.files import PACKAGE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from optbench.cells.cell import CellSpec
    from optbench.study.study import Study

DECIDING: Final = ("optbench.findings.analysis", "optbench.tables.traces")
"""The modules that decide: with all that they import their code is a part of every look."""

RULES: Final = ("threshold", "error", "equal_within", "reference", "seed")
"""Keys of the study's `report` on which verdicts depend."""


class RaceOf:
    """The race of a study: its looks, their files, and the cells that they plan.

    Attributes:
        looks: seeds at each look, those of extensions included.
        cells: all cells that the study may come to train.
    """

    def __init__(self, study: Study, cells: Sequence[CellSpec] | None = None) -> None:
        """Names the files of its looks.

        Args:
            study: one that races.
            cells: those of the study; left out: made anew.
        """
        race = study.race
        if race is None:
            raise ValueError(f"{study.name} does not race")
        self.looks = race.every_look
        self.cells = cells_of(study) if cells is None else cells
        self._order = {seed: place for place, seed in enumerate(study.seeds)}
        self._folder = study.results / "race"
        rules = [study.report[key] for key in RULES]
        code = code_digest(DECIDING, PACKAGE_FOLDER)
        # Of an extension too: a look at which nobody would be in plans its seeds.
        declared = [study.seeds, asdict(race), rules, code, [cell.digest for cell in self.cells]]
        self._declared = hashlib.sha256(json.dumps(declared).encode()).hexdigest()

    def path(self, look: int) -> Path:
        """Where the file of a look lies, counted from 0."""
        name = hashlib.sha256(f"{self._declared} {look}".encode()).hexdigest()[:8]
        return self._folder / f"look-{self.looks[look]}-{name}.json"

    @property
    def paths(self) -> list[Path]:
        """The files of all looks, in order."""
        return [self.path(look) for look in range(len(self.looks))]

    def planned_at(self, look: int) -> list[CellSpec]:
        """The cells that a look rests on: every combination's up to the seeds that the look before planned.

        Raises:
            CorruptFileError: the file of the look before is corrupt.
            FileNotFoundError: it is not there yet.
        """
        return self._up_to(self.read(look - 1)["planned"] if look else {})

    def held(self) -> Iterator[dict[str, Any]]:
        """What the looks that are there decided, in order, up to the first that is not, or is corrupt."""
        for look in range(len(self.looks)):
            try:
                yield self.read(look)
            except (FileNotFoundError, CorruptFileError):
                return

    def planned(self) -> list[CellSpec]:
        """The cells that are planned by the looks that are there."""
        going: Mapping[str, int] = {}
        for found in self.held():
            going = found["planned"]
        return self._up_to(going)

    def is_over(self) -> bool:
        """Whether a look is there after which nobody is in, and all before it."""
        return any(found["over"] for found in self.held())

    def _up_to(self, planned: Mapping[str, int]) -> list[CellSpec]:
        """The cells of the first seeds, of each combination as many as are planned, or the first look's."""
        first = self.looks[0]
        return [c for c in self.cells if self._order[c.seed] < planned.get(c.combination, first)]

    def read(self, look: int) -> dict[str, Any]:
        """What a look decided: `planned`, the seeds that each combination is to have, `over`.

        Raises:
            CorruptFileError: what lies there is no look.
            FileNotFoundError: there is none yet.
        """
        path = self.path(look)
        found = read_checked(path)
        if not isinstance(found.get("planned"), dict) or not isinstance(found.get("over"), bool):
            raise CorruptFileError(path, "is not a look of optbench")
        return found


def planned_cells(study: Study, cells: Sequence[CellSpec] | None = None) -> Sequence[CellSpec]:
    """The cells that a study means by what is known so far: all of them, but in a race.

    Args:
        study: the study.
        cells: all its cells, left out: made anew.
    """
    every = cells_of(study) if cells is None else cells
    return every if study.race is None else RaceOf(study, every).planned()
