"""Who a cell is: eight hexadecimal digits over all that decides its numbers.

Two ingredients. The resolved values (workload, optimizer, schedule, lr, seed, device, threads, data hash)
are hashed as canonical JSON. The code that trains is hashed by its syntax trees, with comments, docstrings,
annotations and layout left out: the training loop, the factories' own modules and whatever they import from
this package or from the study file's folder. Installed third-party packages are not hashed: their versions
stand in every trace.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from optbench.plugins import lies_in, module_file
from optbench.source import read_source, remember

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from pathlib import Path

    from optbench.source import Source

PACKAGE = "optbench"
TRAINING = "optbench.train"
TRAINING_TOGETHER = "optbench.batched.train"
NUMBERLESS = frozenset(
    {
        "optbench",
        "optbench.catalogue",
        "optbench.catalogue.datasets",
        "optbench.errors",
        "optbench.files",
        "optbench.kernels",
        "optbench.optimizers.calling",
        "optbench.orphans",
        "optbench.plugins",
        "optbench.provenance",
        "optbench.status",
        "optbench.trace",
    }
)
"""Modules that training imports and that decide no number of it (a data set's hash is one of the values)."""


def digest(values: object) -> str:
    """Eight hexadecimal digits of the sha256 of `values` as canonical JSON."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def code_digest(modules: Iterable[str], folder: Path, *, but: Container[str] = NUMBERLESS) -> str:
    """sha256 over the syntax trees of `modules` and of what they import from this package or `folder`.

    Args:
        modules: dotted names: the training loop and the modules that hold the factories, or a later stage.
        folder: the study file's folder, where plug-ins lie.
        but: modules that are left out, with what only they import.

    Raises:
        UserError: one of the files does not parse.
    """
    sha = hashlib.sha256()
    for name, module in sorted(_closure(modules, folder, but).items()):
        sha.update(f"{name}\0{module.sha256}\0".encode())
    remember()
    return sha.hexdigest()


def _closure(modules: Iterable[str], folder: Path, but: Container[str]) -> dict[str, Source]:
    """The modules reached from `modules` that belong to this package or lie in `folder`."""
    found: dict[str, Source] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found or name in but or not _may_be_ours(name, folder):
            continue
        file = module_file(name, folder)
        if file is None or not (name.split(".")[0] == PACKAGE or lies_in(folder, name, file)):
            continue
        found[name] = read_source(file)
        above = name.rpartition(".")[0]
        waiting.extend([above] if above else [])  # importing a module runs its packages first
        waiting.extend(found[name].imported(name if file.name == "__init__.py" else above))
    return found


def _may_be_ours(name: str, folder: Path) -> bool:
    """Whether a search is worth it: most modules that are imported belong to others and lie elsewhere."""
    top = name.partition(".")[0]
    return top == PACKAGE or (folder / f"{top}.py").is_file() or (folder / top).is_dir()
