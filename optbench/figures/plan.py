"""The `plot` stage: which figures a study needs, drawn from its tables into its figures folder."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optbench.figures.axes import label_margin
from optbench.figures.compare import draw_final_losses, draw_slopes, interval_range
from optbench.figures.convergence import draw_convergence, linear_range, loss_range
from optbench.figures.easel import Easel
from optbench.figures.painters import share
from optbench.figures.plan_cost import draw_cost
from optbench.figures.plan_learn import draw_learning
from optbench.figures.plan_oracle import draw_oracle
from optbench.figures.plan_oscillation import draw_oscillation
from optbench.figures.plan_ranking import draw_rankings
from optbench.figures.plan_rates import draw_rates
from optbench.figures.plan_ratios import draw_heat_maps, draw_interaction
from optbench.figures.plan_schedules import Courses, draw_schedules, lr_courses
from optbench.figures.plan_sensitivity import draw_tuning
from optbench.figures.plan_shares import draw_arrivals, draw_profile, draw_time_to_target
from optbench.figures.plan_textbook import draw_textbook
from optbench.figures.plan_tradeoffs import draw_tradeoffs
from optbench.figures.style import drawing
from optbench.landscapes import LANDSCAPES
from optbench.shown.record import FigureRecord, write_records
from optbench.shown.study import Study, by_schedule, chunks, read_study, thin
from optbench.shown.tables import present, read_evidence, read_timing, read_tuned
from optbench.shown.words import entry, interval_words, spoken
from optbench.textbook.evidence import read_tables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from optbench.landscapes import Landscape

CURVES = (("loss", "validation loss", True), ("accuracy", "validation accuracy", False))
"""Metric of the validation split, what to call it, whether on a logarithmic axis."""


def draw_all(
    tables: Path,
    figures: Path,
    *,
    cores: int = 1,
    pdf: bool | None = None,
    landscapes: Mapping[str, Landscape] = LANDSCAPES,
) -> list[FigureRecord]:
    """Write every figure of a study as SVG, where asked for as PDF too, and figures.json; return its records.

    Args:
        tables: results/<study>/tables, as `collect` and `summarize` left it.
        figures: results/<study>/figures; drawings of an earlier run are removed first.
        cores: processes that draw; they write the same files.
        pdf: whether to write PDFs; None for what the study's `report.pdf` says.
        landscapes: the surfaces that workloads may name.
    """
    figures.mkdir(parents=True, exist_ok=True)
    for old in (*figures.glob("*.svg"), *figures.glob("*.pdf")):
        old.unlink()
    if pdf is None:
        facts = json.loads((tables / "study.json").read_text(encoding="utf-8"))
        pdf = bool(facts.get("report", {}).get("pdf"))
    with drawing():
        records = share(lambda painter: _draw(tables, Easel(figures, painter, pdf=pdf), landscapes), cores)
    write_records(records, figures / "figures.json")
    return records


def _draw(tables: Path, easel: Easel, landscapes: Mapping[str, Landscape]) -> list[FigureRecord]:
    """Draw every figure of a study, in the order of the page."""
    study = read_study(tables)
    convergence = pd.read_parquet(tables / "convergence.parquet")
    summary = pd.read_parquet(tables / "summary.parquet")
    evidence = read_evidence(tables)
    records: list[FigureRecord] = []
    records += draw_rankings(study, easel, pd.read_parquet(tables / "ranking.parquet"))
    records += draw_heat_maps(study, easel, evidence)
    records += draw_profile(study, easel, evidence)
    for workload in study.workloads:
        rows = convergence[(convergence["workload"] == workload) & (convergence["split"] == "validation")]
        for metric, words, log in CURVES:
            of_metric = rows[rows["metric"] == metric]
            if np.isfinite(of_metric["median"].to_numpy(float)).any():
                records.append(_convergence(study, easel, workload, of_metric, words, log=log))
        finals = summary[(summary["workload"] == workload) & (summary["metric"] == "final_val_loss")]
        if len(finals):
            records.append(_finals(study, easel, workload, finals, rows))
        records += draw_arrivals(study, easel, evidence, workload)
    records += draw_tuning(study, easel, read_tuned(tables))
    records += draw_oscillation(study, easel, summary)
    records += draw_tradeoffs(study, easel, evidence, "oscillation")
    lrs = lr_courses(study, tables / "curves.parquet")
    slopes = _slopes(study, easel, summary, lrs)
    records += [slopes] if slopes else []
    records += draw_interaction(study, easel, evidence)
    records += draw_schedules(study, easel, lrs)
    records += draw_cost(study, easel, read_timing(study, tables / "timing.parquet"))
    records += draw_time_to_target(study, easel, evidence)
    records += draw_tradeoffs(study, easel, evidence, "cost")
    records += draw_rates(study, easel, evidence.rates)
    records += draw_oracle(study, easel, tables / "oracle.parquet")
    records += draw_learning(study, easel, tables / "curves.parquet", landscapes)
    records += draw_textbook(easel, read_tables(tables))
    return records


def _convergence(
    study: Study, easel: Easel, workload: str, rows: pd.DataFrame, words: str, *, log: bool
) -> FigureRecord:
    """One panel a schedule (more where there are many optimizers), all on one y axis."""
    label = study.label("workloads", workload)
    limits = loss_range(rows) if log else linear_range(rows)
    on_log = log and limits is not None
    panels = []
    for schedule in study.schedules:
        here = rows[rows["schedule"] == schedule]
        names = present(study.optimizers, here)
        groups = list(chunks(names))
        for part, group in enumerate(groups, start=1):
            drawn = here[here["optimizer"].isin(group)]
            drawn = drawn[drawn["step"].isin(_kept_steps(drawn))]
            title = study.label("schedules", schedule) + (
                f" ({part}/{len(groups)})" if len(groups) > 1 else ""
            )
            draw = partial(
                draw_convergence,
                drawn,
                styles=study.styles,
                labels=study.labels("optimizers"),
                limits=limits,
                log=on_log,
                target=study.fact("workloads", workload, "target") if log else None,
                y_label=words,
                title=title,
            )
            panels.append(
                easel.put(
                    draw,
                    ("convergence", workload, schedule, words.rsplit(maxsplit=1)[-1]),
                    f"{label}, {title}: {words} against steps",
                    _ends_in_words(study, drawn, words),
                    right=label_margin(study.labels("optimizers").values()),
                )
            )
    target = study.fact("workloads", workload, "target")
    n = int(rows["n"].max())
    coverage = rows["coverage"].to_list() if "coverage" in rows else []
    caption = (
        f"Lines: median over seeds. Bands: {interval_words(coverage, n)}. A seed that diverged or broke off "
        "ranks worst from there on: a caret marks where the band has no end on that side, a cross where the "
        "median itself stops being finite. "
        f"{'Logarithmic' if on_log else 'Linear'} axis, shared by the panels"
        + (f"; dotted: the target {spoken(float(target))}" if target is not None and log else "")
        + "."
    )
    columns, table = _checkpoints(study, rows)
    figure_id, pdf = easel.bind("convergence", workload, words.rsplit(maxsplit=1)[-1])
    return FigureRecord(
        id=figure_id,
        pdf=pdf,
        section="convergence",
        workload=workload,
        title=f"{words.capitalize()} against steps",
        caption=caption,
        panels=tuple(panels),
        columns=columns,
        rows=table,
    )


TURNS = 8
"""A median that turns round more often than that is drawn at all its steps: a few of them would make other
swings of it."""


def _kept_steps(rows: pd.DataFrame) -> list[int]:
    """The steps to draw: about 40 of the grid, and for each line the last step with a finite median."""
    steps = [int(step) for step in rows["step"].unique()]
    rising = np.sign(rows.groupby("optimizer", sort=False)["median"].diff())
    turns = (rising * rising.groupby(rows["optimizer"]).shift() < 0).groupby(rows["optimizer"]).sum()
    kept = set(steps if turns.max() > TURNS else thin(steps))
    finite = rows[np.isfinite(rows["median"].to_numpy(float))]
    return sorted(kept | {int(step) for step in finite.groupby("optimizer")["step"].max()})


def _ends_in_words(study: Study, rows: pd.DataFrame, words: str) -> str:
    """The figure for those who do not see it: where each line ends, in ascending order."""
    last = rows[rows["step"] == rows["step"].max()].sort_values("median")
    ends = [
        f"{study.label('optimizers', str(name))} {spoken(float(value))}"
        for name, value in zip(last["optimizer"], last["median"], strict=True)
    ]
    return f"Median {words} at the last step, {int(rows['step'].max())}: " + ", ".join(ends) + "."


def _checkpoints(
    study: Study, rows: pd.DataFrame
) -> tuple[tuple[str, ...], tuple[tuple[str | float | int | None, ...], ...]]:
    """The table behind the curves: medians at five steps of the grid."""
    steps = np.asarray(sorted(rows["step"].unique()))
    chosen = [int(step) for step in np.unique(steps[np.linspace(0, len(steps) - 1, 5).round().astype(int)])]
    medians: dict[tuple[str, str], dict[int, float]] = {}
    finite: dict[tuple[str, str], tuple[int, str]] = {}
    columns = (rows[c].tolist() for c in ("optimizer", "schedule", "step", "median", "n_ok", "n"))
    for optimizer, schedule, step, median, n_ok, n in zip(*columns, strict=True):
        combination = (str(optimizer), str(schedule))
        medians.setdefault(combination, {})[step] = median
        finite[combination] = max(finite.get(combination, (step, "")), (step, f"{n_ok}/{n}"))
    table = [
        (
            study.label("optimizers", optimizer),
            study.label("schedules", schedule),
            *(entry(at[step]) if step in at else None for step in chosen),
            finite[optimizer, schedule][1],
        )
        for (optimizer, schedule), at in medians.items()
    ]
    heads = ("optimizer", "schedule", *(f"step {step}" for step in chosen), "finite at the end")
    return heads, tuple(table)


def _finals(
    study: Study, easel: Easel, workload: str, finals: pd.DataFrame, curves: pd.DataFrame
) -> FigureRecord:
    """One panel a schedule: a dot and its interval an optimizer, all on one x axis."""
    label = study.label("workloads", workload)
    limits = interval_range(finals)
    log = limits is not None
    if limits is None:
        limits = interval_range(finals, log=False)
    panels = []
    for schedule, here in by_schedule(study, finals):
        title = study.label("schedules", schedule)
        draw = partial(
            draw_final_losses, here, styles=study.styles, labels=study.labels("optimizers"), limits=limits,
            log=log, title=title,
        )  # fmt: skip
        said = [
            f"{study.label('optimizers', str(r['optimizer']))} {spoken(float(r['estimate']))} "
            f"({r['n_ok']}/{r['n']} ok)"
            for _, r in here.iterrows()
        ]
        panels.append(
            easel.put(
                draw,
                ("final", workload, schedule),
                f"{label}, {title}: final validation loss",
                "Median final validation loss: " + ", ".join(said) + ".",
                height=84 + 20 * len(here),
                left=label_margin(study.labels("optimizers").values()),
                right=44,
            )
        )
    if "coverage" in finals:
        coverage = finals["coverage"].to_list()
    else:
        coverage = curves["coverage"].to_list() if "coverage" in curves else []
    figure_id, pdf = easel.bind("final", workload)
    return FigureRecord(
        id=figure_id,
        pdf=pdf,
        section="final",
        workload=workload,
        title="Final validation loss",
        caption=f"Markers: median over seeds. Bars: {interval_words(coverage, int(finals['n'].max()))}. "
        "A bar that runs to the edge has no upper end: too many of its seeds did not finish. "
        "At the right: runs with status ok / runs planned.",
        panels=tuple(panels),
        columns=(),
        rows=(),
    )


def _slopes(study: Study, easel: Easel, summary: pd.DataFrame, lrs: Courses) -> FigureRecord | None:
    """One panel a workload: how each optimizer's median final loss moves from schedule to schedule."""
    if len(study.schedules) < 2:  # noqa: PLR2004 - nothing to compare
        return None
    finals = summary[summary["metric"] == "final_val_loss"]
    panels = []
    for workload in study.workloads:
        here = finals[finals["workload"] == workload]
        schedules = [name for name in study.schedules if (here["schedule"] == name).any()]
        names = present(study.optimizers, here)
        if len(schedules) < 2 or not np.isfinite(here["estimate"].to_numpy(float)).any():  # noqa: PLR2004
            continue
        courses = {name: found[0] for name in schedules if (found := lrs.get((workload, name)))}
        groups = list(chunks(names))
        for part, group in enumerate(groups, start=1):
            label = study.label("workloads", workload)
            title = label + (f" ({part}/{len(groups)})" if len(groups) > 1 else "")
            draw = partial(
                draw_slopes,
                here[here["optimizer"].isin(group)],
                styles=study.styles,
                schedules=schedules,
                labels=study.labels("optimizers"),
                schedule_labels=study.labels("schedules"),
                courses=courses,
                title=title,
            )
            panels.append(
                easel.put(
                    draw,
                    ("slopes", workload),
                    f"{title}: median final validation loss under each schedule",
                    "The numbers stand in the workload's table of final results.",
                    height=256,
                    bottom=60,
                    right=label_margin(study.labels("optimizers").values()),
                )
            )
    if not panels:
        return None
    figure_id, pdf = easel.bind("slopes")
    return FigureRecord(
        id=figure_id,
        pdf=pdf,
        section="schedules",
        workload="",
        title="From schedule to schedule",
        caption="One line an optimizer, one panel a workload: the median final validation loss under each "
        "schedule, whose learning rate over the budget is drawn below its name. Lines that cross mean that "
        "the order of the optimizers depends on the schedule. Intervals stand in the tables above; here "
        "they would hide the slopes.",
        panels=tuple(panels),
        columns=(),
        rows=(),
    )
