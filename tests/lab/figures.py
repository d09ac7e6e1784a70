"""What is read back from axes that were drawn on."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from optbench.figures import assign_styles, draw_convergence
from optbench.report.figures.backend.renderer import to_svg
from optbench.report.figures.backend.svg import clean

STYLES = assign_styles(["sgd", "momentum", "adam"])


def lines(ax, name):
    return [line for line in ax.lines if line.get_label() == name]


def curve(optimizer, median, n=4, **columns):
    median = np.asarray(median, float)
    return pd.DataFrame(
        {
            "optimizer": optimizer,
            "step": np.arange(len(median)) * 10,
            "median": median,
            "low": median * 0.8,
            "high": median * 1.2,
            "n": n,
            "n_ok": n,
            **columns,
        }
    )


# --- the palette, by formulas of its own ---------------------------------------------------------------


def linear_rgb(color):
    c = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """WCAG 2.2 contrast ratio."""
    a, b = sorted(float(linear_rgb(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (b + 0.05) / (a + 0.05)


# --- files ---------------------------------------------------------------------------------------------


def one_figure(title="t"):
    figure = Figure(figsize=(5, 3), dpi=72)
    axes = figure.add_subplot()
    draw_convergence(curve("sgd", [2.0, 1.0, 0.5]), axes, {**STYLES, title: STYLES["sgd"]}, title=title)
    return figure


def fragment(figure, prefix, title, description):
    return clean(to_svg(figure), prefix, title, description)


def seen(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())
