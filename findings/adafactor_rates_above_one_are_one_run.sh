#!/usr/bin/env bash
# torch 2.15.0, seen 2026-12-01.
#
# torch.optim.Adafactor takes a learning rate, as any optimizer does, and one expects it to be the one that is used:
# another rate gives another run, and under no schedule it stays what it is. It uses min(lr, 1 / sqrt(t)) at step t.
# So all rates from 1 on are one run to the last bit; any two rates are the same from step 1 / lr^2 of the smaller one
# on, which is 10,000 for the default 0.01 and 100 for 0.1; and a run without a schedule decays like one with. What a
# scheduler reports stays the rate that was asked for.
# Why it matters: the upper end of a sweep over learning rates is flat, and looks like an optimizer that does not mind
# its rate; "constant" in a comparison of schedules is 1 / sqrt(t) in long runs; and a schedule from a higher peak
# changes nothing before it has come down to the cap.
#
# Output seen (8 x 8 weights, gradient = weights, no weight decay; largest difference to the run at lr 1):
#   lr 1: 0, lr 3: 0, lr 100: 0, lr 0.5: 1.2
#   relative change of the weights in step 10,000, from one state: lr 0.01: 0.0100, lr 0.1: 0.0100, lr 1: 0.0100
#   the same in step 40,000: lr 0.01: 0.0050, lr 0.1: 0.0050, lr 1: 0.0050
#   learning rate that a constant schedule reports by then: 0.01
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


def run(lr, steps=200):
    torch.manual_seed(0)
    w = torch.nn.Parameter(torch.randn(8, 8))
    optimizer = torch.optim.Adafactor([w], lr=lr, weight_decay=0.0)
    path = []
    for _ in range(steps):
        w.grad = w.detach().clone()
        optimizer.step()
        path.append(w.detach().clone())
    return torch.stack(path)


def change_at(step, lr):
    """Relative change of weights of 1 in one step under a gradient of 1, at a late step of an even run."""
    w = torch.nn.Parameter(torch.ones(8, 8))
    optimizer = torch.optim.Adafactor([w], lr=lr, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    w.grad = torch.ones(8, 8)
    optimizer.step()
    optimizer.state[w]["step"].fill_(step - 1)
    with torch.no_grad():
        w.fill_(1.0)
    optimizer.step()
    schedule.step()
    return (w.detach() - 1).abs().max().item(), schedule.get_last_lr()[0]


one = run(1.0)
apart = {lr: (run(lr) - one).abs().max().item() for lr in (1, 3, 100, 0.5)}
print(", ".join(f"lr {lr:g}: {value:.2g}" for lr, value in apart.items()))
assert apart[1] == apart[3] == apart[100] == 0 and apart[0.5] > 0.1
for step, expected in ((10_000, 0.01), (40_000, 0.005)):
    found = {lr: change_at(step, lr) for lr in (0.01, 0.1, 1.0)}
    print(f"step {step:,}: " + ", ".join(f"lr {lr:g}: {change:.4f}" for lr, (change, _) in found.items()))
    assert all(abs(change - expected) < 1e-4 for change, _ in found.values())
    assert [reported for _, reported in found.values()] == [0.01, 0.1, 1.0]
print(f"learning rate that a constant schedule reports by then: {change_at(40_000, 0.01)[1]:g}")
PYTHON
