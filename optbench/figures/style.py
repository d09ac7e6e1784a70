"""What every figure has in common: matplotlib's settings, and the characters of its fonts."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl

from optbench.figures.fonts import cut_font
from optbench.shown.style import LIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.typing import RcKeyType


TICKS_ON_PAPER: Final[dict[RcKeyType, Any]] = {
    "axes.grid": False,
    "axes.spines.left": True,
    "axes.spines.bottom": True,
    "grid.linestyle": "-",
    "grid.linewidth": 0.8,
    "legend.fontsize": 8.8,
    "legend.title_fontsize": 9.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.8,
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    "patch.linewidth": 0.8,
    "xtick.bottom": True,
    "xtick.direction": "out",
    "xtick.major.width": 1.0,
    "xtick.minor.size": 3.2,
    "xtick.minor.width": 0.8,
    "xtick.top": False,
    "ytick.direction": "out",
    "ytick.left": True,
    "ytick.major.width": 1.0,
    "ytick.minor.size": 3.2,
    "ytick.minor.width": 0.8,
    "ytick.right": False,
}
"""What seaborn's style "ticks" in its context "paper" sets and `OWN` does not. Written out, since importing
seaborn takes a second (it brings scipy.stats along), longer than drawing ten panels."""

OWN: Final[dict[RcKeyType, Any]] = {
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
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
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
"""Settings of this package's own."""


@contextmanager
def drawing(text: str = "") -> Iterator[None]:
    """Set what every figure of the page has in common, and put back what was there before.

    Everything that draws and writes a figure belongs inside: matplotlib makes ticks late, with the
    settings that hold at that time.

    Args:
        text: names that will be written, for `cut_font`.
    """
    with cut_font(text) as families, mpl.rc_context({**TICKS_ON_PAPER, **OWN, "font.family": families}):
        yield
