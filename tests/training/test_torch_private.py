"""What is asked of torch beyond its documents: the same numbers with it and without it.

`make torch` runs these with the oldest torch that is allowed and with the newest.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from optbench.training import torch_private
from optbench.training.probes.rows import Rows
from optbench.training.torch_private import copier, copy_each, is_batch_norm, is_dropout

DEFERRED = """
import inspect, sys
import torch
from optbench.training.torch_private import DETERMINISTIC_ERROR, defer_compiler, set_deterministic

defer_compiler()
defer_compiler()

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
set_deterministic(DETERMINISTIC_ERROR)
assert torch.are_deterministic_algorithms_enabled()
assert not torch.is_deterministic_algorithms_warn_only_enabled()
before = list(map(trained, kinds))
inspect.stack()
assert not {"sympy", "torch._dynamo.config"} & set(sys.modules), "it was imported"
"""

THERE = """
assert torch._dynamo is sys.modules["torch._dynamo"]
assert hasattr(torch._dynamo, "optimize")
knows = hasattr(torch._inductor.config, "deterministic")  # torch 2.9 has no such thing
assert torch._inductor.config.deterministic if knows else True
set_deterministic(0)
assert not torch.are_deterministic_algorithms_enabled()
assert not torch._inductor.config.deterministic if knows else True
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
def test_the_compiler_waits_until_it_is_asked_for_and_no_number_changes(way: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DEFERRED + WAYS[way] + THERE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


MISSING = """
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "torch._dynamo" else found(name, *rest)
"""

DIGITS = """
import sys
import torch
from optbench.training.torch_private import DETERMINISTIC_ERROR, defer_compiler, set_deterministic

defer_compiler()
set_deterministic(DETERMINISTIC_ERROR)
assert torch.are_deterministic_algorithms_enabled()
assert not torch.is_deterministic_algorithms_warn_only_enabled()
torch.manual_seed(0)
model = torch.nn.Linear(8, 3)
x, y = torch.randn(16, 8), torch.randint(3, (16,))
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
for _ in range(20):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
print("sympy" in sys.modules, *(float(number).hex() for number in model.weight.flatten()))
"""


def test_where_the_compiler_cannot_wait_torch_imports_it_and_the_numbers_are_the_same() -> None:
    """`sympy` comes with the real one alone."""
    waiting, plain = (
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout.split()
        for script in (DIGITS, MISSING + DIGITS)
    )
    assert (waiting[0], plain[0]) == ("False", "True")
    assert len(plain) == 25
    assert waiting[1:] == plain[1:]


def refused(_targets: object, _sources: object) -> None:
    raise RuntimeError("not here")


def forgetful(targets: list[Tensor], _sources: object) -> None:
    targets[0].fill_(1.0)


@pytest.mark.parametrize("there", [None, refused, forgetful], ids=["missing", "refuses", "differs"])
def test_rows_are_the_same_when_tensors_are_copied_one_by_one(
    there: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gradient is missing in some steps, one is sparse: what is refused on the fast way is on this one."""

    def products() -> tuple[Tensor, Tensor]:
        draw = torch.Generator().manual_seed(3)
        parameters = [nn.Parameter(torch.randn(size, generator=draw)) for size in (5, 7)]
        rows = Rows(parameters, slopes=True)
        with torch.no_grad():
            rows.start()
            for step in range(9):
                first, second = parameters
                first.grad = None if step == 4 else torch.randn(5, generator=draw)
                dense = torch.randn(7, generator=draw)
                second.grad = dense.to_sparse() if step == 6 else dense
                rows.gradient()
                for parameter in parameters:
                    parameter.add_(torch.randn(parameter.shape, generator=draw), alpha=0.1)
                rows.step()
        return rows.finish()

    together = products()
    if there is None:
        monkeypatch.delattr(torch, "_foreach_copy_")
    else:
        monkeypatch.setattr(torch, "_foreach_copy_", there)
    assert copier() is copy_each
    plain = products()
    assert plain[0].shape == (6, 9)
    assert all(map(torch.equal, together, plain))


def test_the_fast_copy_is_taken_where_torch_has_it() -> None:
    assert copier() is torch._foreach_copy_


NORMS = [nn.BatchNorm1d(2), nn.BatchNorm2d(2), nn.BatchNorm3d(2), nn.LazyBatchNorm1d(), nn.SyncBatchNorm(2)]
DROPOUTS = [
    nn.Dropout(),
    nn.Dropout1d(),
    nn.Dropout2d(),
    nn.Dropout3d(),
    nn.AlphaDropout(),
    nn.FeatureAlphaDropout(),
]
OTHERS = [nn.LayerNorm(2), nn.InstanceNorm1d(2, affine=True), nn.GroupNorm(1, 2), nn.Linear(2, 2), nn.ReLU()]


@pytest.mark.parametrize("private", [True, False], ids=["parent", "by name"])
def test_layers_are_known_by_their_parent_or_by_name(
    *, private: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not private:
        monkeypatch.delattr(nn.modules.batchnorm, "_BatchNorm")
        monkeypatch.delattr(nn.modules.dropout, "_DropoutNd")
    layers = NORMS + DROPOUTS + OTHERS
    assert [layer for layer in layers if is_batch_norm(layer)] == NORMS
    assert [layer for layer in layers if is_dropout(layer)] == DROPOUTS


def test_every_such_layer_of_this_torch_is_known_by_name() -> None:
    """A layer that a new torch adds has its row: else the two ways would differ."""
    for parent, names in (
        (nn.modules.batchnorm._BatchNorm, torch_private.BATCH_NORMS),
        (nn.modules.dropout._DropoutNd, torch_private.DROPOUTS),
    ):
        public = {kind for name, kind in vars(nn).items() if isinstance(kind, type) and name[0] != "_"}
        assert {kind for kind in public if issubclass(kind, parent)} == set(names)


def private_names(tree: ast.AST) -> list[str]:
    """What a module names of torch with a leading underscore, by import or by attribute."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "torch":
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names if alias.name.split(".")[0] == "torch"]
        elif isinstance(node, ast.Attribute):
            names += [ast.unparse(node)]
    inside = re.compile(r"^torch\.([\w.]*\.)?_[^_]|\._foreach_|^[\w.]*optimizer\._[^_]")
    return [name for name in names if inside.search(name)]


def test_one_module_names_private_members_of_torch() -> None:
    """The rest asks torch for what torch documents."""
    root = Path(torch_private.__file__).resolve().parent
    while (root.parent / "__init__.py").exists():
        root = root.parent
    found = {
        file.name: names
        for file in sorted(root.rglob("*.py"))
        if (names := private_names(ast.parse(file.read_text(encoding="utf-8"))))
    }
    assert list(found) == [Path(torch_private.__file__).name]
    planted = (
        "from torch.nn.modules.dropout import _DropoutNd\ntorch._dynamo.reset()\noptimizer._x = 1\nself._y"
    )
    assert len(private_names(ast.parse(planted))) == 4  # `torch._dynamo.reset` holds `torch._dynamo`
