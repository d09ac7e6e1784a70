"""The package's modules and what each imports, read off the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import optbench

ROOT = Path(optbench.__file__).parent


@dataclass(frozen=True)
class Import:
    """One import statement of a module; `inside` tells whether it stands inside a function."""

    imported: str
    line: int
    inside: bool


def _modules() -> dict[str, Path]:
    found = {}
    for file in ROOT.rglob("*.py"):
        parts = ("optbench", *file.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = _modules()


@cache
def imports_of(module: str) -> tuple[Import, ...]:
    def walk(node: ast.AST, *, inside: bool) -> Iterator[Import]:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                for child in node.orelse:
                    yield from walk(child, inside=inside)
            case ast.Import():
                for alias in node.names:
                    yield Import(alias.name, node.lineno, inside)
            case ast.ImportFrom():
                assert node.level == 0, f"{module} line {node.lineno}: a relative import"
                source = node.module or ""
                for alias in node.names:
                    full = f"{source}.{alias.name}"
                    yield Import(full if full in MODULES else source, node.lineno, inside)
            case _:
                function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                for child in ast.iter_child_nodes(node):
                    yield from walk(child, inside=inside or function)

    return tuple(walk(ast.parse(MODULES[module].read_text(encoding="utf-8")), inside=False))


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
            waiting += [i.imported for i in imports_of(name) if not i.inside]
            waiting += [name.rpartition(".")[0]] if "." in name else []
    return found


def libraries_of(module: str) -> set[str]:
    return {name.split(".")[0] for name in reached(module)}
