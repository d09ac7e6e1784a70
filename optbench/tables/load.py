"""A study's results as pandas frames, for notebooks and scripts: `optbench.load("results/default")`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from optbench.core.errors import UserError, nearest
from optbench.tables.read import read_frame, read_values


@dataclass(frozen=True)
class Results:
    """The tables of one study, each read when it is first asked for.

    Attributes:
        folder: results/<study>.
    """

    folder: Path

    def table(self, name: str) -> pd.DataFrame:
        """The table of that name, one of `names`.

        Raises:
            UserError: the study has no such table; the message names those it has.
        """
        if name not in self.names:
            there = ", ".join(self.names)
            raise UserError(
                f"{self.folder} has no table {name!r}{nearest(name, self.names)} (there are: {there})"
            )
        return read_frame(self.folder / "tables" / f"{name}.parquet")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the tables that there are, in alphabetical order."""
        return tuple(sorted(file.stem for file in (self.folder / "tables").glob("*.parquet")))

    @cached_property
    def study(self) -> dict[str, Any]:
        """What study.json says: labels, settings, targets, data sets, versions, machine."""
        return dict(read_values(self.folder / "tables" / "study.json"))

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a cell, whatever became of it (docs/reference/tables.md has the columns)."""
        return self.table("runs")

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Everything recorded along the way, long: cell, step, split, metric, value."""
        return self.table("curves")

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Estimate and interval over seeds of every measure of every combination."""
        return self.table("summary")

    @cached_property
    def timing(self) -> pd.DataFrame:
        """Step times, measured apart from the cells."""
        return self.table("timing")


def load(folder: Path | str) -> Results:
    """The results of a study.

    Args:
        folder: results/<study>, as the pipeline or `optbench run` left it.

    Raises:
        UserError: there are no tables.
    """
    folder = Path(folder)
    if not (folder / "tables" / "runs.parquet").is_file():
        raise UserError(
            f"{folder} holds no results: tables/runs.parquet is not there (optbench run STUDY makes it)"
        )
    return Results(folder)
