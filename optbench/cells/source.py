"""What a source file says that can decide a number: the canonical tree of each definition, and what it uses.

Reading a study asks this of some thirty modules, Snakemake's reading of the workflow of a hundred and fifty.
Parsing them takes a second and more, so the answers are kept in the user's cache folder by the sha256 of the
file's bytes: a file that is edited has another key, and there is nothing to go stale.

A tree holds no address of a module of ours: where a definition lies decides no number, and a module may move.
What an import means is told apart from the tree, in `Definition.uses` and `SourceCode.bound`.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from optbench.core.errors import CorruptFileError
from optbench.core.files import read_json, write_atomically
from optbench.study.modules import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Set

PACKAGE = __name__.partition(".")[0]
"""The package whose modules may move without a change of a number."""

KEPT = 1_000
"""Files that the cache may know before it begins anew with those of one process."""

RUN = ""
"""Name of what a module does when it is imported: its statements that define nothing."""

_ADDRESS = re.compile(rf"{PACKAGE}(\.\w+)+(?P<name>:\w+)?|{PACKAGE}(?P<top>:\w+)")


@dataclass(frozen=True)
class Definition:
    """What one name at the top of a module stands for: a function, a class, a value.

    Attributes:
        sha256: over the canonical trees of all statements that bind it.
        uses: names of its own module that it uses, each followed by the attributes taken of it
            (`check`, `torch.optim.SGD`); and what it imports inside, `name=module:name`, or `name=module:`
            for the whole of it, relative modules beginning with their dots.
    """

    sha256: str
    uses: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceCode:
    """A source file's answer.

    Attributes:
        sha256: over its canonical syntax tree.
        imports: dotted names that it imports, wherever in it; relative ones begin with their dots.
        bound: what the names that it imports at its top stand for: `module:` or `module:name`.
        definitions: those at its top by name; under `RUN`, what is run besides.
        handed_on: names that its `__getattr__` finds when they are asked for, written as in `bound`: its
            imports for type checkers alone say which.
    """

    sha256: str
    imports: tuple[str, ...] = ()
    bound: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    handed_on: Mapping[str, str] = field(default_factory=dict)

    def imported(self, package: str) -> Iterator[str]:
        """Dotted names that a module of `package` ("" outside any) imports, relative ones made absolute."""
        for name in self.imports:
            found = absolute(name, package)
            if found:
                yield found


def absolute(name: str, package: str) -> str:
    """The dotted name that `name`, which may begin with dots, means in a module of `package`."""
    inner = name.lstrip(".")
    level = len(name) - len(inner)
    parts = package.split(".")
    above = parts[: len(parts) - level + 1] if level else []
    return ".".join(part for part in (*above, inner) if part)


def without_module(text: str) -> str:
    """A text that is the address of a module of ours, or of something in one, without the module."""
    found = _ADDRESS.fullmatch(text)
    return text if found is None else found["name"] or found["top"] or PACKAGE


def is_ours(module: str) -> bool:
    """Whether a dotted name is of this package."""
    return module.partition(".")[0] == PACKAGE


def read_source_code(file: Path) -> SourceCode:
    """What `file` says.

    Raises:
        UserError: it does not parse.
    """
    return _cache().answer(file.read_bytes(), file.name)


def save_cache() -> None:
    """Keeps on disk what was parsed since the last call; where that cannot be written it is parsed again."""
    _cache().save()


class _Cache:
    """The answers that lie on disk, and those that this process was given."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.kept = _from_disk(file)
        self.met: dict[str, SourceCode] = {}

    def answer(self, source: bytes, name: str) -> SourceCode:
        key = hashlib.sha256(source).hexdigest()
        if key not in self.met:
            kept = self.kept.get(key)
            self.met[key] = _described(parse(source, name)) if kept is None else _from_text(kept)
        return self.met[key]

    def save(self) -> None:
        if self.met.keys() <= self.kept.keys():
            return
        met = {key: _as_text(stored) for key, stored in self.met.items()}
        together = _from_disk(self.file) | met
        self.kept = together if len(together) <= KEPT else met
        text = json.dumps(self.kept, separators=(",", ":"))
        try:
            with write_atomically(self.file, synced=False) as unfinished:
                unfinished.write_text(text, encoding="utf-8")
        except (OSError, CorruptFileError):  # a place that is no folder, or leads elsewhere
            return


@cache
def _cache() -> _Cache:
    """Answers depend on the functions below and on Python's grammar, so both name the file."""
    own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return _Cache(user_cache_path("optbench") / f"sources-{own}-{version}.json")


