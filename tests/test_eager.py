"""PyTorch's compiler stays out of processes that train, and is there for whoever asks for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

ASLEEP = """
import inspect, sys
import torch
from optbench.eager import ERROR, leave_compiler_asleep, set_deterministic

leave_compiler_asleep()
leave_compiler_asleep()

def trained(cls):
    torch.manual_seed(0)
    model = torch.nn.Linear(8, 3)
    x, y = torch.randn(16, 8), torch.randint(3, (16,))
    optimizer = cls(model.parameters(), lr=0.1)
    for _ in range(20):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model.weight.detach().clone()

kinds = (torch.optim.SGD, torch.optim.Adam, torch.optim.NAdam)
set_deterministic(ERROR)
assert torch.are_deterministic_algorithms_enabled()
assert not torch.is_deterministic_algorithms_warn_only_enabled()
before = list(map(trained, kinds))
inspect.stack()
assert not {"sympy", "torch._dynamo.config"} & set(sys.modules), "it woke up"
"""

AWAKE = """
assert torch._dynamo is sys.modules["torch._dynamo"]
assert hasattr(torch._dynamo, "optimize")
told = hasattr(torch._inductor.config, "deterministic")  # torch 2.9 has no such thing
assert torch._inductor.config.deterministic if told else True
set_deterministic(0)
assert not torch.are_deterministic_algorithms_enabled()
assert not torch._inductor.config.deterministic if told else True
assert all(map(torch.equal, before, map(trained, kinds)))
"""

WAYS = {
    "a module of it": """
import torch._dynamo.config
config = sys.modules["torch._dynamo.config"]
assert config is torch._dynamo.config
assert config.__spec__.origin == config.__file__
from torch._dynamo import utils
assert utils.counters is torch._dynamo.utils.counters
""",
    "a compiled step": """
parameter = torch.nn.Parameter(torch.zeros(2))
optimizer = torch.optim.SGD([parameter], lr=0.5)
optimizer.zero_grad()

compiled = []

def backend(graph, inputs):
    compiled.append(graph)
    return graph.forward

@torch.compile(backend=backend)
def step():
    optimizer.zero_grad()
    (parameter * torch.tensor([1.0, 2.0])).sum().backward()
    optimizer.step()

step()
assert torch.equal(parameter.detach(), torch.tensor([-0.5, -1.0]))
assert compiled
""",
}


@pytest.mark.parametrize("way", WAYS)
def test_the_compiler_sleeps_until_it_is_asked_for_and_no_number_changes(way: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASLEEP + WAYS[way] + AWAKE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
