#!/usr/bin/env bash
# torch 2.15.0, seen 2026-11-30.
#
# ReduceLROnPlateau on a loss that stands still: one expects the learning rate to fall after `patience`
# evaluations, whatever the loss's level. Instead it never falls if the loss is negative (log-likelihoods of
# densities, ELBOs, minus a score): in its relative mode an improvement is a value below best * (1 -
# threshold), and for a negative best that lies *above* best. A constant loss then counts as an improvement
# for ever, and one that slowly rises does too: `best` climbs along with it.
# Why it matters: the schedule silently is a constant one on such workloads, and the same task with a
# constant added to its loss gives another result. Use threshold_mode="abs". Source: torch issues 38622 and
# 47513 (open); optax's contrib.reduce_on_plateau has the same (its pull request 1767).
#
# Output seen (lr 1.0, factor 0.1, patience 3, 40 evaluations):
#   loss  1.0 throughout:            lr 1e-08, best 1
#   loss -1.0 throughout:            lr 1, best -1
#   loss rises from -1.0 to -0.998:  lr 1, best -0.998
#   loss -1.0, threshold_mode abs:   lr 1e-08, best -1
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" torch==2.15.0 numpy==2.4.6

"$python" - <<'EOF'
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

def after(losses, **settings):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.1, patience=3, **settings)
    for loss in losses:
        scheduler.step(loss)
    return optimizer.param_groups[0]["lr"], scheduler.best

rising = [-1.0 + 5e-5 * i for i in range(41)]
found = [after([1.0] * 40), after([-1.0] * 40), after(rising), after([-1.0] * 40, threshold_mode="abs")]
names = ["loss  1.0 throughout:", "loss -1.0 throughout:"]
names += ["loss rises from -1.0 to -0.998:", "loss -1.0, threshold_mode abs:"]
for name, (lr, best) in zip(names, found):
    print(f"{name:32} lr {lr:.3g}, best {best:.3g}")

assert found[0][0] < 1e-7 and found[3][0] < 1e-7
assert found[1][0] == 1.0
assert found[2] == (1.0, rising[-1])
EOF
