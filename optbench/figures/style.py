"""The palette, and who wears which of it: six hues, then dashes and markers.

Figures are drawn in the colours of `LIGHT`. Each of them has a twin in `DARK` and a CSS variable of the
same key, so `optbench.figures.svg.themed` can hand the choice to the page. The six hues were searched for
contrast (at least 3:1 against white, 4:1 against the dark page) and for the least difference any pair keeps
under protanopia, deuteranopia and tritanopia; `tests/test_figures.py` computes both again.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl

from optbench.figures.fonts import cut_font

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from matplotlib.typing import RcKeyType

LIGHT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "hue-0": "#023481",
        "hue-1": "#d76f04",
        "hue-2": "#5a9a68",
        "hue-3": "#bc72ac",
        "hue-4": "#9568f3",
        "hue-5": "#5b3f01",
        "ink": "#1b1d22",
        "muted": "#5a5f6b",
        "grid": "#e3e5ea",
        "contour": "#b9bec9",
        "paper": "#ffffff",
    }
)
"""Every colour that a figure may use, on a white page."""

DARK: Final[Mapping[str, str]] = MappingProxyType(
    {
        "hue-0": "#9ed5fd",
        "hue-1": "#e88519",
        "hue-2": "#398b50",
        "hue-3": "#ab6b96",
        "hue-4": "#9e7eec",
        "hue-5": "#eadd8e",
        "ink": "#eceef2",
        "muted": "#a6acb8",
        "grid": "#2c3038",
        "contour": "#565d6b",
        "paper": "#15171c",
    }
)
"""The same keys on the dark page."""

HUES: Final = 6
DASHES: Final[tuple[tuple[float, ...], ...]] = ((), (5.0, 2.0), (1.4, 1.6), (6.0, 1.8, 1.4, 1.8))
"""On-off lengths in points; the empty one is a solid line."""

MARKERS: Final = ("o", "s", "^", "D", "v", "P")


@dataclass(frozen=True)
class Style:
    """How one name is drawn in every figure.

    Attributes:
        index: the name's position in its study; figures carry it, so the page can highlight a name.
        color: a colour of `LIGHT`.
        dashes: on-off lengths in points, empty for solid.
        marker: a matplotlib marker.
    """

    index: int
    color: str
    dashes: tuple[float, ...]
    marker: str

    @property
    def linestyle(self) -> str | tuple[float, tuple[float, ...]]:
        """The dashes as matplotlib takes them."""
        return (0.0, self.dashes) if self.dashes else "-"


def assign_styles(names: Iterable[str]) -> dict[str, Style]:
    """Return one style a name, in the order given: hues first, then dashes, the marker shifting along.

    The first 24 names differ in hue or dash; further ones repeat a line but not, up to 144, a line with
    its marker. Duplicate names share one style.
    """
    styles: dict[str, Style] = {}
    for name in names:
        if name in styles:
            continue
        index = len(styles)
        turn = index // HUES
        styles[name] = Style(
            index=index,
            color=LIGHT[f"hue-{index % HUES}"],
            dashes=DASHES[turn % len(DASHES)],
            marker=MARKERS[(index + turn // len(DASHES)) % len(MARKERS)],
        )
    return styles


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
