"""Files beside a study that have the name of a module of Python's or of an installed package.

They may be there, whatever they are called: such a name means the module of Python's or the package, for
optbench and for plug-ins alike. Where a plug-in can only have meant the file, that is told.
"""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.core.errors import UserError
from optbench.core.factories import OWN_PACKAGES
from optbench.study.modules import MAIN, bound_names, file_beside, find, module_file, syntax_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

UNKNOWN = "*"
"""Among the names of a module: it has others that its source does not tell."""


def refuse_taken(dotted: str, key: str, folder: Path) -> None:
    """Raises UserError naming `key` where `module:name` means a file in `folder` that no import would find.

    What optbench or torch have under that name is meant, and what the file has not and another module has.
    """
    module, _, name = dotted.partition(":")
    file = hidden_file(module, folder)
    if file is None:
        return
    names, in_file = _names_found(module, folder), name in _names_of(file)
    own = module.partition(".")[0] in OWN_PACKAGES
    if (name in names and (own or not in_file)) or (UNKNOWN in names and not in_file):
        return
    raise UserError(
        f"{key}: {file} cannot be imported as {module!r}: {_owner(module, folder)}; rename the file"
    )


def hidden_file(module: str, folder: Path) -> Path | None:
    """The file of `module` in `folder`, where an import of that name finds something else; None otherwise."""
    beside = file_beside(module, folder)
    if beside is None:
        return None
    top = module.partition(".")[0]
    found = find(top, folder)
    if found is None:  # as the program itself is called
        return beside
    if found.origin is None:  # a folder without __init__.py, or several of that name
        mine = str(folder / top) in list(found.submodule_search_locations or [])
    else:
        mine = Path(found.origin) == file_beside(top, folder)
    return None if mine else beside


def check_hidden_imports(file: Path, key: str, folder: Path) -> None:
    """Raises UserError naming `key` where `file` needs of an import what only a hidden file has.

    Args:
        file: of a plug-in, or of a module beside it; it parses.
        key: of the study file.
        folder: the study file's.
    """
    tree = syntax_tree(file)
    for line, module, names in _imports(tree, folder):
        for name in names:
            inner = hidden_file(f"{module}.{name}", folder)
            hidden = inner or hidden_file(module, folder)
            if hidden is None or not (inner or name in _names_of(hidden)):
                continue
            found = _names_found(module, folder)
            top = module.partition(".")[0]
            if name in found or (UNKNOWN in found and top in OWN_PACKAGES):
                continue
            raise UserError(
                f"{key}: {file.name} line {line} needs {name!r} of {hidden}, which cannot be imported as "
                f"{module!r}: {_owner(module, folder)}; rename that file"
            )


def _imports(tree: ast.Module, folder: Path) -> Iterator[tuple[int, str, set[str]]]:
    """Imports of what has a namesake in `folder`: line, module, and the names that are taken of it."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str() as source, level=0) if _has_namesake(source, folder):
                names = {alias.name for alias in node.names}
                yield node.lineno, source, names if names != {UNKNOWN} else _loaded(tree)
            case ast.Import():
                for alias in node.names:
                    if _has_namesake(alias.name, folder):
                        called = alias.asname or alias.name
                        package, _, last = alias.name.rpartition(".")
                        yield node.lineno, alias.name, _attributes(tree, called)
                        yield from [(node.lineno, package, {last})] if package else []
            case _:
                continue


def _has_namesake(module: str, folder: Path) -> bool:
    top = folder / module.partition(".")[0]
    return top.is_dir() or top.with_name(f"{top.name}.py").is_file()


def _attributes(tree: ast.Module, called: str) -> set[str]:
    """The attributes that are taken of a module which goes by that name."""
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return {node.attr for node in found if ast.unparse(node.value) == called}


def _loaded(tree: ast.Module) -> set[str]:
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _names_found(module: str, folder: Path) -> set[str]:
    """The names of the module that an import finds, with `UNKNOWN` where there may be more; of none, none."""
    found = find(module, folder)
    if found is None and module not in MAIN:
        return set()
    file = module_file(module, folder)
    return _names_of(file) if file is not None else _compiled_names(module)


def _names_of(file: Path) -> set[str]:
    """The names that a file binds, modules of a package included; with `UNKNOWN` where there may be more."""
    try:
        names = set(bound_names(syntax_tree(file).body))
    except UserError:  # whoever imports it is told
        return {UNKNOWN}
    if "__getattr__" in names:
        names.add(UNKNOWN)
    if file.name == "__init__.py":
        names |= {inner.stem for inner in file.parent.iterdir() if inner.suffix == ".py" or inner.is_dir()}
    return names


def _compiled_names(module: str) -> set[str]:
    """The names of a module that has no Python source."""
    top = module.partition(".")[0]
    if module in MAIN or top not in sys.stdlib_module_names or find(module) is None:
        return {UNKNOWN}
    return set(dir(import_module(module)))  # one of Python's own, which does nothing else


def _owner(module: str, folder: Path) -> str:
    """Whose the module is that has the name."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in MAIN:
        return f"{top!r} is a module of Python's own"
    found = find(top, folder)
    where = found.origin or next(iter(found.submodule_search_locations or [""])) if found else ""
    return f"{top!r} is installed, {where}"
