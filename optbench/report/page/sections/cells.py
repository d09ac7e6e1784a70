"""The explorer: every cell as a row of text, and its curve packed small enough for ten thousand of them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from optbench.core.status import status_of
from optbench.core.words import number
from optbench.report.page.context import Content
from optbench.report.page.text import rerun_command, snakemake_command
from optbench.report.study import thin
from optbench.tables.curves import read_curves

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from optbench.report.page.context import PageContext
    from optbench.report.study import StudyView

POINTS: Final = 24
"""Evaluations of a curve that the page holds."""

WRITTEN_OUT: Final = 500
"""Cells up to which the list has each one's commands written out. Beyond, it says once how they follow from a
row; the script writes them out. The list is folded: a browser lays out nothing of it until it is opened."""

PRINTED: Final = 200
"""Cells that a printed page lists; style.css hides the rest."""

DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
"""Two of these make a height from 0 to 4094."""

PAIRS: Final = tuple(first + second for first in DIGITS for second in DIGITS)
LEVELS: Final = len(PAIRS) - 2
NOWHERE: Final = DIGITS[-1] * 2
"""Stands for a loss that is not finite."""

TRACE: Final = "seedSEED-DIGEST.parquet"
"""A trace's file name with the seed and the digest still to be put in."""

HEADROOM: Final = 10.0
"""Heights end at this many times the workload's highest first loss."""


@dataclass(frozen=True)
class CellRow:
    """A row of the cell list, all text.

    Attributes:
        cell: its readable name.
        status: its status.
        glyph: the status' sign.
        lr: its learning rate.
        steps: its last step.
        loss: its final validation loss.
        digest: what decides its numbers.
        again: why it was trained again where an earlier trace lies beside its own; "" elsewhere.
        commands: those that train it again and that make its trace; none where there are too many cells.
        group: number of its combination, shared by its seed siblings.
        curve: its validation loss, packed; see `pack`.
        failure: id of the card that tells why it is not ok; "" where it is.
    """

    cell: str
    status: str
    glyph: str
    lr: str
    steps: str
    loss: str
    digest: str
    again: str
    commands: tuple[str, ...]
    group: int
    curve: str
    failure: str


@dataclass(frozen=True)
class Explorer:
    """The Cells section.

    Attributes:
        rows: one a planned cell.
        written_out: whether the rows hold their commands.
        truncated: whether a printed page leaves some of them out.
        rerun: how the command that trains a cell again reads, CELL in the cell's place.
        snakemake: how the command that makes a trace reads.
        statuses: JSON for the script: those that occur.
        groups: JSON for the script: by group, its workload's number, its optimizer's, and the command
            that makes one of its traces, SEED and DIGEST in their places.
        scales: JSON for the script: by workload, its label, steps, lowest and highest loss, and whether
            heights are logarithmic.
    """

    rows: tuple[CellRow, ...]
    written_out: bool
    truncated: bool
    rerun: str
    snakemake: str
    statuses: str
    groups: str
    scales: str


@dataclass(frozen=True)
class CurveScale:
    """How the heights of one workload's curves are packed.

    Attributes:
        label: the workload's.
        steps: of the points.
        low: the loss at height 0.
        high: the loss at the greatest height.
        log: whether heights are even in the logarithm.
    """

    label: str
    steps: tuple[int, ...]
    low: float
    high: float
    log: bool


def section(page: PageContext) -> Content:
    """Return the section; a cell that failed points to its card in Completeness."""
    card_of = {cell: card.id for card in page.data("completeness").failures for cell in card.names}
    return Content(explorer(page.study, page.name, page.tables / "curves.parquet", card_of))


