"""Scales and ticks of an axis: linear or logarithmic between any two numbers, labelled in plain text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.ticker import (
    FixedFormatter,
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from optbench.core.words import number, power

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

FARTHEST: Final = 1e280
NEAREST: Final = 1e-280
"""The largest and the least size that a figure shows; what lies beyond stands there (`drawable`)."""

ROUNDING: Final = 1e-9
"""Share of a size below which a difference counts as none."""

MOST_DECADES: Final = 20
"""Decades up to which matplotlib chooses the ticks."""

WIDEST_PAD: Final = 4.0
"""Decades that stay free at most at either end of a logarithmic axis."""

PLAIN_TICKS: Final = (1e-4, 1e6)
"""Sizes of ticks that are written out; others are written as a power of ten."""

PLAIN_DECADES: Final = (-3, 4)
"""Powers of ten in this range are written out (0.01, 100)."""


def tick_label(value: float, _position: object = None) -> str:
    """Return a power of ten as text, `0.01` or `10⁻⁵`; other values get four significant digits."""
    if value <= 0 or not math.isfinite(value):
        return f"{value:g}"
    exponent = math.log10(value)
    if not math.isclose(exponent, round(exponent), abs_tol=1e-9):
        plain = PLAIN_TICKS[0] <= value < PLAIN_TICKS[1]
        return f"{value:.4g}" if plain else number(value)
    low, high = PLAIN_DECADES
    if low <= round(exponent) <= high:
        return f"{10.0 ** round(exponent):g}"
    return power(round(exponent), sign="")


def tidy_number(value: float, span: float = 1.0) -> str:
    """Return a tick of a linear axis with a true minus sign and thousands marked by a thin space.

    Args:
        value: the tick.
        span: what the axis shows, high less low; a tick that is nothing beside it is 0.
    """
    size = abs(value)
    if size <= ROUNDING * span:
        return "0"
    if not PLAIN_TICKS[0] <= size < PLAIN_TICKS[1]:
        return number(value, 3)
    text = f"{value:,.0f}" if size >= 1000 else f"{value:g}"  # noqa: PLR2004 - a thousand
    return text.replace(",", "\u2009").replace("-", "−")


def linear_ticks(ax: Axes, which: str, count: int = 5) -> None:
    """Put at most about `count` plain ticks on the x or y axis."""
    axis = ax.xaxis if which == "x" else ax.yaxis

    def tick(value: float, _position: object = None) -> str:
        low, high = axis.get_view_interval()
        return tidy_number(value, float(abs(high - low)))

    axis.set_major_locator(MaxNLocator(count, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(tick))


def linear_scale(ax: Axes, which: str, low: float, high: float, *, pad: float, count: int = 5) -> None:
    """Make an axis linear from `low` to `high`, widened by the share `pad` of what lies between.

    Where the two are the same number, or as near as rounding, the axis is as wide as they are large, and at
    least 1.
    """
    low, high = (float(end) for end in drawable([low, high]))
    size = max(abs(low), abs(high))
    span = high - low if high - low > max(ROUNDING * size, NEAREST) else max(size, 1.0)
    linear_ticks(ax, which, count)
    (ax.set_xlim if which == "x" else ax.set_ylim)(low - pad * span, high + pad * span)


def drawable(values: ArrayLike) -> NDArray[np.float64]:
    """Numbers as a figure can show them: sizes beyond `FARTHEST` or below `NEAREST` stand there.

    Matplotlib computes spans, margins and ticks of what it is given, which overflow or vanish from there on.
    What is 0 or not finite stays as it is.
    """
    numbers = np.asarray(values, float)
    size = np.abs(numbers)
    known = np.isfinite(numbers) & (size > 0)
    moved = np.copysign(np.clip(np.where(known, size, 1.0), NEAREST, FARTHEST), numbers)
    return np.where(known, moved, numbers)


def name_ticks(ax: Axes, which: str, places: Iterable[float], names: Iterable[str]) -> None:
    """Put ticks with names, never read as formulas, on the x or y axis."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_locator(FixedLocator(list(places)))
    axis.set_major_formatter(FixedFormatter([name.replace("$", r"\$") for name in names]))


def beyond_words(values: ArrayLike) -> str:
    """Return a sentence for a caption where some finite numbers are drawn elsewhere, "" where none is."""
    numbers = np.asarray(values, float)
    numbers = numbers[np.isfinite(numbers)]
    if (numbers == drawable(numbers)).all():
        return ""
    ends = (power(round(math.log10(end)), sign="") for end in (NEAREST, FARTHEST))
    return " What lies below {} or beyond {} is drawn there; the tables have the numbers.".format(*ends)


def log_scale(ax: Axes, which: str, low: float, high: float) -> None:
    """Make an axis logarithmic from `low` to `high` (both > 0), widened a little, labelled in plain text.

    Whole decades carry the labels; less than two of them also get 2 and 5.
    """
    low, high = (float(end) for end in drawable([low, high]))
    factor = high / low
    span = max(math.log10(factor) if math.isfinite(factor) else math.log10(high) - math.log10(low), 0.02)
    pad = 10 ** min(max(0.04 * span, 0.02), WIDEST_PAD)
    low, high = low / pad, high * pad
    axis = ax.xaxis if which == "x" else ax.yaxis
    # Else matplotlib first widens the axis to what was drawn, by shares of decades that may be no floats.
    (ax.set_autoscalex_on if which == "x" else ax.set_autoscaley_on)(False)
    (ax.set_xscale if which == "x" else ax.set_yscale)("log", nonpositive="clip")
    (ax.set_xlim if which == "x" else ax.set_ylim)(low, high)
    decades = math.floor(math.log10(high)) - math.ceil(math.log10(low)) + 1
    if high / low < 3:  # noqa: PLR2004 - too narrow for 1, 2, 5
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    elif decades > MOST_DECADES:  # matplotlib's locator looks beyond the axis, where a power is no float
        axis.set_major_locator(FixedLocator(_decades(low, high)))
    else:
        subs: tuple[float, ...] = (1.0,)
        if high / low < 10:  # noqa: PLR2004 - within a decade
            subs = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
        elif decades < 3:  # noqa: PLR2004 - too few to label alone
            subs = (1.0, 2.0, 5.0)
        axis.set_major_locator(LogLocator(base=10, subs=subs, numticks=7 if decades >= 3 else 12))  # noqa: PLR2004
    axis.set_major_formatter(FuncFormatter(tick_label))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten between two numbers, at even distances and at most seven."""
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    step = next(s for s in (5, 10, 20, 50, 100, 200) if last - first <= 6 * s)
    return [10.0**power for power in range(-(-first // step) * step, last + 1, step)]
