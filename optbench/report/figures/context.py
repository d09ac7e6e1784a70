"""What a section's figures are drawn from: the study, its tables, and where the panels go."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from optbench.report.tables import (
    FigureTables,
    Tuned,
    read_figure_tables,
    read_race,
    read_timing_table,
    read_tuned,
)
from optbench.tables.read import read_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from optbench.catalogue.workloads.landscapes import Landscape
    from optbench.report.figures.backend.panels import FigureWriter
    from optbench.report.study import StudyView


@dataclass(frozen=True)
class DrawingContext:
    """What each section's `draw` is given; a table is read when it is first asked for.

    Attributes:
        study: names, labels, styles and runs.
        writer: where the panels go.
        tables: results/<study>/tables.
        landscapes: the surfaces that workloads may name.
    """

    study: StudyView
    writer: FigureWriter
    tables: Path
    landscapes: Mapping[str, Landscape]

    @cached_property
    def summary(self) -> pd.DataFrame:
        """The summary table."""
        return read_frame(self.tables / "summary.parquet")

    @cached_property
    def convergence(self) -> pd.DataFrame:
        """The medians over seeds at every step."""
        return read_frame(self.tables / "convergence.parquet")

    @cached_property
    def ranking(self) -> pd.DataFrame:
        """The ranking."""
        return read_frame(self.tables / "ranking.parquet")

    @cached_property
    def race(self) -> pd.DataFrame | None:
        """Who was in a race at which look; None where there was none."""
        return read_race(self.tables)

    @cached_property
    def figure_tables(self) -> FigureTables:
        """Survival, targets reached, ratios, profile, trade-offs and rates."""
        return read_figure_tables(self.tables)

    @cached_property
    def tuned(self) -> Tuned | None:
        """What a tuning left; None where nothing was tuned."""
        return read_tuned(self.tables)

    @cached_property
    def timing(self) -> pd.DataFrame | None:
        """The step times; None where no step was timed."""
        return read_timing_table(self.study, self.tables / "timing.parquet")

    def read_all(self) -> None:
        """Read every table now, but for the curves: what is no table is told before anything is drawn."""
        for name in ("summary", "convergence", "ranking", "race", "figure_tables", "tuned", "timing"):
            getattr(self, name)

    @property
    def curves(self) -> Path:
        """The file of the curve table, which is too large to be read whole."""
        return self.tables / "curves.parquet"