def explorer(study: StudyView, name: str, curves: Path, failure_of: Mapping[str, str]) -> Explorer:
    """Return the rows and what the script needs to draw a cell beside its siblings.

    Args:
        study: names and runs.
        name: of the study in commands.
        curves: the curve table.
        failure_of: id of a failure's card by cell.
    """
    config_path = str(study.facts.get("config_path") or "")
    scales, packed = _curves(study, curves)
    runs = study.runs
    keys = list(
        zip(runs["workload"].astype(str), runs["optimizer"].astype(str), runs["schedule"], strict=True)
    )
    group_of: dict[tuple[str, str, str], int] = {}
    for key in keys:
        group_of.setdefault(key, len(group_of))
    written_out = len(runs) <= WRITTEN_OUT
    columns = ["cell", "status", "lr", "steps", "final_val_loss", "digest", "path"]
    again = runs["trained_again"] if "trained_again" in runs else [""] * len(runs)
    rows = []
    commands_of: dict[int, str] = {}
    for key, why, (cell, status, lr, steps, loss, digest, path) in zip(
        keys, again, runs[columns].itertuples(index=False, name=None), strict=True
    ):
        group = group_of[key]
        folder = str(path).rpartition("/")[0]
        if group not in commands_of:
            commands_of[group] = snakemake_command(f"{folder}/{TRACE}", config_path)
        rows.append(
            CellRow(
                cell=str(cell),
                status=str(status),
                glyph=status_of(str(status)).glyph,
                lr=number(float(lr)),
                steps=number(float(steps)),
                loss=number(float(loss)),
                digest=str(digest),
                again=str(why),
                commands=(
                    (rerun_command(name, str(cell)), snakemake_command(str(path), config_path))
                    if written_out
                    else ()
                ),
                group=group,
                curve=packed.get(str(cell), ""),
                failure=failure_of.get(str(cell), ""),
            )
        )
    numbers = {workload: index for index, workload in enumerate(study.workloads)}
    groups = [
        [numbers[w], study.styles[o].index, commands_of[group]] for (w, o, _), group in group_of.items()
    ]
    told = [{"label": s.label, "steps": s.steps, "low": s.low, "high": s.high, "log": s.log} for s in scales]
    return Explorer(
        rows=tuple(rows),
        written_out=written_out,
        truncated=len(runs) > PRINTED,
        rerun=rerun_command(name, "CELL"),
        snakemake=snakemake_command(f"results/{name}/cells/WORKLOAD/OPTIMIZER/SCHEDULE/{TRACE}", config_path),
        statuses=json.dumps(list(dict.fromkeys(row.status for row in rows))),
        groups=json.dumps(groups, ensure_ascii=False, separators=(",", ":")),
        scales=json.dumps(told, ensure_ascii=False, separators=(",", ":")),
    )


def _curves(study: StudyView, file: Path) -> tuple[list[CurveScale], dict[str, str]]:
    """The scale of every workload, in their order, and the packed curve of every cell that has one."""
    table = read_curves(file, split=["validation"], metric=["loss"])
    workload_of = dict(zip(study.runs["cell"].astype(str), study.runs["workload"].astype(str), strict=True))
    table = table.assign(cell=table["cell"].astype(str))
    table["workload"] = table["cell"].map(workload_of)
    scales: list[CurveScale] = []
    packed: dict[str, str] = {}
    for workload in study.workloads:
        rows = table[table["workload"] == workload]
        steps = tuple(thin([int(step) for step in rows["step"].unique()], POINTS)) if len(rows) else ()
        grid = rows[rows["step"].isin(steps)].pivot(index="cell", columns="step", values="value")
        heights = grid.to_numpy(float)
        scale = _scale(study.label("workloads", workload), steps, heights)
        scales.append(scale)
        packed |= zip(map(str, grid.index), pack(heights, scale), strict=True)
    return scales, packed


def _scale(label: str, steps: tuple[int, ...], heights: NDArray[np.float64]) -> CurveScale:
    finite = heights[np.isfinite(heights)]
    if not finite.size:
        return CurveScale(label, steps, 0.0, 1.0, log=False)
    positive = finite[finite > 0]
    log = bool(positive.size and not (finite < 0).any())
    first = heights[:, 0][np.isfinite(heights[:, 0])]
    values = positive if log else finite
    high = float(values.max())
    if first.size and first.max() > 0:
        high = min(high, HEADROOM * float(first.max()))
    return CurveScale(label, steps, float(min(values.min(), high)), high, log)


def pack(curves: NDArray[np.float64], scale: CurveScale) -> list[str]:
    """Return two characters a point of each curve: its height between the scale's ends, or `NOWHERE`.

    NaN at the end is what a run that broke off no longer had, and is left out.

    Args:
        curves: shape (runs, points).
        scale: of all of them.
    """
    finite = np.isfinite(curves)
    inside = np.clip(np.where(finite, curves, scale.low), scale.low, scale.high)
    if scale.high == scale.low or (scale.log and math.log(scale.high) == math.log(scale.low)):
        share = np.zeros(curves.shape)
    elif scale.log:
        share = (np.log(inside) - math.log(scale.low)) / (math.log(scale.high) - math.log(scale.low))
    elif math.isfinite(scale.high - scale.low):
        share = (inside - scale.low) / (scale.high - scale.low)
    else:
        share = (inside / 2 - scale.low / 2) / (scale.high / 2 - scale.low / 2)
    heights = np.where(finite, np.rint(share * LEVELS), PAIRS.index(NOWHERE)).astype(int)
    known = ~np.isnan(curves)
    lengths = np.where(known, np.arange(1, curves.shape[1] + 1), 0).max(axis=1, initial=0)
    found = zip(heights.tolist(), lengths.tolist(), strict=True)
    return ["".join([PAIRS[height] for height in row[:length]]) for row, length in found]
