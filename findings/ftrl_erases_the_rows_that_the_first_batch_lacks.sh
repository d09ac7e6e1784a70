#!/usr/bin/env bash
# pytorch_optimizer 4.1.0 (torch 2.15.0), seen 2026-12-01.
#
# FTRL, the optimizer of click models, with its default arguments, lambda_1 = lambda_2 = 0. One expects a weight whose
# gradient is 0 to stay where it is, as it does under SGD and Adam without weight decay. FTRL does not add a step to a
# weight but computes it anew from sums of its gradients, and the value at the start comes into these only by way of
# the first gradient that is not 0: until then the weight is set to exactly 0. So the first step erases each row of an embedding that the
# first batch does not contain, and the weights into each ReLU unit that no example of the batch switches on.
# Why it matters: a seed no longer decides where these weights start; a unit whose weights are 0 stays dead; and what
# was pretrained is gone after one step of fine-tuning.
#
# Output seen (an embedding of 1,000 rows, a batch with 10 of them; rows that are all 0 after one step):
#   SGD 0, Adam 0, FTRL 990
#   norm of the 990 rows before: 62.55, after: 0.00
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
from pytorch_optimizer import FTRL


def one_step(build):
    torch.manual_seed(0)
    table = torch.nn.Embedding(1000, 4)
    before = table.weight.detach().clone()
    optimizer = build(table.parameters())
    table(torch.arange(10)).pow(2).sum().backward()
    optimizer.step()
    return before, table.weight.detach()


zero = {}
for name, build in (
    ("SGD", lambda params: torch.optim.SGD(params, lr=0.1)),
    ("Adam", lambda params: torch.optim.Adam(params, lr=0.1)),
    ("FTRL", lambda params: FTRL(params)),
):
    before, after = one_step(build)
    zero[name] = int((after == 0).all(dim=1).sum())
print(", ".join(f"{name} {rows}" for name, rows in zero.items()))
print(f"norm of the 990 rows before: {before[10:].norm():.2f}, after: {after[10:].norm():.2f}")
assert zero == {"SGD": 0, "Adam": 0, "FTRL": 990}
PYTHON