def _from_disk(file: Path) -> dict[str, str]:
    """The answers by their key, each as the text that was written: most of them nobody asks for."""
    try:
        stored = read_json(file)
        return {key: text for key, text in stored.items() if isinstance(text, str)}
    except (OSError, CorruptFileError):  # not there, or not what was written
        return {}


def _as_text(stored: SourceCode) -> str:
    definitions = {name: [one.sha256, *one.uses] for name, one in stored.definitions.items()}
    parts = [stored.sha256, list(stored.imports), dict(stored.bound), definitions, dict(stored.handed_on)]
    return json.dumps(parts, separators=(",", ":"))


def _from_text(text: str) -> SourceCode:
    sha256, imports, bound, definitions, handed_on = json.loads(text)
    return SourceCode(
        sha256,
        tuple(imports),
        bound,
        {name: Definition(own, tuple(uses)) for name, (own, *uses) in definitions.items()},
        handed_on,
    )


def _described(tree: ast.Module) -> SourceCode:
    text: list[str] = []
    nodes: list[ast.Import | ast.ImportFrom] = []
    _write(tree, text, nodes)
    imports: list[str] = []
    for node in nodes:
        if isinstance(node, ast.Import):
            imports += [alias.name for alias in node.names]
            continue
        source = _module(node)
        inside = source if source.endswith(".") else f"{source}."
        imports += [source, *(f"{inside}{alias.name}" for alias in node.names)]
    bound, statements = _at_the_top(tree.body)
    known = bound.keys() | statements.keys()
    definitions = {name: _definition(nodes, known) for name, nodes in statements.items()}
    handed_on = _for_type_checkers(tree.body) if "__getattr__" in definitions else {}
    return SourceCode(_hash(text), tuple(imports), bound, definitions, handed_on)


def _hash(text: Iterable[str]) -> str:
    return hashlib.sha256("".join(text).encode()).hexdigest()


def _module(node: ast.ImportFrom) -> str:
    return "." * node.level + (node.module or "")


def _at_the_top(body: list[ast.stmt]) -> tuple[dict[str, str], dict[str, list[ast.stmt]]]:
    """What a module's imports bind, and the statements behind each other name; under `RUN`, all the rest."""
    bound: dict[str, str] = {}
    found: dict[str, list[ast.stmt]] = {}
    for node in _statements(body, fields=False):
        names: Iterable[str] = ()
        match node:
            case ast.Import():
                # `import a.b` binds a, which has b
                bound |= {
                    a.asname or _top(a.name): f"{a.name if a.asname else _top(a.name)}:" for a in node.names
                }
                continue
            case ast.ImportFrom() if all(alias.name != "*" for alias in node.names):
                bound |= {a.asname or a.name: f"{_module(node)}:{a.name}" for a in node.names}
                continue
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names = [node.name]
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                # An assignment to an attribute or an item changes what another statement has defined.
                names = _stored(node) if all(map(_is_plain, targets)) else ()
            case _ if type(node).__name__ == "TypeAlias":
                names = [node.name.id]  # type: ignore[attr-defined]
            case _:
                pass
        for name in names or (RUN,):
            found.setdefault(name, []).append(node)
    return bound, found


def _for_type_checkers(body: list[ast.stmt]) -> dict[str, str]:
    """What the imports under `if TYPE_CHECKING:` bind, as `_at_the_top` says it."""
    found: dict[str, str] = {}
    for node in body:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.If(test=ast.Attribute(attr="TYPE_CHECKING")):
                found |= _at_the_top(node.body)[0]
            case _:
                pass
    return found


def _top(module: str) -> str:
    return module.partition(".")[0]


def _is_plain(target: ast.expr) -> bool:
    if isinstance(target, ast.Tuple | ast.List):
        return all(map(_is_plain, target.elts))
    return isinstance(target.value if isinstance(target, ast.Starred) else target, ast.Name)


