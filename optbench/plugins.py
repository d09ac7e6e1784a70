"""Finding what `module:name` means: statically while a study is read, by import in a worker.

Reading a study must not import torch (Snakemake reads it at parse time), so the static search walks the
import system's path finder without executing any module and reads the bound names off the syntax tree.
"""

from __future__ import annotations

import ast
import importlib
import sys
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.errors import UserError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def split_name(dotted: str, key: str) -> tuple[str, str]:
    """Splits `module:name`; raises UserError naming `key` where it is not of that form."""
    module, colon, name = dotted.partition(":")
    if not colon or not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise UserError(f"{key}: {dotted!r} is not of the form 'module:name', like 'torch.optim:SGD'")
    return module, name


@lru_cache(maxsize=None)
def module_file(module: str, folder: Path | None = None) -> Path | None:
    """The source file of `module`, searched in `folder` and then on sys.path, without importing anything.

    Returns None where there is no such module or it has no Python source.
    """
    places: list[str] | None = [*([str(folder)] if folder else []), *sys.path]
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        found = PathFinder.find_spec(".".join(parts[:depth]), places)
        if found is None:
            return None
        places = list(found.submodule_search_locations or [])
    return Path(found.origin) if found and found.origin and found.origin.endswith(".py") else None


def _bound_names(body: list[ast.stmt]) -> Iterator[str]:
    """Names that the statements bind, those inside if, try and with included; "*" for a star import."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    yield alias.asname or alias.name.split(".")[0]
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    yield from (leaf.id for leaf in ast.walk(target) if isinstance(leaf, ast.Name))
            case _:
                for part in ("body", "orelse", "finalbody"):
                    yield from _bound_names(getattr(node, part, []))
                for handler in getattr(node, "handlers", []):
                    yield from _bound_names(handler.body)


def check_importable(dotted: str, key: str, folder: Path) -> None:
    """Raises UserError naming `key` unless `dotted` can be found from `folder` (nothing is imported)."""
    module, name = split_name(dotted, key)
    file = module_file(module, folder)
    if file is None:
        raise UserError(f"{key}: there is no module {module!r} in {folder} or among the installed packages")
    try:
        names = set(_bound_names(_tree(file).body))
    except SyntaxError as error:
        raise UserError(f"{key}: {file.name} line {error.lineno}: {error.msg}") from None
    if name not in names and "*" not in names and "__getattr__" not in names:
        raise UserError(f"{key}: module {module!r} has no {name!r}{nearest(name, names)}")


@lru_cache(maxsize=None)
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def keyword_names(dotted: str, folder: Path) -> set[str] | None:
    """Names of the arguments that `module:name` takes, its first one left out (nothing is imported).

    Returns None where the source does not say: it takes `**kwargs`, inherits its constructor or is made at
    run time. A name that the module imports is followed to where it is defined.
    """
    module, _, name = dotted.partition(":")
    file = module_file(module, folder)
    if file is None:
        return None
    for node in _tree(file).body:
        match node:
            case ast.FunctionDef(name=found) if found == name:
                return _arguments(node.args, skip=0)
            case ast.ClassDef(name=found) if found == name:
                inits = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
                return _arguments(inits[-1].args, skip=1) if inits else None
            case ast.ImportFrom(module=source, level=0) if source:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return keyword_names(f"{source}:{alias.name}", folder)
            case _:
                continue
    return None


def _arguments(args: ast.arguments, skip: int) -> set[str] | None:
    if args.kwarg is not None:
        return None
    names = [arg.arg for arg in (*args.posonlyargs, *args.args)]
    return {*names[skip:], *(arg.arg for arg in args.kwonlyargs)}


def load(dotted: str) -> Callable[..., Any]:
    """Imports `module:name` and returns it.

    Raises:
        UserError: the module does not import, or the name is missing or cannot be called.
    """
    module, name = split_name(dotted, "factory")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"factory {dotted!r} cannot be imported: {error}") from error
    if not callable(found):
        raise UserError(f"factory {dotted!r} is a {type(found).__name__}, not something that can be called")
    return found  # type: ignore[no-any-return]
