"""The figures of the textbook's claims that look at chosen runs: regimes, rates, effective rates, decay."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optbench.report.figure import FigureRecord
from optbench.report.figures.axes import label_margin
from optbench.report.figures.marks.lines import draw_lines
from optbench.report.study import thin
from optbench.report.words import entry, in_words, interval_words
from optbench.stats.intervals import median_interval
from optbench.theory.textbook.decay import DECAY
from optbench.theory.textbook.evidence import UnfinishedError, find_cells
from optbench.theory.textbook.family import ADAM_SWEEP, SGD_SWEEP, effective
from optbench.theory.textbook.measure import rise
from optbench.theory.textbook.regimes import NEEDS as REGIME_NEEDS
from optbench.theory.textbook.setups import ADAGRAD, RAVINE, RMSPROP, need

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optbench.report.figure import Panel, TableValue
    from optbench.report.figures.backend.panels import FigureWriter
    from optbench.theory.textbook.evidence import Cells, Need, Tables

REGIME_WORDS = {"one": "One sample", "full": "Full batch"}

DRAWN = 200
"""Points of a line: all up to here, a thinned grid above."""

EFFECTIVE = {"Adagrad": need(RAVINE, ADAGRAD, 0.1), "RMSprop": need(RAVINE, RMSPROP, 0.01)}

SETTLING = {"constant": "Constant", "step": "Step decay", "plateau": "On plateau"}


def draw_textbook(writer: FigureWriter, tables: Tables) -> list[FigureRecord]:
    """The figures whose cells the study has and that have run."""
    return [
        *_regimes(writer, _trained(tables, REGIME_NEEDS)),
        *_sweep(writer, _trained(tables, SGD_SWEEP), _trained(tables, ADAM_SWEEP)),
        *_effective(writer, _trained(tables, EFFECTIVE)),
        *_settling(writer, _trained(tables, {**DECAY.needs, **DECAY.wants})),
    ]


def _trained(tables: Tables, needs: Mapping[str, Need]) -> dict[str, Cells]:
    found = {name: find_cells(tables, each) for name, each in needs.items()}
    return {name: cells for name, cells in found.items() if cells is not None and len(cells.trained)}


def _line(name: str, x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    keep = np.isin(x, thin([int(step) for step in x], DRAWN))
    return pd.DataFrame({"line": name, "x": x[keep], "y": y[keep]})


def _curve(cells: Cells, split: str, name: str) -> pd.DataFrame:
    try:
        return _line(name, *cells.curve(split, "loss"))
    except UnfinishedError:
        return pd.DataFrame({"line": [], "x": [], "y": []})


def _ends(table: pd.DataFrame) -> str:
    """Where each line ends, for those who do not see it."""
    last = table.sort_values("x", kind="stable").groupby("line", sort=False).tail(1)
    return ", ".join(f"{name} {in_words(float(y))}" for name, y in zip(last["line"], last["y"], strict=True))


def _regimes(writer: FigureWriter, regimes: Mapping[str, Cells]) -> list[FigureRecord]:
    lines = {
        size: table
        for size, cells in regimes.items()
        if len(table := _curve(cells, "train", REGIME_WORDS.get(size, f"Batch {size}")))
    }
    if not lines:
        return []
    values = np.concatenate([table["y"].to_numpy(float) for table in lines.values()])
    values = values[np.isfinite(values) & (values > 0)]
    panels, rows = [], []
    for size, table in lines.items():
        title = str(table["line"].iloc[0])
        draw = partial(
            draw_lines, table, x_label="updates", y_label="training loss", title=title,
            limits=(float(values.min()), float(values.max())),
        )  # fmt: skip
        rises = {seed: rise(loss) for seed, (_, loss) in regimes[size].curves("train", "loss").items()}
        median = float(np.median(list(rises.values())))
        panels.append(
            writer.add_panel(
                draw,
                ("regimes", size),
                f"{title}: training loss after every update",
                f"First seed: from {in_words(float(table['y'].iloc[0]))} to {_ends(table)}. "
                "All rises over the "
                f"whole fall: {in_words(median)}, median over {len(rises)} seeds.",
                width=264,
                height=180,
            )
        )
        first, last = float(table["y"].iloc[0]), float(table["y"].iloc[-1])
        rows.append((title, entry(first), entry(last), entry(median), len(rises)))
    rate = next(iter(regimes.values())).lr
    return [
        _record(
            writer,
            "regimes",
            "Batch regimes",
            f"Loss of the whole training split after every update of plain SGD at lr {rate:g}: first seed, "
            "equal numbers of updates, one logarithmic axis. Fewer examples an update, more jumps.",
            panels,
            ("regime", "first loss", "last loss", "rises / whole fall (median)", "seeds"),
            rows,
        )
    ]


def _sweep(writer: FigureWriter, sgd: Mapping[str, Cells], adam: Mapping[str, Cells]) -> list[FigureRecord]:
    parts: list[dict[str, object]] = []
    coverage: list[float] = []
    for name, sweep in (("SGD", sgd), ("Adam", adam)):
        for cells in sorted(sweep.values(), key=lambda found: found.lr):
            losses = cells.column("final_val_loss").to_numpy(float)
            found = median_interval(losses)
            coverage.append(found.coverage)
            parts.append(
                {
                    "line": name, "x": cells.lr, "y": found.estimate, "low": found.low, "high": found.high,
                    "n": found.n, "diverged": int(np.isinf(losses).sum()),
                }
            )  # fmt: skip
    if len({part["line"] for part in parts}) < 2:  # noqa: PLR2004 - one line is no comparison
        return []
    table = pd.DataFrame(parts)
    draw = partial(draw_lines, table, x_label="learning rate", y_label="final validation loss", x_scale="log")
    best = table.loc[table.groupby("line", sort=False)["y"].idxmin()]
    said = "; ".join(
        f"{name} is lowest at lr {x:g} with {in_words(float(y))}"
        for name, x, y in zip(best["line"], best["x"], best["y"], strict=True)
    )
    drawn = writer.add_panel(
        draw, ("lr-sweep", "1"), "Final loss against learning rate", f"{said}.", right=label_margin(["Adam"])
    )
    return [
        _record(
            writer,
            "lr-sweep",
            "Too small, too large",
            f"Digits, batch 64, 400 updates. Markers: median final validation loss. Bars: "
            f"{interval_words(coverage, int(table['n'].max()))}. A rate whose median run diverged is left "
            "out of the drawing and stands in the table.",
            [drawn],
            ("optimizer", "lr", "median final validation loss", "low", "high", "diverged", "seeds"),
            [
                (str(part["line"]), *(entry(part[key]) for key in ("x", "y", "low", "high", "diverged", "n")))
                for part in parts
            ],
        )
    ]


def _effective(writer: FigureWriter, found: Mapping[str, Cells]) -> list[FigureRecord]:
    rates = {}
    for name, cells in found.items():
        try:
            rates[name] = effective(cells)
        except UnfinishedError:
            continue
    if not rates:
        return []
    panels, rows = [], []
    for index, (axis, words) in enumerate((("x", "along the ravine"), ("y", "across it"))):
        parts = [_line(name, np.arange(1, len(each) + 1), each[:, index]) for name, each in rates.items()]
        table = pd.concat(parts, ignore_index=True)
        draw = partial(
            draw_lines, table, x_label="iteration", y_label="|update| / |gradient|", title=f"{axis}, {words}"
        )
        panels.append(
            writer.add_panel(
                draw,
                ("effective-lr", axis),
                f"Effective learning rate of {axis}, {words}",
                f"At the end: {_ends(table)}.",
                right=label_margin(rates),
            )
        )
        for name, each in rates.items():
            known = each[np.isfinite(each[:, index]), index]
            rows.append(
                (
                    name,
                    axis,
                    entry(float(known[0])),
                    entry(float(known.min())),
                    entry(float(known[-1])),
                    len(known),
                )
            )
    return [
        _record(
            writer,
            "effective-lr",
            "Effective learning rates",
            "What the step is as a multiple of the gradient, coordinate by coordinate, on the ravine: "
            "Adagrad divides by the root of a growing sum and can only fall, RMSprop by a mean that forgets. "
            "A line ends where the gradient is too small for the quotient to be more than rounding.",
            panels,
            ("optimizer", "coordinate", "first", "least", "last", "steps"),
            rows,
        )
    ]


def _settling(writer: FigureWriter, found: Mapping[str, Cells]) -> list[FigureRecord]:
    panels: list[Panel] = []
    rows = []
    for prefix, split, words in (
        ("", "validation", "Noisy bowl, SGD at lr 1.5"),
        ("digits_", "train", "Digits, SGD at lr 0.5"),
    ):
        parts = [
            _curve(found[prefix + key], split, label)
            for key, label in SETTLING.items()
            if prefix + key in found
        ]
        table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        if table.empty:
            continue
        loss = "loss" if split == "validation" else "training loss"
        panels.append(
            writer.add_panel(
                partial(draw_lines, table, x_label="updates", y_label=loss, title=words),
                ("settling", str(len(panels) + 1)),
                f"{words}: {loss}",
                f"At the end: {_ends(table)}.",
                right=label_margin(SETTLING.values()),
            )
        )
        for name, part in table.groupby("line", sort=False):
            ordered = part.sort_values("x")["y"].to_numpy(float)
            rows.append((words, str(name), *(entry(float(ordered[i])) for i in (0, len(ordered) // 2, -1))))
    if not panels:
        return []
    return [
        _record(
            writer,
            "settling",
            "A large rate hops, a decayed one settles",
            "One run each, first seed, the same noise. Step decay cuts the rate to a tenth every 30 epochs "
            "(30 updates on the bowl), reduce-on-plateau when ten evaluations bring no improvement. Where "
            "every example can be fitted (digits) the noise dies out, and a cut rate only slows it.",
            panels,
            ("run", "schedule", "first loss", "halfway", "last loss"),
            rows,
        )
    ]


def _record(
    writer: FigureWriter,
    name: str,
    title: str,
    caption: str,
    panels: list[Panel],
    columns: tuple[str, ...],
    rows: Sequence[tuple[TableValue, ...]],
) -> FigureRecord:
    figure_id, pdf = writer.write_figure(name)
    return FigureRecord(
        id=figure_id,
        section="learn",
        workload="",
        title=title,
        caption=caption,
        panels=tuple(panels),
        pdf=pdf,
        columns=columns,
        rows=tuple(rows),
    )
