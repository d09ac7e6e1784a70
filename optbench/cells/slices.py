"""Which code decides a number: static slices through definitions, from the functions that a cell begins with.

A slice begins with a factory, the training loop or a reader of data and goes along the names that each
definition uses, from module to module of ours and of the study's folder. What no name leads to decides
nothing. A module of the study file's folder counts as a whole. Where a module of ours lies is in no hash.

What a slice cannot see: a name that is put together at run time (`getattr(module, text)`), and a change that
one function makes to another's module.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optbench.cells.source import RUN, absolute, is_ours, read_source_code, save_cache, without_module
from optbench.study.modules import lies_in, module_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from optbench.cells.source import SourceCode

    Node = tuple[str, str]

NUMBERLESS = frozenset(
    {
        "optbench.core.checksums",  # tells whether a file is as it was written
        "optbench.core.errors",  # what a mistake is told as
        "optbench.core.interrupts",  # Ctrl-C told from what a cell raises
        "optbench.core.factories",  # an address becomes the function that it names
        "optbench.core.files",  # gives a file's content whole, or refuses
        "optbench.core.status",  # what a run's end is called
        "optbench.core.text",  # how a text is shown
        "optbench.core.words",  # how a message puts it
        "optbench.catalogue.optimizers.settings",  # calls a factory with what it is given, or refuses
        "optbench.cells.trace",  # the file, whose layout has a version of its own in every digest
        "optbench.cells.timing_file",  # the file of a timing
        "optbench.training.kernels",  # what is recorded of torch, and how its failures are told
    }
)
"""Modules that training uses and that decide no number of it: what each does instead."""

WHOLE = "*"
"""Stands for all of a module."""

DEPTH = 2
"""How far a definition's hash looks along the names that it uses: which of two namesakes is meant."""

SHORT = 8
"""Hexadecimal digits that stand for a module in a trace."""


