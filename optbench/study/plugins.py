"""Finding what `module:name` means: statically while a study is read, by import in a worker.

Reading a study must not import torch (Snakemake reads it at parse time), so the static search walks the
import system's finders without executing any module and reads the bound names off the syntax tree.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.core.errors import UserError, nearest
from optbench.core.factories import split_name
from optbench.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec


@cache
def _find(module: str, folder: Path | None) -> ModuleSpec | None:
    package, _, name = module.rpartition(".")
    if package:
        above = _find(package, folder)
        # Only the last part is asked for: with the whole name, a namespace package inside another one asks
        # sys.modules for its parent, which is not imported.
        return above and PathFinder.find_spec(name, list(above.submodule_search_locations or []))
    places = [*([str(folder)] if folder else []), *sys.path]
    return PathFinder.find_spec(name, places) or next(
        # Built-in modules, and packages installed as editable through a finder of their own
        (spec for finder in sys.meta_path if (spec := finder.find_spec(name, None))),
        None,
    )


def module_file(module: str, folder: Path | None = None) -> Path | None:
    """The source file of `module`, searched in `folder` and then on sys.path, without importing anything.

    Returns None where there is no such module or it has no Python source.
    """
    found = _find(module, folder)
    return Path(found.origin) if found and found.origin and found.origin.endswith(".py") else None


def syntax_tree(file: Path) -> ast.Module:
    """The syntax tree of a source file.

    Raises:
        UserError: the file does not parse; the message names its line.
    """
    # By content: modification times are too coarse for a file that is edited twice in a moment.
    return _parsed(file.read_bytes(), file.name)


def parse(source: bytes, name: str) -> ast.Module:
    """The syntax tree of what a file of this name holds.

    Raises:
        UserError: it does not parse; the message names the file and the line.
    """
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise UserError(f"{name} line {error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise UserError(f"{name}: {error}") from None


_parsed = cache(parse)


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
        near = nearest(module, (plugin.stem for plugin in folder.glob("*.py")))
        raise UserError(
            f"{key}: there is no module {shown(module)} in {folder} or among the installed packages{near}"
        )
    names = set(_bound_names(_sound_tree(file, key).body))
    if name not in names and "*" not in names and "__getattr__" not in names:
        raise UserError(f"{key}: module {shown(module)} has no {shown(name)}{nearest(name, names)}")
    if lies_in(folder, module, file):
        _check_imports(file, key, folder)


def lies_in(folder: Path, module: str, file: Path) -> bool:
    """Whether `folder` itself is where the module was found: an environment below it is not its code."""
    here = folder.joinpath(*module.split("."))
    return file in {here.with_suffix(".py"), here / "__init__.py"}


def _sound_tree(file: Path, key: str) -> ast.Module:
    try:
        return syntax_tree(file)
    except UserError as error:
        raise UserError(f"{key}: {error}") from None


def _check_imports(plugin: Path, key: str, folder: Path) -> None:
    """Raises UserError where a plug-in, or a module beside it, does not parse or imports what is not there.

    Only imports that always run are looked at: those inside `try` or a function may be meant to fail.
    """
    waiting, seen = [plugin], set()
    while waiting:
        file = waiting.pop()
        seen.add(file)
        for line, module in _imported(_sound_tree(file, key)):
            # The package alone: some, like six, make their submodules when they are imported.
            if _find(module.split(".")[0], folder) is None:
                raise UserError(
                    f"{key}: {file.name} line {line} imports {shown(module)}, which is not installed"
                )
            source = module_file(module, folder)
            if source and source not in seen and lies_in(folder, module, source):
                waiting.append(source)


def _imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of the absolute imports among the statements of a module."""
    for node in tree.body:
        match node:
            case ast.Import():
                yield from ((node.lineno, alias.name) for alias in node.names)
            case ast.ImportFrom(module=str() as source, level=0):
                yield node.lineno, source
            case _:
                continue


def keyword_names(dotted: str, folder: Path, supplied: int = 1) -> set[str] | None:
    """Names of the arguments that `module:name` takes (nothing is imported).

    Returns None where the source does not say: it takes `**kwargs`, is decorated, inherits its constructor or
    is made at run time. A name that the module imports is followed to where it is defined.

    Args:
        dotted: `module:name` of a function or class.
        folder: the study file's folder.
        supplied: leading arguments that the program gives, left out here.
    """
    module, _, name = dotted.partition(":")
    file = module_file(module, folder)
    if file is None:
        return None
    for node in syntax_tree(file).body:
        match node:
            case ast.FunctionDef(name=found, decorator_list=[]) if found == name:
                return _arguments(node.args, skip=supplied)
            case ast.ClassDef(name=found, decorator_list=[]) if found == name:
                inits = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
                return _arguments(inits[-1].args, skip=1 + supplied) if inits else None
            case ast.ImportFrom(module=source, level=0) if source:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return keyword_names(f"{source}:{alias.name}", folder, supplied)
            case _:
                continue
    return None


def _arguments(args: ast.arguments, skip: int) -> set[str] | None:
    if args.kwarg is not None:
        return None
    names = [arg.arg for arg in (*args.posonlyargs, *args.args)]
    return {*names[skip:], *(arg.arg for arg in args.kwonlyargs)}
