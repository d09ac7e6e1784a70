"""A study file's YAML as plain values, each with its place; what YAML leaves to its readers is refused.

YAML 1.1 and 1.2 read `010`, `1_000`, `1:30` and `2001-01-01` as different things, an alias may hold itself or
stand for a billion values, and a tag may ask for anything. Here a scalar without quotes is null, true, false,
a decimal number or text, a key is text, and the rest is one line that names the line, the column and the key.

PyYAML's parser gives events, one after the other; its composer and constructors, which call themselves for
every level and raise whatever Python raises, are left out.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

import yaml

from optbench.core.errors import UserError
from optbench.core.text import cut, shown, unshowable
from optbench.study.places import NOTHING, Node, Place, key_path
from optbench.study.scalars import kind_of, plain_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from optbench.study.places import Step

LARGEST_FILE: Final = 1_000_000
"""Bytes of a study file: the largest that anybody writes by hand has a hundredth."""

MOST_LEVELS: Final = 50
"""Levels of mappings and lists inside each other."""

MOST_VALUES: Final = 200_000
"""Values of a file, those that aliases repeat counted each time."""

LONGEST_KEY: Final = 200
"""Characters of a key."""

_NO_TEXT: Final = re.compile(
    # What else breaks a line in YAML 1.1 alone.
    f"{yaml.reader.Reader.NON_PRINTABLE.pattern}|[\x85\u2028\u2029]"
)

_IN_A_KEY: Final = "while scanning a simple key"
"""What PyYAML's scanner says that it was about where a key's colon does not come."""

_YAML: Final = "tag:yaml.org,2002:"

_TAGS: Final[dict[str, tuple[type, str]]] = {
    f"{_YAML}bool": (bool, "true or false"),
    f"{_YAML}float": (float, "a decimal number"),
    f"{_YAML}int": (int, "a decimal whole number"),
    f"{_YAML}null": (type(None), "null"),
}


def read_text(file: Path) -> str:
    """What a study file holds.

    Raises:
        UserError: it cannot be read, is no UTF-8, is too large, or holds characters that are no text.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise UserError(f"the study file cannot be read: {error.strerror or error}") from None
    if len(raw) > LARGEST_FILE:
        raise UserError(f"the study file has more than {LARGEST_FILE} bytes: is it another file?")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        raise UserError("the study file is not UTF-8 but UTF-16 or UTF-32: save it as UTF-8")
    try:
        # By hand: after a byte order mark, the codec that skips it counts an error's place from behind it.
        raw = raw.removeprefix(codecs.BOM_UTF8)
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        read = raw[: error.start].decode("utf-8")
        hexadecimal = f"0x{raw[error.start]:02x}"
        raise UserError(
            f"{_place_at(read, len(read))}: the byte {hexadecimal} is not UTF-8: save the file as UTF-8"
        ) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if found := _NO_TEXT.search(text):
        escape = unshowable(found[0], lines=True) or ascii(found[0]).strip("'")
        hint = " (is the file UTF-16, or no text at all?)" if found[0] == "\0" else ""
        raise UserError(f"{_place_at(text, found.start())}: the character {escape} is not allowed{hint}")
    return text


