"""Figures of shares: targets reached, Kaplan-Meier curves, the performance profile."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from optbench.core.words import count, number
from optbench.report.figure import FigureRecord
from optbench.report.figures.axes import label_margin
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.marks.shares import draw_shares
from optbench.report.study import StudyView, chunks
from optbench.report.tables import FigureTables, present, rows_of
from optbench.report.words import entry, in_words
from optbench.stats.paired import FEWEST_PAIRS
from optbench.tables.rows import row_dicts

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from optbench.report.figure import Panel


def _band_words(n: int) -> str:
    """What the band of a share over n seeds is."""
    if n < 2:  # noqa: PLR2004 - one run has no spread
        return "one seed: no band"
    if n < FEWEST_PAIRS:
        return f"bands: range over {n} seeds, too few for an interval"
    return f"bands where seeds differ: 95% bootstrap of {n} whole seeds, pointwise (else Wilson's, in tables)"


def _share_panels(
    study: StudyView,
    writer: FigureWriter,
    rows: pd.DataFrame,
    *,
    kind: str,
    workload: str,
    limits: tuple[float, float],
    x_label: str,
    y_label: str,
    stairs: bool = True,
    log: bool = False,
    marks: Mapping[tuple[str, str], str] | None = None,
) -> list[Panel]:
    """One panel a schedule, more where there are many optimizers. `rows` has x, share, low, high.

    They are of one workload, or of all for "". `marks` are put after the name of a combination.
    """
    marks = marks or {}
    panels = []
    about = study.label("workloads", workload) if workload else "All workloads"
    optimizers = study.by_result("optimizers", workload)
    for schedule in study.panels(workload):
        labels = {
            name: label + marks.get((name, schedule), "")
            for name, label in study.labels("optimizers").items()
        }
        here = rows_of(rows, schedule=schedule)
        groups = list(chunks(present(optimizers, here)))
        for part, group in enumerate(groups, start=1):
            drawn = here[here["optimizer"].isin(group)]
            if (
                "agreed" in drawn
            ):  # there the band is of what no seed showed, and would stand out as if one had
                drawn = drawn.assign(**{end: drawn[end].mask(drawn["agreed"]) for end in ("low", "high")})
            title = study.label("schedules", schedule)
            title += f" ({part}/{len(groups)})" if len(groups) > 1 else ""
            draw = partial(
                draw_shares, drawn, styles=study.styles, limits=limits, labels=labels, stairs=stairs, log=log,
                x_label=x_label, y_label=y_label, title=title,
            )  # fmt: skip
            last = drawn.groupby("optimizer", sort=False)["share"].last().sort_values(ascending=False)
            said = ", ".join(f"{labels[str(name)]} {number(share, 2)}" for name, share in last.items())
            panels.append(
                writer.add_panel(
                    draw, (kind, about, schedule), f"{about}, {title}: {y_label} against {x_label}",
                    f"At the right end: {said}.",
                    right=label_margin(labels.values()),
                )
            )  # fmt: skip
    return panels


def draw_targets_reached(
    study: StudyView, writer: FigureWriter, found: FigureTables, workload: str
) -> list[FigureRecord]:
    """The run-length distribution over a ladder of targets, and Kaplan-Meier for the workload's own."""
    records = []
    rows = rows_of(found.targets_reached, workload=workload)
    if len(rows):
        steps = rows["step"].to_numpy(float)
        panels = _share_panels(
            study, writer, rows.assign(x=rows["step"]), kind="targets_reached", workload=workload,
            limits=(0.0, float(steps.max())), x_label="optimizer steps", y_label="share of runs × targets",
            stairs=False,
        )  # fmt: skip
        figure_id, pdf = writer.write_figure("targets_reached", workload)
        n, targets = int(rows["n"].max()), int(rows["targets"].iloc[0])
        ends = rows[rows["step"] == rows["step"].max()]
        records.append(
            FigureRecord(
                id=figure_id,
                pdf=pdf,
                section="arrival",
                workload=workload,
                title="Targets reached against steps",
                caption=f"Share of all pairs of a run and a target that are reached: {targets} targets from "
                f"an easy loss down to {in_words(float(rows['hardest'].iloc[0]))}, the best of this study, "
                "evenly spaced in its logarithm. A curve further left and higher gets there sooner; "
                f"{_band_words(n)}. A run that broke off keeps what it reached.",
                panels=tuple(panels),
                columns=("optimizer", "schedule", "share at the end", "low", "high", "runs"),
                rows=tuple(
                    (
                        study.label("optimizers", str(r["optimizer"])),
                        study.label("schedules", str(r["schedule"])),
                        *(entry(float(v)) for v in (r["share"], r["low"], r["high"])),
                        int(r["n"]),
                    )
                    for r in row_dicts(ends)
                ),
            )
        )
    return records + _survival(study, writer, rows_of(found.survival, workload=workload), workload, "steps")


