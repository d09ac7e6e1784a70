#!/usr/bin/env bash
# torch 2.15.0, seen 2026-12-01.
#
# A subclass of SGD whose step() does something of its own and then calls super().step(), and a hook of
# register_step_post_hook on one instance of it. One expects the hook to run once a step. It does, until somebody
# in the process makes a plain SGD, of whatever other model: from then on it runs twice a step. Making the first
# optimizer of a class replaces that class's step by a wrapper which runs the hooks; a subclass that overrides step
# gets a wrapper of its own, and the base class has one only once an instance of the base class has been made.
# Global hooks (register_optimizer_step_post_hook) and pre-hooks run twice as well.
# Why it matters: a hook that averages weights, shrinks them or counts steps does it twice over, or not, by
# what ran earlier in the process: two runs in one process differ from the same two in a process each.
#
# Output seen (a hook multiplies the weight by 0.9; gradient 0, 10 steps from 1):
#   before a plain SGD is made: hook ran 10 times, global hook 10 times, weight 0.348678
#   after:                      hook ran 20 times, global hook 20 times, weight 0.121577
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
from torch.optim.optimizer import register_optimizer_step_post_hook


class ClippedSGD(torch.optim.SGD):
    def step(self, closure=None):
        for group in self.param_groups:
            torch.nn.utils.clip_grad_norm_(group["params"], 1.0)
        return super().step(closure)


def run():
    x = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = ClippedSGD([x], lr=0.1)
    ran = {"own": 0, "global": 0}

    def shrink(optimizer, args, kwargs):
        ran["own"] += 1
        with torch.no_grad():
            x.mul_(0.9)

    def count(optimizer, args, kwargs):
        ran["global"] += 1

    optimizer.register_step_post_hook(shrink)
    handle = register_optimizer_step_post_hook(count)
    for _ in range(10):
        x.grad = torch.zeros_like(x)
        optimizer.step()
    handle.remove()
    return ran["own"], ran["global"], x.item()


before = run()
torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
after = run()
for when, (own, everywhere, weight) in (("before a plain SGD is made:", before), ("after:", after)):
    print(f"{when:27s} hook ran {own} times, global hook {everywhere} times, weight {weight:.6f}")
assert before[:2] == (10, 10) and abs(before[2] - 0.9**10) < 1e-12
assert after[:2] == (20, 20) and abs(after[2] - 0.9**20) < 1e-12
PYTHON
