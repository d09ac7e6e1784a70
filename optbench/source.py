"""What a source file says that can decide a number: a hash of its canonical syntax tree, and what it imports.

Reading a study asks this of some twenty modules, Snakemake's reading of the workflow of a hundred and fifty.
Parsing them takes a second and more, so the answers are kept in the user's cache folder by the sha256 of the
file's bytes: a file that is edited has another key, and there is nothing to go stale.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from optbench.files import write_atomically
from optbench.plugins import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = 5_000
"""Files that the cache may know before it begins anew with those of one process."""


@dataclass(frozen=True)
class Source:
    """A source file's answer.

    Attributes:
        sha256: over its canonical syntax tree.
        imports: dotted names that it imports, wherever in it; relative ones begin with their dots.
    """

    sha256: str
    imports: tuple[str, ...]

    def imported(self, package: str) -> Iterator[str]:
        """Dotted names that a module of `package` ("" outside any) imports, relative ones made absolute."""
        parts = package.split(".")
        for name in self.imports:
            inner = name.lstrip(".")
            level = len(name) - len(inner)
            above = parts[: len(parts) - level + 1] if level else []
            absolute = [part for part in (*above, inner) if part]
            if absolute:
                yield ".".join(absolute)


def read_source(file: Path) -> Source:
    """What `file` says.

    Raises:
        UserError: it does not parse.
    """
    return _memory().answer(file.read_bytes(), file.name)


def remember() -> None:
    """Keeps on disk what was parsed since the last call; where that cannot be written it is parsed again."""
    _memory().save()


class _Memory:
    """The answers that lie on disk, and those that this process was given."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.kept = _from_disk(file)
        self.met: dict[str, Source] = {}

    def answer(self, source: bytes, name: str) -> Source:
        key = hashlib.sha256(source).hexdigest()
        if key not in self.met:
            self.met[key] = self.kept.get(key) or _told(parse(source, name))
        return self.met[key]

    def save(self) -> None:
        if self.met.keys() <= self.kept.keys():
            return
        together = _from_disk(self.file) | self.met
        self.kept = together if len(together) <= KEPT else dict(self.met)
        text = json.dumps({key: [told.sha256, told.imports] for key, told in self.kept.items()})
        try:
            with write_atomically(self.file, synced=False) as unfinished:
                unfinished.write_text(text, encoding="utf-8")
        except OSError:
            return


@cache
def _memory() -> _Memory:
    """Answers depend on the functions below and on Python's grammar, so both name the file."""
    own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return _Memory(user_cache_path("optbench") / f"sources-{own}-{version}.json")


def _from_disk(file: Path) -> dict[str, Source]:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return {key: Source(sha256, tuple(imports)) for key, (sha256, imports) in told.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # not there, or not what was written
        return {}


def _told(tree: ast.Module) -> Source:
    text: list[str] = []
    nodes: list[ast.Import | ast.ImportFrom] = []
    _write(tree, text, nodes)
    imports: list[str] = []
    for node in nodes:
        if isinstance(node, ast.Import):
            imports += [alias.name for alias in node.names]
            continue
        source = "." * node.level + (node.module or "")
        inside = source if source.endswith(".") else f"{source}."
        imports += [source, *(f"{inside}{alias.name}" for alias in node.names)]
    return Source(hashlib.sha256("".join(text).encode()).hexdigest(), tuple(imports))


def _write(node: object, text: list[str], imports: list[ast.Import | ast.ImportFrom]) -> None:
    """Appends the tree as text that does not depend on layout, docstrings, annotations or Python's version.

    One pass that fills lists: it is called for every node of a tree.
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
