"""Who a cell is: eight hexadecimal digits over all that decides its numbers.

Two ingredients. The resolved values (workload, optimizer, schedule, lr, seed, device, threads, data hash)
are hashed as canonical JSON. The code that trains is hashed by its syntax trees, with comments, docstrings,
annotations and layout left out: the training loop, the factories' own modules and whatever they import from
this package or from the study file's folder. Installed third-party packages are not hashed: their versions stand
in every trace.
"""

from __future__ import annotations

import ast
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.plugins import module_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PACKAGE = "optbench"
TRAINING = "optbench.train"
NUMBERLESS = frozenset({"optbench.trace", "optbench.files", "optbench.provenance", "optbench.errors", "optbench.plugins",
        "optbench.optimizers.calling"})
"""Modules that training imports and that decide no number of it."""


def digest(values: object) -> str:
    """Eight hexadecimal digits of the sha256 of `values` as canonical JSON."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


@lru_cache(maxsize=None)
def code_digest(modules: tuple[str, ...], folder: Path) -> str:
    """sha256 over the syntax trees of `modules` and of what they import from this package or `folder`.

    Args:
        modules: dotted names: the training loop and the modules that hold the factories, or a later stage.
        folder: the study file's folder, where plug-ins lie.
    """
    sha = hashlib.sha256()
    for name, file in sorted(_closure(modules, folder).items()):
        sha.update(f"{name}\0{_tree_digest(file, file.stat().st_mtime_ns)}\0".encode())
    return sha.hexdigest()


def _closure(modules: Iterable[str], folder: Path) -> dict[str, Path]:
    """The modules reached from `modules` that belong to this package or lie in `folder`, with their files."""
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in found or module in NUMBERLESS:
            continue
        file = module_file(module, folder)
        if file is None or not (module.split(".")[0] == PACKAGE or file.resolve().is_relative_to(folder)):
            continue
        found[module] = file
        waiting.extend(_imports(module, file))
    return found


@lru_cache(maxsize=None)
def _parse(file: Path, mtime_ns: int) -> ast.Module:
    del mtime_ns  # part of the key: an edited file is parsed again
    return ast.parse(file.read_text(encoding="utf-8"))


def _imports(module: str, file: Path) -> Iterator[str]:
    """Dotted names that the file imports, wherever in it, relative ones made absolute."""
    package = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(_parse(file, file.stat().st_mtime_ns)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


@lru_cache(maxsize=None)
def _tree_digest(file: Path, mtime_ns: int) -> str:
    return hashlib.sha256("".join(_canonical(_parse(file, mtime_ns))).encode()).hexdigest()


ANNOTATIONS = frozenset({"annotation", "returns", "type_comment", "type_params"})


def _canonical(node: object) -> Iterator[str]:
    """The tree as text that does not depend on layout, docstrings, annotations or Python's version."""
    if isinstance(node, ast.AST):
        yield type(node).__name__ + "("
        # Fields that are empty are left out: newer Pythons add such fields to old node types.
        for name, value in ast.iter_fields(node):
            if name in ANNOTATIONS or value is None or value == []:
                continue
            if name == "body" and isinstance(value, list):
                value = [part for part in value if not _is_text(part)]  # noqa: PLW2901
            yield f"{name}="
            yield from _canonical(value)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for part in node:
            yield from _canonical(part)
        yield "]"
    else:
        yield f"{node!r},"


def _is_text(node: ast.AST) -> bool:
    """Whether a statement is a bare string: a docstring, or an attribute's description."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
