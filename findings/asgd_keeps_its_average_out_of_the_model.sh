#!/usr/bin/env bash
# torch 2.15.0, seen 2026-12-01.
#
# torch.optim.ASGD, "Averaged Stochastic Gradient Descent". One expects a trained model to hold the average of
# the iterates, from step t0 on. Instead the average is kept in the optimizer's state, as "ax", and nothing puts it
# into the parameters: neither step() nor a method to be called at the end. With lambd=0 the model is that of plain
# SGD bit for bit, whatever t0 is; with the default lambd it is SGD with a decay of the weights and of the rate.
# Why it matters: evaluated as every other optimizer is, by the model's own parameters, ASGD shows nothing of
# what it is named for, and a search over t0 searches over nothing.
#
# Output seen (a quadratic with noisy gradients, 2000 steps at lr 0.5, averaging from the first step):
#   mean square distance from the minimum: SGD 0.352586, ASGD 0.352586, its state's "ax" 0.000489
#   ASGD's parameters are SGD's bit for bit: t0=0 True, t0=1000 True, t0=1e6 True
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


def run(build):
    stream = torch.Generator().manual_seed(0)
    x = torch.nn.Parameter(torch.zeros(1000, dtype=torch.float64))
    optimizer = build([x])
    for _ in range(2000):
        optimizer.zero_grad()
        noise = torch.randn(1000, generator=stream, dtype=torch.float64)
        (0.5 * x**2 + noise * x).sum().backward()
        optimizer.step()
    return x.detach(), optimizer.state[x]


sgd, _ = run(lambda params: torch.optim.SGD(params, lr=0.5))
asgd = {t0: run(lambda params: torch.optim.ASGD(params, lr=0.5, lambd=0, t0=t0)) for t0 in (0, 1000, 1e6)}
model, state = asgd[0]
distance = [(values**2).mean().item() for values in (sgd, model, state["ax"])]
print(
    f"mean square distance from the minimum: SGD {distance[0]:.6f}, ASGD {distance[1]:.6f}, "
    f'its state\'s "ax" {distance[2]:.6f}'
)
same = {t0: torch.equal(values, sgd) for t0, (values, _) in asgd.items()}
print(f"ASGD's parameters are SGD's bit for bit: t0=0 {same[0]}, t0=1000 {same[1000]}, t0=1e6 {same[1e6]}")
assert all(same.values())
assert distance[2] < distance[1] / 100
PYTHON
