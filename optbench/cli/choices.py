"""The arguments and options that verbs share, and how they name a study."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optbench.core.text import shown

if TYPE_CHECKING:
    from optbench.study.study import Study

USER_MISTAKE = 2
"""Exit status for what the user can mend."""

MOST_CORES = 4096
"""Processes are started for cores: a number beyond every machine's is a slip of the pen."""


class FiniteNumber(click.FloatRange):
    """A number within bounds; `nan`, which Python reads as a number and which is below no bound, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """The number that `value` is."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{shown(value)} is not a finite number", param, ctx)
        return number


study_argument = click.argument("study", metavar="STUDY-OR-CONFIG")
device_option = click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), help="Overrides the study's device."
)
cores_option = click.option(
    "--cores",
    default=len(os.sched_getaffinity(0)),
    type=click.IntRange(1, MOST_CORES),
    help="Cores to use at a time.",
)


def read(study: str, device: str | None = None) -> Study:
    """The study that a file, a name or a result folder stands for."""
    from optbench.study.locate import find_study_file  # noqa: PLC0415
    from optbench.study.resolve import read_study  # noqa: PLC0415

    return read_study(find_study_file(study), device)


def results_folder(study: str) -> Path:
    """The result folder that a study file, a study's name or the folder itself names."""
    folder = Path(study)
    return folder if (folder / "tables").is_dir() else read(study).results
