#!/usr/bin/env bash
# pytorch_optimizer 4.1.0 (torch 2.15.0), seen 2026-12-01.
#
# BSAM, sharpness-aware minimisation: step() adds noise to the weights, adds rho * gradient / s to them, and takes its
# gradients at the shifted points. One expects the weights back before the update, as SAM of the same package puts
# them back. Instead neither shift is taken off again: each step leaves the model a random and an uphill step further,
# of a size that lr does not scale. What lr does scale takes the gradient times weight_decay, 1e-4 by default, so that
# with the default arguments the uphill step is the larger one, and the loss of a plain quadratic grows.
# Why it matters: a comparison reports that bSAM does not train; and no schedule brings the weights to rest.
#
# Output seen (f(x) = |x|^2 / 2 in 4 dimensions, from 1, where it is 2; 200 steps):
#   SAM,  lr 0.1:            0.0000
#   BSAM, default arguments: 208.0958
#   BSAM, lr 0:              208.2600
#   moved by one step at lr 0, away from the minimum: 0.0516 0.0497 0.0477 0.0506
#   the same with rho=0: 0.0015 -0.0003 -0.0022 0.0006
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" torch==2.15.0 numpy==2.4.6 pytorch-optimizer==4.1.0

"$python" - <<'PYTHON'
import torch
from pytorch_optimizer import BSAM, SAM


def run(build, steps):
    torch.manual_seed(0)
    x = torch.nn.Parameter(torch.ones(4, dtype=torch.float64))
    optimizer = build([x])

    def closure():
        optimizer.zero_grad()
        loss = 0.5 * (x**2).sum()
        loss.backward()
        return loss

    for _ in range(steps):
        closure()
        optimizer.step(closure)
    return x.detach()


def loss(x):
    return 0.5 * (x**2).sum().item()


sam = loss(run(lambda params: SAM(params, torch.optim.SGD, lr=0.1), 200))
default = loss(run(lambda params: BSAM(params, num_data=1000), 200))
still = loss(run(lambda params: BSAM(params, num_data=1000, lr=0.0), 200))
print(f"SAM,  lr 0.1:            {sam:.4f}")
print(f"BSAM, default arguments: {default:.4f}")
print(f"BSAM, lr 0:              {still:.4f}")
moved = [run(lambda params: BSAM(params, num_data=1000, lr=0.0, rho=rho), 1) - 1 for rho in (0.05, 0.0)]
texts = [" ".join(f"{value:.4f}" for value in values.tolist()) for values in moved]
print(f"moved by one step at lr 0, away from the minimum: {texts[0]}")
print(f"the same with rho=0: {texts[1]}")
assert sam < 0.01
assert default > 20 and still > 20
assert (moved[0] > 0.04).all() and (moved[1] != 0).all()
PYTHON
