"""What every figure has in common: seaborn's theme, and settings of this package's own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
import matplotlib.style
import seaborn as sns
from matplotlib.rcsetup import cycler

from optbench.report.palette import HUES, LIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.typing import RcKeyType


OWN: Final[dict[RcKeyType, Any]] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 11,
    "axes.labelsize": 11,
    "axes.titlesize": 12,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "axes.edgecolor": LIGHT["muted"],
    "axes.labelcolor": LIGHT["ink"],
    "axes.titlecolor": LIGHT["ink"],
    "text.color": LIGHT["ink"],
    "xtick.color": LIGHT["muted"],
    "ytick.color": LIGHT["muted"],
    "xtick.labelcolor": LIGHT["ink"],
    "ytick.labelcolor": LIGHT["ink"],
    "grid.color": LIGHT["grid"],
    "axes.prop_cycle": cycler(color=sns.color_palette([LIGHT[f"hue-{i}"] for i in range(HUES)]).as_hex()),
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "axes.titley": 1.0,
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "optbench",
    "pdf.fonttype": 42,
}
"""Settings of this package's own, which stand above the theme's."""


@contextmanager
def drawing() -> Iterator[None]:
    """Set what every figure of the page has in common, and put back what was there before.

    That is matplotlib's own settings, whatever a `matplotlibrc` says, seaborn's style "ticks" in its context
    "paper", and `OWN`. Everything that draws and writes a
    figure belongs inside: matplotlib makes ticks late, with the settings that hold at that time.
    """
    with mpl.style.context("default"):
        theme = {**sns.axes_style("ticks"), **sns.plotting_context("paper")}
        mpl.rcParams.update({**theme, **OWN})
        yield
