"""Who a cell is: eight hexadecimal digits over all that decides its numbers.

Two ingredients. The resolved values (workload, optimizer, schedule, lr, seed, device, threads, data hash)
are hashed as canonical JSON. The code that trains is hashed by its syntax trees, with comments, docstrings,
annotations and layout left out: the training loop, the factories' own modules and whatever they import from
this package or from the study file's folder. Installed third-party packages are not hashed: their versions
stand in every trace.
"""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from optbench.plugins import lies_in, module_file, syntax_tree

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from pathlib import Path

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
    return sha.hexdigest()


@dataclass(frozen=True)
class _Module:
    """What a module's syntax tree says: its own hash, and the statements in it that import."""

    sha256: str
    imports: tuple[ast.Import | ast.ImportFrom, ...]

    def imported(self, package: str) -> Iterator[str]:
        """Dotted names that a module of `package` imports, wherever in it, relative ones made absolute."""
        for node in self.imports:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
                continue
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def _closure(modules: Iterable[str], folder: Path, but: Container[str]) -> dict[str, _Module]:
    """The modules reached from `modules` that belong to this package or lie in `folder`."""
    found: dict[str, _Module] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found or name in but:
            continue
        file = module_file(name, folder)
        if file is None or not (name.split(".")[0] == PACKAGE or lies_in(folder, name, file)):
            continue
        found[name] = _read(syntax_tree(file))
        above = name.rpartition(".")[0]
        waiting.extend([above] if above else [])  # importing a module runs its packages first
        waiting.extend(found[name].imported(name if file.name == "__init__.py" else above))
    return found


@cache
def _read(tree: ast.Module) -> _Module:
    text: list[str] = []
    imports: list[ast.Import | ast.ImportFrom] = []
    _write(tree, text, imports)
    return _Module(hashlib.sha256("".join(text).encode()).hexdigest(), tuple(imports))


def _write(node: object, text: list[str], imports: list[ast.Import | ast.ImportFrom]) -> None:
    """Appends the tree as text that does not depend on layout, docstrings, annotations or Python's version.

    One pass that fills lists: every process that reads a study reads some twenty modules so, Snakemake's
    hundreds.
    """
    if isinstance(node, ast.AST):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(node)
        text.append(f"{type(node).__name__}(")
        for name, value in _fields(node):
            text.append(f"{name}=")
            _write(value, text, imports)
        text.append(")")
    elif isinstance(node, list):
        text.append("[")
        for part in node:
            _write(part, text, imports)
        text.append("]")
    else:
        text.append(f"{node!r},")


ANNOTATIONS = frozenset({"annotation", "returns", "type_comment", "type_params"})


def _fields(node: ast.AST) -> Iterator[tuple[str, object]]:
    """Names and values of the node's fields that can decide a number.

    Fields that are empty are left out: newer Pythons add such fields to old node types.
    """
    for name, given in ast.iter_fields(node):
        value = given
        if name in ANNOTATIONS:
            continue
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            value = list(_statements(value, fields=isinstance(node, ast.ClassDef)))
        if value is not None and value != []:
            yield name, value


def _statements(body: list[ast.stmt], *, fields: bool) -> Iterator[ast.stmt]:
    """The statements that run: no bare strings, nothing for type checkers alone.

    Args:
        body: statements in a row.
        fields: whether `name: type = value` differs from `name = value`, as in a dataclass.
    """
    for node in body:
        match node:
            case ast.Expr(value=ast.Constant(value=str())) | ast.ImportFrom(module="__future__"):
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.If(test=ast.Attribute(attr="TYPE_CHECKING")):
                yield from _statements(node.orelse, fields=fields)
            case ast.AnnAssign(target=ast.Name()) if not fields:
                if node.value is not None:
                    yield ast.Assign(targets=[node.target], value=node.value)
            case _:
                yield node
