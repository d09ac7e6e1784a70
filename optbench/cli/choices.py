"""The arguments and options that verbs share, and how they name a study."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from optbench.study.study import Study

USER_MISTAKE = 2
"""Exit status for what the user can mend."""

study_argument = click.argument("study", metavar="STUDY-OR-CONFIG")
device_option = click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), help="Overrides the study's device."
)
cores_option = click.option(
    "--cores",
    default=len(os.sched_getaffinity(0)),
    type=click.IntRange(1),
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
