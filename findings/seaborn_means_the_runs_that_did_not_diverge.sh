#!/usr/bin/env bash
# seaborn 0.13.2 (matplotlib 3.11.2, pandas 3.1.1), seen 2026-12-01.
#
# seaborn.lineplot of losses over steps, several seeds, some of which diverge to inf. One expects what pandas says
# of the same table: the mean of values with an infinity is inf, and so is the median once most are. Instead each
# infinite value is taken for a missing one, without a warning, before the estimator sees it: the line goes on as
# the mean, or the median, of the seeds that did not diverge, and falls as the worse ones leave it. An estimator of
# one's own is not shown the infinities either.
# Why it matters: the more seeds diverge, the better the curve looks; a median over seeds, chosen because it bears
# infinite losses, is not one.
#
# Output seen (5 seeds; losses at the last step: 1.0, inf, inf, inf, inf):
#   mean   by step, pandas:  3.0 inf inf     seaborn draws: 3.0 2.5 1.0
#   median by step, pandas:  3.0 3.0 inf     seaborn draws: 3.0 2.5 1.0
#   number of values that an own estimator is given: 5 4 1
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" seaborn==0.13.2 matplotlib==3.11.2 pandas==3.1.1 numpy==2.4.6

MPLBACKEND=agg MPLCONFIGDIR="$tmp" "$python" - <<'PYTHON'
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

warnings.simplefilter("error")
table = pd.DataFrame(
    {
        "step": [0] * 5 + [1] * 5 + [2] * 5,
        "loss": [1.0, 2.0, 3.0, 4.0, 5.0] + [1.0, 2.0, 3.0, 4.0, np.inf] + [1.0] + [np.inf] * 4,
    }
)


def drawn(estimator):
    axes = plt.figure().gca()
    sns.lineplot(table, x="step", y="loss", estimator=estimator, errorbar=None, ax=axes)
    return axes.lines[0].get_ydata().tolist()


def text(values):
    return " ".join(f"{value:.1f}" for value in values)


told = {}
for name in ("mean", "median"):
    told[name] = table.groupby("step").loss.agg(name).tolist(), drawn(name)
    print(f"{name:6s} by step, pandas:  {text(told[name][0])}     seaborn draws: {text(told[name][1])}")
sizes = drawn(lambda values: float(len(values)))
print("number of values that an own estimator is given:", " ".join(f"{size:.0f}" for size in sizes))
assert told["mean"] == ([3.0, np.inf, np.inf], [3.0, 2.5, 1.0])
assert told["median"] == ([3.0, 3.0, np.inf], [3.0, 2.5, 1.0])
assert sizes == [5.0, 4.0, 1.0]
PYTHON
