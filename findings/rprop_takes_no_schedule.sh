#!/usr/bin/env bash
# torch 2.15.0, seen 2026-12-01.
#
# torch.optim.Rprop under a learning-rate schedule. One expects what a schedule does to every other optimizer of
# torch.optim: the group's lr scales the update, and at lr 0 nothing moves. Rprop reads lr once, at a parameter's
# first step, as the start of that parameter's own step sizes; from then on these grow and shrink by the signs of
# the gradients (etas) within step_sizes, and lr is not read again. A run whose schedule ends at 0 after its
# first step is therefore the constant run bit for bit, and a warm-up from 0 is a run that starts at the smallest
# step size, 1e-6, for good, whatever lr rises to.
# Why it matters: a comparison of schedules finds none to matter for Rprop, and a search over learning rates is
# a search over its first step; the logged lr says otherwise.
#
# Output seen (f(x) = x^2 from 1, 20 steps):
#   constant lr 0.01:                     0.0331366
#   lr 0.01, then 0 from the second step: 0.0331366, the same bits: True
#   moved by a step at lr 0:              yes
#   warm-up, lr 0 and then 0.01:          0.9998133
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" torch==2.15.0 numpy==2.4.6

"$python" - <<'PYTHON'
import torch


def run(rates):
    x = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = torch.optim.Rprop([x], lr=rates[0])
    seen = []
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        (x**2).sum().backward()
        optimizer.step()
        seen.append(x.item())
    return seen


constant = run([0.01] * 20)
ended = run([0.01] + [0.0] * 19)
warmed_up = run([0.0] + [0.01] * 19)
print(f"constant lr 0.01:                     {constant[-1]:.7f}")
print(f"lr 0.01, then 0 from the second step: {ended[-1]:.7f}, the same bits: {ended == constant}")
print(f"moved by a step at lr 0:              {'yes' if ended[1] != ended[0] else 'no'}")
print(f"warm-up, lr 0 and then 0.01:          {warmed_up[-1]:.7f}")
assert ended == constant
assert ended[1] != ended[0]
# the smallest step size, times 1.2 a step while the sign stays: 1e-6 (1.2^20 - 1) / 0.2 at most
assert 1 - warmed_up[-1] <= 1e-6 * (1.2**20 - 1) / 0.2 + 1e-12 < 1e-3
PYTHON
