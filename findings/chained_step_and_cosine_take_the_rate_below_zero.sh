#!/usr/bin/env bash
# torch 2.15.0, seen 2026-12-01.
#
# ChainedScheduler([StepLR(5, 0.1), CosineAnnealingLR(T_max=20, eta_min=0.1)]): two schedules at once. One expects the
# product of the two, a rate that falls from start to end, or at least one that stays above eta_min. CosineAnnealingLR
# moves the rate that it finds by a factor of its distance to eta_min. Once the other schedule has taken the rate below
# eta_min the distance is negative, and the cosine pulls the rate up to eta_min: it rises while both schedules fall,
# between two steps, and at T_max it is eta_min whatever StepLR has done. In a run that goes on after T_max the signs
# turn and the rate is negative: training climbs. With eta_min=0, the default, it is the product.
# Why it matters: somebody who adds a floor to a schedule that works gets rates that neither part has, and no error.
#
# Output seen (rate 1 at the start, every fifth step):
#   eta_min 0:   1.0000 0.0854 0.0050 0.0001 0.0000
#   eta_min 0.1: 1.0000 0.0919 0.0217 0.0338 0.1000
#   least rate up to step 20: 0.0217; steps at which it rises: 13; least rate up to step 40: -0.2596
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
from torch.optim.lr_scheduler import ChainedScheduler, CosineAnnealingLR, StepLR


def rates(eta_min, steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = ChainedScheduler([StepLR(optimizer, 5, 0.1), CosineAnnealingLR(optimizer, 20, eta_min)])
    found = [optimizer.param_groups[0]["lr"]]
    for _ in range(steps):
        optimizer.step()
        schedule.step()
        found.append(optimizer.param_groups[0]["lr"])
    return found


for eta_min in (0, 0.1):
    print(f"eta_min {eta_min}: " + " ".join(f"{rate:.4f}" for rate in rates(eta_min, 20)[::5]))
plain, floored, longer = rates(0, 20), rates(0.1, 20), rates(0.1, 40)
risen = sum(after > before for before, after in zip(floored, floored[1:]))
print(f"least rate up to step 20: {min(floored):.4f}; steps at which it rises: {risen}; "
      f"least rate up to step 40: {min(longer):.4f}")
assert all(after <= before for before, after in zip(plain, plain[1:]))
assert min(floored) < 0.03 and risen > 5 and abs(floored[-1] - 0.1) < 1e-6
assert min(longer) < -0.2
PYTHON