def draw_survival_curves(
    study: StudyView, writer: FigureWriter, found: FigureTables, noisy: Container[str]
) -> list[FigureRecord]:
    """Kaplan-Meier in seconds, one figure a workload whose steps were timed.

    Args:
        study: names and colours.
        writer: of the figures.
        found: the tables.
        noisy: the workloads that were timed on a noisy machine.
    """
    return [
        record
        for workload in study.workloads
        for record in _survival(
            study,
            writer,
            rows_of(found.survival, workload=workload),
            workload,
            "time_s",
            noisy=workload in noisy,
        )
    ]


def _survival(
    study: StudyView,
    writer: FigureWriter,
    rows: pd.DataFrame,
    workload: str,
    unit: str,
    *,
    noisy: bool = False,
) -> list[FigureRecord]:
    rows = rows_of(rows, unit=unit)
    if rows.empty:
        return []
    timed = unit == "time_s"
    what = "seconds of training" if timed else "optimizer steps"
    panels = _share_panels(
        study, writer, rows.assign(x=rows["at"], share=rows["reached"]), kind=f"survival-{unit}",
        workload=workload,
        limits=(0.0, float(rows["until"].max())), x_label=what, y_label="share at the target",
    )  # fmt: skip
    target = study.fact("workloads", workload, "target")
    at = f" {in_words(float(target))}" if target is not None else ""
    n = int(rows["n"].max())
    figure_id, pdf = writer.write_figure("survival", workload, unit)
    once = rows.drop_duplicates(["optimizer", "schedule"])
    return [
        FigureRecord(
            id=figure_id,
            pdf=pdf,
            section="cost" if timed else "arrival",
            workload=workload,
            title="Time to target" if timed else "Steps to target",
            caption=f"Kaplan–Meier: share of up to {count(n, 'run')} at or below the target{at}; bands: 95% "
            "intervals (Wilson's), pointwise, drawn where some have arrived and not all. Medians: intervals "
            "between order statistics. A run that never got there is censored at its budget, one that "
            "diverged too; nothing is imputed."
            + (
                " Seconds are steps times the median step time, measured apart, whose own interval is in "
                "these too."
                if timed
                else ""
            )
            + (" The machine was noisy: these seconds are not to be relied on." if noisy else ""),
            panels=tuple(panels),
            columns=(
                "optimizer",
                "schedule",
                f"median ({'s' if timed else 'steps'})",
                "low",
                "high",
                "reached / n",
            ),
            rows=tuple(
                (
                    study.label("optimizers", str(r['optimizer'])),
                    study.label("schedules", str(r['schedule'])),
                    *(entry(float(v)) for v in (r['median'], r['median_low'], r['median_high'])),
                    f"{r['n_reached']}/{r['n']}",
                )
                for r in row_dicts(once)
            ),
        )
    ]  # fmt: skip


def draw_profile(study: StudyView, writer: FigureWriter, found: FigureTables) -> list[FigureRecord]:
    """The performance profile of steps to target over all workloads, one panel a schedule."""
    profile = found.profile
    if profile.empty:
        return []
    in_all = int(profile["workloads_in_all"].iloc[0])
    few = {
        (str(r["optimizer"]), str(r["schedule"])): f" ({r['workloads']}/{in_all})"
        for r in row_dicts(profile[profile["workloads"] < in_all])
    }
    panels = _share_panels(
        study, writer, profile.assign(x=profile["factor"]), kind="profile", workload="",
        limits=(min(float(profile["factor"].min()), 0.9), max(float(profile["factor"].max()), 1.2)), log=True,
        x_label="steps to target / the reference's", y_label="share of runs", marks=few,
    )  # fmt: skip
    as_soon = profile[profile["factor"] <= 1].groupby(["optimizer", "schedule"], sort=False)["share"].last()
    once = profile.groupby(["optimizer", "schedule"], sort=False).agg(
        arrived=("share", "last"), on=("workloads", "first"), n=("seeds", "first")
    )
    once = once.assign(as_soon=as_soon)
    figure_id, pdf = writer.write_figure("profile")
    return [
        FigureRecord(
            id=figure_id,
            pdf=pdf,
            section="across",
            workload="",
            title="Performance profile of steps to target",
            caption="Share of (workload, seed) pairs on which a combination reached the target within this "
            "many times the steps of the reference (that of the ratios above) on the same pair: at 1 how "
            "often it was at least as soon, at the right how often it arrived at all; "
            f"{_band_words(int(profile['seeds'].max()))}, drawn jointly over {in_all} "
            f"workload{'' if in_all == 1 else 's'}."
            + (
                " In brackets: on how many of them a combination was planned, where not on all; such lines "
                "stand for other workloads and do not compare with the rest."
                if few
                else ""
            ),
            panels=tuple(panels),
            columns=(
                "optimizer",
                "schedule",
                "as soon as the reference (share)",
                "arrived (share)",
                "workloads",
                "seeds",
            ),
            rows=tuple(
                (
                    study.label("optimizers", str(r["optimizer"])),
                    study.label("schedules", str(r["schedule"])),
                    entry(float(r["as_soon"])),
                    entry(float(r["arrived"])),
                    int(r["on"]),
                    int(r["n"]),
                )
                for r in row_dicts(once.reset_index())
            ),
        )
    ]