def sha256_of(values: object) -> str:
    """The sha256 of `values` as canonical JSON, as hexadecimal digits."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class Code:
    """The code behind a part of a cell, or behind all of it.

    Attributes:
        sha256: over all of it.
        modules: a short hash of what is used of each module. A module of ours is named without `optbench.`,
            one of the study's folder with `./` before it. In the code of a whole cell: these by part.
    """

    sha256: str
    modules: Mapping[str, object]


def together(parts: Mapping[str, Code]) -> Code:
    """The code of a whole cell, from that of its parts."""
    return Code(
        sha256_of({name: part.sha256 for name, part in parts.items()}),
        {name: part.modules for name, part in parts.items() if part.modules},
    )


def code_digest(modules: Iterable[str], folder: Path) -> str:
    """sha256 over whole modules and all that they import from this package or `folder`: a stage's code.

    Args:
        modules: dotted names.
        folder: where modules that are not ours may lie.

    Raises:
        UserError: one of the files does not parse.
    """
    slices = Slices(folder)
    found = slices.imported(modules)
    save_cache()
    return sha256_of(sorted([*slices.named(name), *_bound(slices, name)] for name in found))


def _bound(slices: Slices, module: str) -> Iterator[str]:
    """What the names that a module imports from ours stand for: two imports may change places."""
    for name, target in slices.known(module).source.bound.items():
        for found in slices.follow(module, target):
            if isinstance(found, tuple):
                yield f"{name}={slices.own(found)}"


@dataclass(frozen=True)
class _Module:
    """A module whose code counts: its source, the package it stands in, whether it is ours."""

    source: SourceCode
    package: str
    ours: bool


class Slices:
    """What a file says is read once for all slices that are asked for.

    Args:
        folder: the study file's folder, where plug-ins lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._modules: dict[str, _Module | None] = {}
        self._edges: dict[Node, list[tuple[str, Node | str]]] = {}
        self._tokens: dict[tuple[Node, int], str] = {}
        self._slices: dict[tuple[str, ...], Code] = {}

    def code(self, *addresses: str) -> Code:
        """The code that `module:name` of each of `addresses` leads to; foreign ones lead nowhere.

        Raises:
            UserError: one of the files does not parse.
            LookupError: an address of ours leads nowhere.
        """
        if addresses not in self._slices:
            roots = [root for address in addresses if address for root in self._roots(address)]
            nodes = self.reached(roots)
            tokens = sorted(self._token(node, DEPTH) for node in nodes)
            sha256 = sha256_of([[self._token(root, DEPTH) for root in roots], tokens])
            self._slices[addresses] = Code(sha256, self._by_module(nodes))
        return self._slices[addresses]

    def _roots(self, address: str) -> Iterator[Node]:
        module, _, name = address.partition(":")
        if is_ours(module) and self.module(module) is None:
            raise LookupError(f"{address}: there is no such module")
        yield from (found for found in self._resolved(module, [name]) if isinstance(found, tuple))

    def reached(self, roots: Iterable[Node]) -> set[Node]:
        """All that the names lead to that `roots` and what they reach use."""
        found: set[Node] = set()
        waiting = list(roots)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting += [target for _, target in self._uses(node) if isinstance(target, tuple)]
        return found

    def imported(self, modules: Iterable[str]) -> set[str]:
        """The modules reached from `modules`, as wholes, that belong to this package or lie in the folder."""
        found: set[str] = set()
        waiting = list(modules)
        while waiting:
            name = waiting.pop()
            known = None if name in found else self.module(name)
            if known is None:
                continue
            found.add(name)
            above = name.rpartition(".")[0]
            waiting.extend([above] if above else [])  # importing a module runs its packages first
            waiting.extend(known.source.imported(known.package))
        return found

    def named(self, module: str) -> tuple[str, str]:
        """The module's name where it is not ours, and the hash of its tree."""
        known = self.known(module)
        return "" if known.ours else module, known.source.sha256

    def module(self, name: str) -> _Module | None:
        """What is known of a module; None where its code does not count."""
        if name not in self._modules:
            self._modules[name] = self._found(name)
        return self._modules[name]

    def known(self, name: str) -> _Module:
        """The same, of a module whose code counts."""
        found = self.module(name)
        if found is None:
            raise KeyError(name)
        return found

    def _found(self, name: str) -> _Module | None:
        # Most modules that are imported belong to others and lie elsewhere: no search for them.
        ours, top = is_ours(name), name.partition(".")[0]
        if not name or not (ours or (self.folder / f"{top}.py").is_file() or (self.folder / top).is_dir()):
            return None
        file = module_file(name, self.folder)
        if file is None or not (ours or lies_in(self.folder, name, file)):
            return None
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        return _Module(read_source_code(file), package, ours)

    def own(self, node: Node) -> str:
        """The hash of a definition's own tree, or of a whole module's."""
        module, name = node
        if name == WHOLE:
            return "/".join(self.named(module))
        return self.known(module).source.definitions[name].sha256

    def _token(self, node: Node, depth: int) -> str:
        """A hash over the definition and, so many steps along the names that it uses, over theirs."""
        if depth == 0:
            return self.own(node)
        if (node, depth) not in self._tokens:
            told = [
                f"{label}={target if isinstance(target, str) else self._token(target, depth - 1)}"
                for label, target in self._uses(node)
            ]
            text = "\0".join([self.own(node), *sorted(told)])
            self._tokens[node, depth] = hashlib.sha256(text.encode()).hexdigest()
        return self._tokens[node, depth]

    def _by_module(self, nodes: Iterable[Node]) -> dict[str, object]:
        told: dict[str, list[list[str]]] = {}
        for node in nodes:
            # The names of what it uses of ours: which code is behind them, that module's hash says.
            uses = [f"{label}={t if isinstance(t, str) else t[1]}" for label, t in self._uses(node)]
            told.setdefault(node[0], []).append([node[1], self.own(node), *sorted(uses)])
        return {
            name.partition(".")[2] if is_ours(name) else f"./{name}": sha256_of(sorted(parts))[:SHORT]
            for name, parts in sorted(told.items())
        }

    def _uses(self, node: Node) -> list[tuple[str, Node | str]]:
        """The names that a definition uses, each with what is behind it: a node, or a foreign address."""
        if node not in self._edges:
            self._edges[node] = list(self._find_uses(*node))
        return self._edges[node]

    def _find_uses(self, module: str, name: str) -> Iterator[tuple[str, Node | str]]:
        known = self.known(module)
        definitions = known.source.definitions
        if name != WHOLE:
            yield from self._used(module, definitions[name].uses)
            if name != RUN and RUN in definitions:
                yield "", (module, RUN)
        elif known.ours:
            yield from (("", (module, one)) for one in definitions)
            yield from (
                (one, t) for one, target in known.source.bound.items() for t in self.follow(module, target)
            )
        else:
            yield from self._used(module, {use for one in definitions.values() for use in one.uses})
            for imported in known.source.imported(known.package):
                beside = self.module(imported)
                if beside is not None and not beside.ours:
                    yield "", (imported, WHOLE)
        above = module.rpartition(".")[0]
        package = self.module(above) if above else None  # importing a module runs its packages first
        if package is not None and not package.ours:
            yield "", (above, WHOLE)
        elif package is not None and RUN in package.source.definitions:
            yield "", (above, RUN)

    def _used(self, module: str, uses: Iterable[str]) -> Iterator[tuple[str, Node | str]]:
        known = self.known(module)
        for use in uses:
            if "=" in use:
                label, _, target = use.partition("=")
                yield from ((label, found) for found in self.follow(module, target))
                continue
            root, *rest = use.split(".")
            if root in known.source.bound:
                yield from ((root, f) for f in self.follow(module, known.source.bound[root], rest))
            if root in known.source.definitions and known.ours:
                yield root, (module, root)

    def follow(self, module: str, target: str, rest: Iterable[str] = ()) -> Iterator[Node | str]:
        """What an import of `target`, written as in `SourceCode.bound`, gives a module, with attributes."""
        known = self.known(module)
        source, _, name = target.partition(":")
        yield from self._resolved(absolute(source, known.package), [*([name] if name else []), *rest])

    def _resolved(self, module: str, parts: list[str]) -> Iterator[Node | str]:
        """The definition behind `module` and attributes of it; nothing where it decides no number."""
        known = self.module(module)
        if known is None:
            yield f"{without_module(module)}:{'.'.join(parts)}"
            return
        if not known.ours:
            yield module, WHOLE
            return
        source = known.source
        name = parts[0] if parts else WHOLE
        inside = f"{module}.{name}"
        if parts and name not in source.definitions and name not in source.bound and self.module(inside):
            yield from self._resolved(inside, parts[1:])
        elif module in NUMBERLESS:
            return
        elif name in source.definitions:
            yield module, name
        elif name in source.bound:
            yield from self.follow(module, source.bound[name], parts[1:])
        elif name in source.handed_on:
            yield from self.follow(module, source.handed_on[name], parts[1:])
        elif parts and "__getattr__" in source.definitions:
            yield module, "__getattr__"
        else:
            yield module, WHOLE
