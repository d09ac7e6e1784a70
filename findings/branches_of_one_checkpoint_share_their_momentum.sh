#!/usr/bin/env bash
# torch 2.15.0, seen 2026-11-30.
#
# A run is branched in memory: model.state_dict() and optimizer.state_dict() of a trunk are loaded into new
# objects, to train on at two learning rates from one point. One expects load_state_dict to copy: the
# model's does. Instead the optimizer's takes the momentum tensors themselves (state of another type or
# device is converted, and so copied): trunk and branches update one and the same buffer in place. A branch
# that is trained second starts from the momentum that the first one left, and the trunk, if it goes on, has
# lost its own; the weights are apart, so nothing looks shared. Through a file, or copy.deepcopy, all is
# well.
# Why it matters: "same start, two rates" is the fairest comparison there is, and here its result depends on
# the order in which the branches are trained.
# Source: torch issue 196083 (open).
#
# Output seen (a quadratic, SGD with momentum 0.9; branch at lr 0.01, 20 steps from the trunk's 20th):
#   trained first:                     ends at 0.777771
#   trained after the branch lr 0.1:   ends at 0.865972
#   the same with deepcopy:            ends at 0.777771
#   momentum buffers are one tensor: True, weights are: False
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" torch==2.15.0 numpy==2.4.6

"$python" - <<'EOF'
import copy
import torch

def build(lr):
    model = torch.nn.Linear(1, 1, bias=False).double()
    return model, torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)

def train(model, optimizer):
    for _ in range(20):
        optimizer.zero_grad()
        (0.5 * (model.weight - 1) ** 2).sum().backward()
        optimizer.step()
    return model.weight.item()

def branch(trunk, lr, copied):
    model, optimizer = build(lr)
    model.load_state_dict(trunk[0].state_dict())
    state = trunk[1].state_dict()
    optimizer.load_state_dict(copy.deepcopy(state) if copied else state)
    optimizer.param_groups[0]["lr"] = lr
    return model, optimizer

def trunk():
    model, optimizer = build(0.02)
    torch.nn.init.constant_(model.weight, 4.0)
    train(model, optimizer)
    return model, optimizer

def slow_branch(fast_first, copied):
    start = trunk()
    fast, slow = branch(start, 0.1, copied), branch(start, 0.01, copied)
    if fast_first:
        train(*fast)
    return train(*slow)

alone, after, apart = slow_branch(False, False), slow_branch(True, False), slow_branch(True, True)
print(f"trained first:                     ends at {alone:.6f}")
print(f"trained after the branch lr 0.1:   ends at {after:.6f}")
print(f"the same with deepcopy:            ends at {apart:.6f}")

start = trunk()
model, optimizer = branch(start, 0.01, False)
buffers = [next(iter(o.state.values()))["momentum_buffer"].data_ptr() for o in (start[1], optimizer)]
weights = [m.weight.data_ptr() for m in (start[0], model)]
print(f"momentum buffers are one tensor: {buffers[0] == buffers[1]}, weights are: {weights[0] == weights[1]}")

assert buffers[0] == buffers[1] and weights[0] != weights[1]
assert alone == apart
assert abs(after - alone) > 0.05
EOF
