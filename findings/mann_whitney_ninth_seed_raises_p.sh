#!/usr/bin/env bash
# scipy 1.17.1, seen 2026-11-30.
#
# Every loss of one optimizer lies below every loss of the other. One expects that a further seed of the
# same kind can only make the evidence stronger. Instead scipy.stats.mannwhitneyu(x, y) gives 1.6e-4 for 8
# seeds each and 4.1e-4 for 9 seeds each: up to 8 values (and without ties) it counts all arrangements,
# above it changes to a normal approximation without a word. The exact p for 9 seeds is 4.1e-5, ten times
# smaller than what is returned, and the printed result does not say which one it is.
# Why it matters: with many comparisons in a Holm table the ninth seed turns a clear verdict into none. Ask
# for method="exact" (no ties) or a permutation test.
# Source: the page of scipy.stats.mannwhitneyu, argument `method`.
#
# Output seen:
#   n=7 p=0.000583 exact 0.000583
#   n=8 p=0.000155 exact 0.000155
#   n=9 p=0.000412 exact 4.11e-05
#   n=10 p=0.000183 exact 1.08e-05
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" scipy==1.17.1 numpy==2.4.6

"$python" - <<'EOF'
import math
import numpy as np
from scipy.stats import mannwhitneyu

p = {}
for n in (7, 8, 9, 10):
    better = np.arange(n) / 100 + 0.30
    worse = np.arange(n) / 100 + 0.70
    p[n] = mannwhitneyu(better, worse).pvalue
    exact = mannwhitneyu(better, worse, method="exact").pvalue
    assert math.isclose(exact, 2 / math.comb(2 * n, n))
    print(f"n={n} p={p[n]:.3g} exact {exact:.3g}")

assert p[8] == 2 / math.comb(16, 8)
assert p[9] > 2.5 * p[8], "a ninth seed no longer raises p"
assert p[9] > 9 * 2 / math.comb(18, 9)
EOF
