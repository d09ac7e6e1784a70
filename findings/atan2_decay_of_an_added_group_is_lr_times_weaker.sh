#!/usr/bin/env bash
# adam-atan2-pytorch 0.4.1 with torch 2.15.0, seen 2026-11-30.
#
# AdamAtan2(..., weight_decay=0.1, decoupled_wd=True): the decay is independent of the learning rate, 10% a
# step. One expects a group that is added later (layers that are unfrozen) with the same settings to decay
# the same. Instead the constructor divides the groups' decay by lr once, because each step multiplies by lr
# again; add_param_group does not divide, so the added group decays lr times as much: 0.01% a step at lr
# 1e-3, a thousandth. param_groups shows 100.0 for the first and 0.1 for the second, and so does a log of
# it. As the division is done once, a schedule of the rate scales the decay as well, though it is called
# independent of it.
# Why it matters: in a comparison of weight decays of fine-tuned layers one value means two things; a reader
# of logged hyper-parameters finds 100.0 where 0.1 was asked for.
#
# Output seen (weights 1, gradient 0, lr 1e-3, one step):
#   constructor's group: weight_decay 100.0, decays by 0.1
#   added group:         weight_decay 0.1, decays by 0.0001
#   constructor's group after lr was set to 1e-4: decays by 0.01
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" adam-atan2-pytorch==0.4.1 torch==2.15.0 numpy==2.4.6

"$python" - <<'EOF'
import torch
from adam_atan2_pytorch import AdamAtan2

def weight():
    parameter = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
    parameter.grad = torch.zeros_like(parameter)
    return parameter

first, added, scheduled = weight(), weight(), weight()
optimizer = AdamAtan2([first], lr=1e-3, weight_decay=0.1, decoupled_wd=True)
optimizer.add_param_group({"params": [added], "lr": 1e-3})
optimizer.step()
later = AdamAtan2([scheduled], lr=1e-3, weight_decay=0.1, decoupled_wd=True)
later.param_groups[0]["lr"] = 1e-4
later.step()

decays = [1 - parameter[0].item() for parameter in (first, added, scheduled)]
stated = [group["weight_decay"] for group in optimizer.param_groups]
print(f"constructor's group: weight_decay {stated[0]}, decays by {decays[0]:.3g}")
print(f"added group:         weight_decay {stated[1]}, decays by {decays[1]:.3g}")
print(f"constructor's group after lr was set to 1e-4: decays by {decays[2]:.3g}")
assert abs(decays[0] - 0.1) < 1e-9 and abs(decays[1] - 1e-4) < 1e-9 and abs(decays[2] - 0.01) < 1e-9
assert abs(stated[0] - 100) < 1e-9 and stated[1] == 0.1
EOF
