"""What `module:name` of a study file means: looked up while it is read, imported in a process that trains.

Plug-ins lie beside the study file or are installed. Whatever else lies beside it is nobody's but theirs: the
folder is the last place where a module is searched, and only modules that lie there find it there.
"""

from __future__ import annotations

import ast
import os
import sys
from contextlib import contextmanager
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from typing import TYPE_CHECKING

from optbench.core.errors import UserError, nearest
from optbench.core.factories import split_name
from optbench.core.text import shown
from optbench.study.modules import bound_names, find, lies_in, module_file, syntax_tree
from optbench.study.shadowed import check_hidden_imports, refuse_taken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec
    from types import FrameType, ModuleType

SAFE_PATH = "PYTHONSAFEPATH"
"""Environment variable under which Python leaves the working folder out of sys.path."""

OURS = "optbench"
"""Its value where optbench has set it."""

ASKING = frozenset({"optbench.core.factories", "optbench.study.modules"})
"""Modules that look for plug-ins by their names."""

PASSING_ON = (
    "importlib",
    "_frozen_importlib",
    "_frozen_importlib_external",
    "concurrent",
    "multiprocessing",
    "optbench.training.imports",
    "pickle",
    "pkgutil",
    "runpy",
    "threading",
    "torch.serialization",
)
"""Modules that import what others name: who has called them decides."""


def keep_working_folder_off_path() -> None:
    """Has every Python process that is started from now on leave the working folder out of its path.

    `python -m` and `python -c`, which pools of processes are started with, would search it before Python's
    own modules. `plugins_importable_from` takes it back, for what a plug-in starts.
    """
    os.environ.setdefault(SAFE_PATH, OURS)


def plugins_importable_from(folder: Path) -> None:
    """Makes the modules in a study file's folder importable for plug-ins, in a process that runs them.

    They are searched last, and found by `load_factory` and by each other alone: a library that tries for a
    module that is not installed (torch for `opt_einsum`, Python itself for `msvcrt`) does not get a file that
    happens to be called so.

    Args:
        folder: of the study file.
    """
    if os.environ.get(SAFE_PATH) == OURS:
        del os.environ[SAFE_PATH]
    _search_last(folder)


@contextmanager
def plugins_importable(folder: Path) -> Iterator[None]:
    """The same inside a block, in a process that goes on with other work."""
    before = list(sys.path)
    _search_last(folder)
    try:
        yield
    finally:
        sys.path[:] = before
        sys.path_importer_cache.pop(str(folder.absolute()), None)


def _search_last(folder: Path) -> None:
    place = str(folder.absolute())
    others = [one for one in sys.path if os.path.abspath(one) != place]  # noqa: PTH100  (strings)
    installed = len(others) < len(
        sys.path
    )  # it is on the path by itself, and libraries may need what lies there
    sys.path[:] = [*others, place]
    if not installed:
        sys.path_importer_cache[place] = _PluginFinder(place)


class _PluginFinder(FileFinder):
    """Finds the modules of a study's folder, for plug-ins alone."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            folder,
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (SourceFileLoader, SOURCE_SUFFIXES),
            (SourcelessFileLoader, BYTECODE_SUFFIXES),
        )

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        """What lies here under that name, if it is a plug-in that asks; see the base class."""
        asking = _asking(sys._getframe(1))  # the import system does not say who imports
        if asking and asking not in ASKING and not self._lies_here(asking.partition(".")[0]):
            return None
        return super().find_spec(fullname, target)

    def _lies_here(self, module: str) -> bool:
        file = getattr(sys.modules.get(module), "__file__", None)
        folders = getattr(sys.modules.get(module), "__path__", ())  # all that a namespace package has
        here = os.path.join(self.path, module)  # noqa: PTH118  (strings, at each import)
        return str(file).startswith((f"{here}.", f"{here}{os.sep}")) or here in folders


def _asking(frame: FrameType | None) -> str:
    """The name of the module whose code imports; "" where there is none."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if not any(name == one or name.startswith(f"{one}.") for one in PASSING_ON):
            return name
        frame = frame.f_back
    return ""


def check_importable(dotted: str, key: str, folder: Path) -> None:
    """Raises UserError naming `key` unless `dotted` can be found from `folder` (nothing is imported)."""
    module, name = split_name(dotted, key)
    refuse_taken(dotted, key, folder)
    file = module_file(module, folder)
    if file is None and (found := find(module, folder)) is not None:
        raise UserError(f"{key}: module {shown(module)} {_without_source(found)}")
    if file is None:
        near = nearest(module, (plugin.stem for plugin in folder.glob("*.py")))
        raise UserError(
            f"{key}: there is no module {shown(module)} in {folder} or among the installed packages{near}"
        )
    names = set(bound_names(_sound_tree(file, key).body))
    if name not in names and "*" not in names and "__getattr__" not in names:
        raise UserError(f"{key}: module {shown(module)} has no {shown(name)}{nearest(name, names)}")
    if lies_in(folder, module, file):
        _check_imports(file, key, folder)


def _without_source(found: ModuleSpec) -> str:
    """What a module is that has no Python source, and what to do then."""
    if found.origin is None or found.submodule_search_locations:
        return "is a folder without an __init__.py; name a module in it"
    inside = found.origin in {"built-in", "frozen"}
    what = "is built into Python" if inside else f"is compiled ({Path(found.origin).name})"
    return (
        f"{what} and has no source that a cell could be identified by; name a function of a module in Python "
        "that calls it"
    )


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
        tree = _sound_tree(file, key)
        check_hidden_imports(file, key, folder)
        for line, module in _imported(tree):
            # The package alone: some, like six, make their submodules when they are imported.
            if find(module.split(".")[0], folder) is None:
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


def takes_in_front(dotted: str, folder: Path) -> bool | None:
    """Whether `module:name` takes an argument in front; None where its source does not say."""
    args = _signature(dotted, folder)
    return None if args is None else bool(args[0].posonlyargs or args[0].args[args[1] :] or args[0].vararg)


def keyword_names(dotted: str, folder: Path, supplied: int = 1) -> set[str] | None:
    """Names of the arguments that `module:name` takes (nothing is imported).

    Returns None where the source does not say: it takes `**kwargs`, is decorated, inherits its constructor or
    is made at run time. A name that the module imports is followed to where it is defined.

    Args:
        dotted: `module:name` of a function or class.
        folder: the study file's folder.
        supplied: leading arguments that the program gives, left out here.
    """
    signature = _signature(dotted, folder)
    return None if signature is None else _arguments(signature[0], skip=signature[1] + supplied)


def _signature(dotted: str, folder: Path) -> tuple[ast.arguments, int] | None:
    """The arguments of a function, or of a class's constructor, and how many of them Python itself gives."""
    module, _, name = dotted.partition(":")
    file = module_file(module, folder)
    if file is None:
        return None
    for node in syntax_tree(file).body:
        match node:
            case ast.FunctionDef(name=found, decorator_list=[]) if found == name:
                return node.args, 0
            case ast.ClassDef(name=found, decorator_list=[]) if found == name:
                inits = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
                return (inits[-1].args, 1) if inits else None
            case ast.ImportFrom(module=source, level=0) if source:
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return _signature(f"{source}:{alias.name}", folder)
            case _:
                continue
    return None


def _arguments(args: ast.arguments, skip: int) -> set[str] | None:
    if args.kwarg is not None:
        return None
    names = [arg.arg for arg in (*args.posonlyargs, *args.args)]
    return {*names[skip:], *(arg.arg for arg in args.kwonlyargs)}
