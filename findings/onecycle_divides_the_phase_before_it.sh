#!/usr/bin/env bash
# torch 2.15.0, seen 2026-11-30.
#
# SequentialLR([ConstantLR, OneCycleLR], milestones=[4]) on an optimizer with lr 0.1. One expects four steps
# at 0.1, then the cycle, as four steps at 0.1 come out with CosineAnnealingLR in second place. Instead the
# first four steps are made at 0.004: creating OneCycleLR overwrites the optimizer's `initial_lr` with
# max_lr / 25, and SequentialLR, when it starts, puts every group back to `initial_lr`. With OneCycleLR the
# order in which the two are created makes no difference; with CyclicLR it does: created first it sets the
# constant phase to its base_lr, created second it does not.
# Why it matters: what comes *later* in a schedule changes what went before; a warm-up or a constant phase
# ahead of a one-cycle is run at a twenty-fifth of the stated rate, and a comparison "with cosine or with
# one-cycle at the end" differs from the first step on.
#
# Output seen (learning rates of steps 1 to 7):
#   constant, then cosine, created second:   0.1 0.1 0.1 0.1 0.1 0.0962 0.0854
#   constant, then cosine, created first:    0.1 0.1 0.1 0.1 0.1 0.0962 0.0854
#   constant, then onecycle, created second: 0.004 0.004 0.004 0.004 0.004 0.0819 0.0972
#   constant, then onecycle, created first:  0.004 0.004 0.004 0.004 0.004 0.0819 0.0972
#   constant, then cyclic, created second:   0.1 0.1 0.1 0.1 0.01 0.055 0.1
#   constant, then cyclic, created first:    0.01 0.01 0.01 0.01 0.01 0.055 0.1
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
from torch.optim import lr_scheduler

def rates(second, second_first):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    if second_first:
        later = second(optimizer)
    constant = lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=0)
    if not second_first:
        later = second(optimizer)
    scheduler = lr_scheduler.SequentialLR(optimizer, [constant, later], milestones=[4])
    found = []
    for _ in range(7):
        found.append(round(optimizer.param_groups[0]["lr"], 4))
        optimizer.step()
        scheduler.step()
    return found

seconds = {
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 8),
    "onecycle": lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=8, cycle_momentum=False),
    "cyclic": lambda o: lr_scheduler.CyclicLR(o, base_lr=0.01, max_lr=0.1, step_size_up=2, cycle_momentum=False),
}
found = {}
for name, second in seconds.items():
    for created, second_first in (("second", False), ("first", True)):
        row = found[name, created] = rates(second, second_first)
        print(f"{f'constant, then {name}, created {created}:':40}", *row)

for created in ("second", "first"):
    assert found["cosine", created][:4] == [0.1] * 4
    assert found["onecycle", created][:4] == [0.004] * 4 and found["onecycle", created][6] > 0.09
assert found["cyclic", "second"][:4] == [0.1] * 4
assert found["cyclic", "first"][:4] == [0.01] * 4
EOF
