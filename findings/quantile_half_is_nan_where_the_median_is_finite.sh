#!/usr/bin/env bash
# numpy 2.4.6 and pandas 3.1.1 (polars 2.1.0 for comparison), seen 2026-11-30.
#
# Steps to a target of 5 seeds; two never arrive and count as infinite. One expects the 50% quantile to be
# the median, 300. Instead np.quantile(x, 0.5) is NaN while np.median(x) is 300, in pandas s.quantile(0.5)
# and the 50% line of s.describe() are NaN while s.median() is 300: the interpolation multiplies the
# infinite gap to the next value by a weight of exactly zero. It depends on the number of seeds: with 4
# seeds, one of them infinite, the half falls between two finite values and is right. pandas says nothing
# where numpy's warnings are off, and a bar of a quartile that is NaN simply is not drawn.
# Why it matters: infinite is the honest code for "did not arrive"; medians and quartiles of it vanish for
# some numbers of seeds.
# Source: numpy issues 12282 and 21091 (open).
#
# Output seen:
#   5 seeds: np.median 300, np.quantile nan, pandas median 300, pandas quantile nan, describe nan, polars quantile 300
#   4 seeds: np.median 250, np.quantile 250, pandas median 250, pandas quantile 250, describe 250, polars quantile 250
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" numpy==2.4.6 pandas==3.1.1 polars==2.1.0

"$python" - <<'EOF'
import math
import numpy as np
import pandas as pd
import polars as pl

np.seterr(invalid="ignore")
for steps, half in (([100, 200, 300, np.inf, np.inf], 300), ([100, 200, 300, np.inf], 250)):
    s = pd.Series(steps)
    found = {
        "np.median": np.median(steps),
        "np.quantile": np.quantile(steps, 0.5),
        "pandas median": s.median(),
        "pandas quantile": s.quantile(0.5),
        "describe": s.describe()["50%"],
        "polars quantile": pl.Series([float(v) for v in steps]).quantile(0.5, interpolation="linear"),
    }
    print(f"{len(steps)} seeds: " + ", ".join(f"{k} {v:g}" for k, v in found.items()))
    for name in ("np.median", "pandas median", "polars quantile"):
        assert found[name] == half, name
    for name in ("np.quantile", "pandas quantile", "describe"):
        assert math.isnan(found[name]) if len(steps) == 5 else found[name] == half, name
EOF
