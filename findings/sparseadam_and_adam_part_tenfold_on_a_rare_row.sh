#!/usr/bin/env bash
# torch 2.15.0, seen 2026-11-30.
#
# An embedding whose row gets its first gradient at step 10,001, as rare words do. One expects a step of lr,
# since the bias correction is there to make a first step lr * sign(gradient), and SparseAdam to be Adam but
# for the rows that are absent. Instead both take 3.16 lr: the correction counts the table's steps, not the
# row's, and leaves (1 - beta1) / sqrt(1 - beta2) of moments that have just begun. Then they part: Adam
# coasts on while the row is absent and has moved it 31.8 lr a hundred steps later, SparseAdam leaves it at
# 3.16 lr; a tenfold difference per visit at one learning rate.
# Why it matters: a comparison of the two on long-tailed data compares two learning rates for the rare rows;
# a rate that suits both on frequent rows does not suit both on rare ones.
#
# Output seen (gradient 1 once, betas 0.9 and 0.999, distances in lr):
#   SparseAdam, first seen at step     1: first step 1.000, 100 steps later 1.000
#   SparseAdam, first seen at step 10001: first step 3.162, 100 steps later 3.162
#   Adam,       first seen at step     1: first step 1.000, 100 steps later 6.005
#   Adam,       first seen at step 10001: first step 3.162, 100 steps later 31.764
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

lr, beta1, beta2 = 1e-3, 0.9, 0.999
one = torch.ones(1, 1, dtype=torch.float64)

def distances(name, before):
    table = torch.nn.Parameter(torch.zeros(2, 1, dtype=torch.float64))
    optimizer = getattr(torch.optim, name)([table], lr=lr, betas=(beta1, beta2))
    for step in range(before + 101):
        row = 1 if step == before else 0
        gradient = torch.sparse_coo_tensor([[row]], one, (2, 1), check_invariants=True)
        table.grad = gradient if name == "SparseAdam" else gradient.to_dense()
        optimizer.step()
        if step == before:
            first = -table[1].item() / lr
    return first, -table[1].item() / lr

found = {}
for name in ("SparseAdam", "Adam"):
    for before in (0, 10_000):
        first, later = found[name, before] = distances(name, before)
        print(f"{name + ',':11} first seen at step {before + 1:5}: first step {first:.3f}, 100 steps later {later:.3f}")
    assert abs(found[name, 0][0] - 1) < 1e-3
    assert abs(found[name, 10_000][0] - (1 - beta1) / (1 - beta2) ** 0.5) < 1e-3

sparse, dense = found["SparseAdam", 10_000], found["Adam", 10_000]
assert sparse[1] == sparse[0]
assert 9 < dense[1] / sparse[1] < 12
EOF