def _definition(nodes: list[ast.stmt], known: Set[str]) -> Definition:
    text: list[str] = []
    imports: list[ast.Import | ast.ImportFrom] = []
    uses: set[str] = set()
    for node in nodes:
        _write(node, text, imports)
        _use(node, frozenset(), known, uses)
    for inner in imports:
        for alias in inner.names:
            if isinstance(inner, ast.Import):
                uses.add(f"{alias.asname or _top(alias.name)}={alias.name}:")
            else:
                name = "" if alias.name == "*" else alias.name
                uses.add(f"{alias.asname or alias.name}={_module(inner)}:{name}")
    return Definition(_hash(text), tuple(sorted(uses)))


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _use(node: object, hidden: frozenset[str], known: Set[str], uses: set[str]) -> None:
    """Adds the names among `known` that `node` takes from its module, with the attributes taken of them.

    Args:
        node: of a tree, or a list of them.
        hidden: names that a function around it binds itself.
        known: names at the top of the module.
        uses: what is added to.
    """
    if isinstance(node, list):
        for part in node:
            _use(part, hidden, known, uses)
    elif isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id in known and node.id not in hidden:
            uses.add(node.id)
    elif isinstance(node, ast.Global):
        uses |= known & set(node.names)
    elif isinstance(node, ast.Attribute):
        chain = _chain(node)
        if chain is None:
            _use(node.value, hidden, known, uses)
        elif _top(chain) in known and _top(chain) not in hidden:
            uses.add(chain)
    elif isinstance(node, FUNCTIONS + COMPREHENSIONS):
        _use_scope(node, hidden, known, uses)
    elif isinstance(node, ast.AST):
        for _, value in _fields(node):
            _use(value, hidden, known, uses)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):  # it reads what it binds
            _use(ast.Name(node.target.id, ast.Load()), hidden, known, uses)


def _use_scope(node: ast.AST, hidden: frozenset[str], known: Set[str], uses: set[str]) -> None:
    """The same for a function or a comprehension, which have names of their own."""
    if isinstance(node, FUNCTIONS):
        inside = (hidden | _local(node)) - _declared_global(node)
        for name, value in _fields(node):
            outside = name in {"args", "decorator_list"}  # defaults and decorators are evaluated around it
            _use(value, hidden if outside else inside, known, uses)
    elif isinstance(node, COMPREHENSIONS):
        first = node.generators[0].iter
        _use(first, hidden, known, uses)
        inside = hidden | {name for one in node.generators for name in _stored(one.target)}
        for _, value in _fields(node):
            _use(value, inside, known, uses)


def _chain(node: ast.expr) -> str | None:
    """`a.b.c` as text; None where it does not begin with a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _local(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> frozenset[str]:
    """The names that are a function's own: its arguments and what it binds."""
    args = function.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return frozenset({arg.arg for arg in every if arg is not None} | _stored(function.body))


def _stored(node: object) -> set[str]:
    """The names that `node` binds in the scope that it stands in."""
    if isinstance(node, list):
        return {name for part in node for name in _stored(part)}
    if isinstance(node, ast.Name):
        return set() if isinstance(node.ctx, ast.Load) else {node.id}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or _top(alias.name) for alias in node.names}
    if isinstance(node, (ast.Lambda, *COMPREHENSIONS)):  # these keep theirs to themselves, but for `:=`
        walked = ast.walk(node) if isinstance(node, COMPREHENSIONS) else ()
        return {inner.target.id for inner in walked if isinstance(inner, ast.NamedExpr)}
    fields = ast.iter_fields(node) if isinstance(node, ast.AST) else ()
    names = {name for _, value in fields for name in _stored(value)}
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        names.add(node.name)
    if isinstance(node, ast.MatchMapping) and node.rest:
        names.add(node.rest)
    return names


def _declared_global(function: ast.AST) -> set[str]:
    """Names that a function, or one inside it, declares to be the module's."""
    return {name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names}


def _write(node: object, text: list[str], imports: list[ast.Import | ast.ImportFrom]) -> None:
    """Appends the tree as text that does not depend on layout, docstrings, annotations or Python's version.

    Nor on where a module of ours lies: imports of them are left to the caller. One pass that fills lists: it
    is called for every node of a tree.
    """
    if isinstance(node, ast.AST):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(node)
            if _only_ours(node):
                return
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
    elif isinstance(node, str):
        text.append(f"{(without_module(node) if PACKAGE in node else node)!r},")
    else:
        text.append(f"{node!r},")


def _only_ours(node: ast.Import | ast.ImportFrom) -> bool:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    return all(map(is_ours, names))


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
    """The statements that run when they are imported: no bare strings, nothing for type checkers alone.

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
            case ast.If(
                test=ast.Compare(
                    left=ast.Name(id="__name__"),
                    ops=[ast.Eq()],
                    comparators=[ast.Constant(value="__main__")],
                )
            ):
                yield from _statements(node.orelse, fields=fields)
            case ast.AnnAssign(target=ast.Name()) if not fields:
                if node.value is not None:
                    yield ast.Assign(targets=[node.target], value=node.value)
            case _:
                yield node
