#!/usr/bin/env bash
# lifelines 0.30.0 and statsmodels 0.15.0, seen 2026-11-30.
#
# Steps to a target, every run arrives, so nothing is censored: one expects the Kaplan-Meier median to be
# the median, or at least one fixed rule for an even number of runs (the lower of the two middle runs, the
# upper one, or their mean). Instead the estimate hangs on the last bit of a product: the survival curve
# passes through exactly 1/2 at the lower middle run, and the computed value there is 0.5 or one unit in the
# last place off. With 4 runs lifelines takes the lower middle run, with 6 and 8 the upper one, with 10 the
# lower, with 14 the upper; statsmodels takes its own turns (upper for 10, lower for 12).
# Why it matters: 6 runs that reach the target in 10, 20, ..., 60 steps have "median 40" and 10 runs in 10
# to 100 steps "median 50": a median time to target over 6 seeds is biased by one run against one over 10
# seeds, and between two libraries.
#
# Output seen, runs 10, 20, ..., 10 n:
#   n=4 numpy 25 lifelines 20 statsmodels 30       n=10 numpy 55 lifelines 50 statsmodels 60
#   n=6 numpy 35 lifelines 40 statsmodels 40       n=12 numpy 65 lifelines 60 statsmodels 60
#   n=8 numpy 45 lifelines 50 statsmodels 50       n=14 numpy 75 lifelines 80 statsmodels 80
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" lifelines==0.30.0 statsmodels==0.15.0 numpy==2.4.6

"$python" - <<'EOF'
import numpy as np
from lifelines import KaplanMeierFitter
from statsmodels.duration.survfunc import SurvfuncRight

seen = {}
for n in range(4, 16, 2):
    steps = 10.0 * np.arange(1, n + 1)
    arrived = np.ones(n)
    lifelines_median = KaplanMeierFitter().fit(steps, arrived).median_survival_time_
    statsmodels_median = SurvfuncRight(steps, arrived).quantile(0.5)
    seen[n] = (float(lifelines_median), float(statsmodels_median))
    print(f"n={n} numpy {np.median(steps):g} lifelines {seen[n][0]:g} statsmodels {seen[n][1]:g}")

assert seen == {4: (20, 30), 6: (40, 40), 8: (50, 50), 10: (50, 60), 12: (60, 60), 14: (80, 80)}, seen
EOF
