"""An axis drawn from one tick is matplotlib's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lab.figures import STYLES, curve, seen
from optbench.figures import draw_convergence, draw_heat, draw_ratios
from optbench.report.figures.axes import panel
from optbench.report.figures.backend.axis import SingleTickAxis
from optbench.report.figures.backend.style import drawing


@pytest.mark.parametrize("minor", [False, True])
def test_a_ruler_draws_what_matplotlibs_axis_draws(minor):
    rows = pd.DataFrame({"optimizer": ["sgd", "adam"], "estimate": [0.1, 2.0], "low": 0.1, "high": 3.0})
    heat = rows.assign(workload="w", is_reference=False)
    dollars = {"sgd": "$x$ costs $", "adam": r"a\$b"}
    draws = (
        lambda ax: draw_convergence(curve("sgd", [2.0, 1.0, 0.5]), ax, STYLES, title="t"),
        lambda ax: draw_ratios(rows, ax, STYLES, labels=dollars),
        lambda ax: draw_heat(heat, ax, STYLES, rows=["sgd", "adam"], columns=["w"], labels=dollars),
        lambda ax: ax.plot([0, 1], [1e9, 1e9 + 1]),  # an offset beside the axis
    )
    for draw in draws:
        with drawing():
            figure, axes = panel(left=120)
            draw(axes)
            if minor:
                axes.minorticks_on()
            ruled = seen(figure)
            for ruler in list(axes.artists):
                if isinstance(ruler, SingleTickAxis):
                    ruler.remove()
            bare = seen(figure)
            axes.xaxis.set_visible(True)
            axes.yaxis.set_visible(True)
            np.testing.assert_array_equal(ruled, seen(figure))
        assert (ruled != bare).any()
