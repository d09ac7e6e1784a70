"""Where the module of a name lies, and what it binds: read off the sources, without importing anything.

Reading a study must not import torch (Snakemake reads it at parse time), so the search walks the import
system's finders without executing any module and reads the bound names off the syntax tree.

The study file's folder comes last, as in the processes that import plug-ins: Python's own modules and the
installed packages hold before what lies there.
"""

from __future__ import annotations

import ast
import os
import sys
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

MAIN = frozenset({"__main__", "__mp_main__"})
"""Names under which every process has a module of its own."""


@cache
def find(module: str, folder: Path | None = None) -> ModuleSpec | None:
    """What the import of `module` would find, the study file's `folder` searched last; None for nothing."""
    package, _, name = module.rpartition(".")
    if package:
        above = find(package, folder)
        # Only the last part is asked for: with the whole name, a namespace package inside another one asks
        # sys.modules for its parent, which is not imported.
        return above and PathFinder.find_spec(name, list(above.submodule_search_locations or []))
    if name in MAIN:
        return None
    places = _places(folder)
    # In Python's own order: what is built in first, and packages that are installed as editable through a
    # finder of their own where that has put itself.
    return next(
        (
            spec
            for finder in sys.meta_path
            if (spec := finder.find_spec(name, places if finder is PathFinder else None))
        ),
        None,
    )


def _places(folder: Path | None) -> list[str]:
    """The folders that a process which imports plug-ins searches, in its order."""
    # The folder of a command is on the path of the command alone.
    elsewhere = {str(Path(sys.executable).parent), *([str(folder)] if folder else [])}
    places = [place for place in sys.path if os.path.abspath(place) not in elsewhere]  # noqa: PTH100  (strings)
    return [*places, *([str(folder)] if folder else [])]


def module_file(module: str, folder: Path | None = None) -> Path | None:
    """The source file of `module`, searched on sys.path and then in `folder`, without importing anything.

    Returns None where there is no such module or it has no Python source.
    """
    found = find(module, folder)
    return Path(found.origin) if found and found.origin and found.origin.endswith(".py") else None


def lies_in(folder: Path, module: str, file: Path) -> bool:
    """Whether `folder` itself is where the module was found: an environment below it is not its code."""
    here = folder.joinpath(*module.split("."))
    return file in {here.with_suffix(".py"), here / "__init__.py"}


def file_beside(module: str, folder: Path) -> Path | None:
    """The file of that module in `folder`, whether or not an import would find it; None without one."""
    here = folder.joinpath(*module.split("."))
    try:
        # As Python does: the package before the module.
        return next(
            (file for file in (here / "__init__.py", here.with_suffix(".py")) if file.is_file()), None
        )
    except OSError:  # no file has a name that long
        return None


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


def bound_names(body: list[ast.stmt]) -> Iterator[str]:
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
                    yield from bound_names(getattr(node, part, []))
                for handler in getattr(node, "handlers", []):
                    yield from bound_names(handler.body)