def _place_at(text: str, position: int) -> Place:
    before = text[:position]
    return Place(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


def read_yaml(text: str) -> Node:
    """The one YAML document in `text`; an empty text is a document that holds null.

    Raises:
        UserError: it is no YAML, or holds what a study file may not.
    """
    return _Composer(text).document()


@dataclass
class _Open:
    """A mapping or a list whose end has not come yet.

    Attributes:
        node: what it holds so far.
        begun: where it begins.
        anchor: its name, if it has one.
        key: of a mapping, the key whose value comes next; "<<" too where `merging`.
        key_place: where that key stands.
        merging: whether that key is the `<<` that brings in other mappings.
        merged: those, None where none were asked for.
    """

    node: Node
    begun: Place
    anchor: str | None
    key: str | None = None
    key_place: Place | None = None
    merging: bool = False
    merged: list[Node] | None = None

    @property
    def expects_key(self) -> bool:
        return self.key is None and isinstance(self.node.value, dict)


class _Composer:
    """Makes nodes of the parser's events, without calling itself however deep they go."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parser = yaml.SafeLoader(text)
        self.open: list[_Open] = []
        self.anchors: dict[str, Node | None] = {}
        """None: what it names has not ended yet."""
        self.values = 0
        self.top: Node | None = None

    def document(self) -> Node:
        documents = 0
        for event in self._events():
            place = _place(event.start_mark)
            match event:
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        self._refuse(place, "another document begins here; a study file is one")
                case yaml.AliasEvent():
                    self._alias(event, place)
                case yaml.ScalarEvent():
                    self._scalar(event, place)
                case yaml.CollectionStartEvent():
                    self._begin(event, place)
                case yaml.CollectionEndEvent():
                    self._end()
        return self.top or Node(None)

    def _events(self) -> Iterator[yaml.Event]:
        while True:
            try:
                event: yaml.Event | None = self.parser.get_event()  # type: ignore[no-untyped-call]
            except yaml.MarkedYAMLError as error:
                mark = error.problem_mark or error.context_mark or self.parser.get_mark()
                if error.context == _IN_A_KEY and error.context_mark is not None:
                    mark = error.context_mark  # where it begins: the parser has gone on to look for its colon
                    self._refuse_long_key(mark)
                problem = " ".join(str(error.problem or error.context).split())
                hint = "; indent with spaces, not with tabs" if r"'\t'" in problem else ""
                raise UserError(f"{_place(mark)}: not YAML: {cut(problem)}{hint}") from None
            except (ValueError, OverflowError):
                # Of the parser's own: "\U00110000" is no character, and a version may have too many digits.
                place = _place(self.parser.get_mark())
                raise UserError(f"{place}: not YAML: an escape or a version that does not exist") from None
            if event is None:
                return
            yield event

    def _refuse_long_key(self, mark: yaml.error.Mark) -> None:
        """Of a key that is too long for the parser, which then says that it has no colon."""
        key, colon, _ = self.text.split("\n")[mark.line][mark.column :].partition(":")
        if colon and len(key) > LONGEST_KEY:
            self._refuse(_place(mark), _too_long(key))

    def _refuse(self, place: Place, what: str) -> NoReturn:
        where = key_path(list(self._path()))
        raise UserError(f"{place}: {where}{': ' if where else ''}{what}")

    def _path(self) -> Iterator[Step]:
        for one in self.open:
            if isinstance(one.node.value, list):
                yield len(one.node.value)
            elif one.key is not None:
                yield one.key

    def _count(self, place: Place, size: int) -> None:
        self.values += size
        if self.values > MOST_VALUES:
            self._refuse(place, f"more than {MOST_VALUES} values, those that aliases repeat included")

    def _name(self, anchor: str | None, place: Place, node: Node | None) -> None:
        if anchor is not None and anchor in self.anchors:
            self._refuse(place, f"the anchor {shown(anchor)} stands twice")
        if anchor is not None:
            self.anchors[anchor] = node

    def _alias(self, event: yaml.AliasEvent, place: Place) -> None:
        name = str(event.anchor)
        if name not in self.anchors:
            self._refuse(place, f"the alias {shown(name)} has no anchor before it")
        node = self.anchors[name]
        if node is None:
            self._refuse(place, f"the alias {shown(name)} stands inside of what it stands for")
        self._count(place, node.size)
        self._add(node, place)

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> None:
        self._count(place, 1)
        plain = event.style is None and event.tag is None
        if plain and event.value == "<<" and self.open and self.open[-1].expects_key:
            top = self.open[-1]
            if top.merged is not None:
                self._refuse(place, "the key '<<' stands twice; a list merges several")
            top.key, top.key_place, top.merging = "<<", place, True
            return
        if plain or event.tag not in {None, "!", f"{_YAML}str"}:
            value = self._resolved(str(event.value), event.tag, place)
        else:
            value = str(event.value)
        if isinstance(value, str) and (escape := unshowable(value, lines=True)):
            self._refuse(place, f"the character {escape} is not allowed")
        node = Node(value, plain="" if isinstance(value, str) else cut(str(event.value)) or NOTHING)
        self._name(event.anchor, place, node)
        self._add(node, place)

    def _resolved(self, written: str, tag: str | None, place: Place) -> object:
        """What a scalar without quotes means, or one with a tag."""
        if tag is not None and tag not in _TAGS:
            self._refuse(place, _unknown_tag(tag))
        try:
            value = plain_value(written)
        except ValueError as error:
            self._refuse(place, str(error))
        if tag is None:
            return value
        kind, words = _TAGS[tag]
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is not kind:
            self._refuse(place, f"the tag !!{tag.removeprefix(_YAML)} needs {words}; got {shown(written)}")
        return value

    def _begin(self, event: yaml.CollectionStartEvent, place: Place) -> None:
        self._count(place, 1)
        kind = "map" if isinstance(event, yaml.MappingStartEvent) else "seq"
        if self.open and self.open[-1].expects_key:
            self._refuse(place, f"a key must be text; got a {'mapping' if kind == 'map' else 'list'}")
        if event.tag not in {None, "!", f"{_YAML}{kind}"}:
            self._refuse(place, _unknown_tag(str(event.tag)))
        if len(self.open) == MOST_LEVELS:
            raise UserError(f"{place}: more than {MOST_LEVELS} levels of mappings and lists")
        self._name(event.anchor, place, None)
        self.open.append(_Open(Node({} if kind == "map" else []), place, event.anchor))

    def _end(self) -> None:
        done = self.open.pop()
        node = done.node
        if done.merged is not None:
            # As YAML 1.1 has it: a key of the mapping itself wins, and of several that are merged the first.
            own, node.parts = node.parts, {}
            for other in reversed(done.merged):
                node.parts |= other.parts
            node.parts |= own
            node.value = {key: part.value for key, (_, part) in node.parts.items()}
        node.size = 1 + sum(part.size for _, part in node.parts.values())
        if done.anchor is not None:
            self.anchors[done.anchor] = node
        self._add(node, done.begun)

    def _add(self, node: Node, place: Place) -> None:
        """Puts a node that is whole where it belongs: into what is open, or at the top."""
        if not self.open:
            self.top = node
            return
        top = self.open[-1]
        value = top.node.value
        if isinstance(value, list):
            top.node.parts[len(value)] = place, node
            value.append(node.value)
        elif top.key is None:
            self._add_key(top, node, place)
        elif isinstance(value, dict):
            if top.merging:
                top.merged, top.merging = self._merged(node, place), False
            else:
                top.node.parts[top.key] = top.key_place or place, node
                value[top.key] = node.value
            top.key = None

    def _add_key(self, top: _Open, node: Node, place: Place) -> None:
        key = node.value
        if not isinstance(key, str):
            kind = "a list" if isinstance(key, list) else "a mapping" if isinstance(key, dict) else ""
            if kind:
                self._refuse(place, f"a key must be text; got {kind}")
            self._refuse(
                place, f"a key must be text; {node.plain} is {kind_of(key)} to YAML: put it into quotes"
            )
        if escape := unshowable(key):
            self._refuse(place, f"the character {escape} is not allowed in a key")
        if len(key) > LONGEST_KEY:
            self._refuse(place, _too_long(key))
        if key in top.node.parts:
            first, _ = top.node.parts[key]
            self._refuse(place, f"the key {shown(key)} stands twice, first on {first}")
        top.key, top.key_place = key, place

    def _merged(self, node: Node, place: Place) -> list[Node]:
        nodes = [part for _, part in node.parts.values()] if isinstance(node.value, list) else [node]
        if not all(isinstance(one.value, dict) for one in nodes):
            self._refuse(place, "must be a mapping or a list of mappings to merge")
        return nodes


def _place(mark: yaml.error.Mark | yaml._yaml.Mark | None) -> Place:
    if mark is None:
        return Place(1, 1)
    return Place(mark.line + 1, mark.column + 1)


def _too_long(key: str) -> str:
    return f"a key has at most {LONGEST_KEY} characters; got {shown(key)}"


def _unknown_tag(tag: str) -> str:
    known = ", ".join(f"!!{name.removeprefix(_YAML)}" for name in (*_TAGS, "map", "seq", "str"))
    written = f"!!{tag.removeprefix(_YAML)}" if tag.startswith(_YAML) else tag
    return f"the tag {cut(written)} is none of a study file's (allowed: {known})"
