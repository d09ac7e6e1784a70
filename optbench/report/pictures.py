"""Which pictures a page takes: an allow-list of SVG's elements, attributes and values.

A drawing stands in the page as it is, so one from somebody else's results must not be able to do what a page
can: run a script, load or link anything, navigate, restyle what is around it. What optbench draws needs
few elements; a picture with anything else in it is refused as a whole, never repaired. The parser is expat,
which meets a document type, and with it any entity, no further than its first words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NAMESPACE: Final = "http://www.w3.org/2000/svg"

_NUMBER: Final = r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_ID: Final = r"p\d*-[A-Za-z0-9]+"
_VALUES: Final[Mapping[str, re.Pattern[str]]] = {
    name: re.compile(pattern)
    for names, pattern in (
        ("id", _ID),
        ("data-x data-y", rf"{_NUMBER}(?: {_NUMBER}){{3}} (?:linear|log)"),
        ("class", r"s\d+"),
        ("href", f"#{_ID}"),
        ("clip-path", rf"url\(#{_ID}\)"),
        ("aria-labelledby", rf"{_ID} {_ID}"),
        ("role", "img"),
        ("xmlns", re.escape(NAMESPACE)),
        ("fill stroke", r"none|#[0-9a-f]{6}"),
        ("viewBox", rf"{_NUMBER}(?: {_NUMBER}){{3}}"),
        ("x y x1 y1 x2 y2 cx cy r rx ry dx dy width height", _NUMBER),
        ("font-size stroke-width stroke-dashoffset stroke-miterlimit", _NUMBER),
        ("fill-opacity stroke-opacity opacity", _NUMBER),
        ("stroke-dasharray", rf"none|{_NUMBER}(?:[, ]{_NUMBER})*"),
        ("d points", r"[MLHVCSQTAZmlhvcsqtaz0-9eE., +-]*"),
        ("transform", r"(?:(?:translate|rotate|scale|matrix)\([0-9eE., +-]*\) ?)+"),
        ("font-family", r"[A-Za-z0-9 ,'-]+"),
        ("font-weight", r"\d{3}|normal|bold"),
        ("font-style", "normal|italic|oblique"),
        ("text-anchor", "start|middle|end"),
        ("stroke-linejoin", "miter|round|bevel"),
        ("stroke-linecap", "butt|round|square"),
        ("fill-rule clip-rule", "nonzero|evenodd"),
    )
    for name in names.split()
}
"""The attributes that there may be, and what each may hold as a whole."""

_LOOK: Final = frozenset(
    {
        *("fill", "fill-opacity", "fill-rule", "clip-path", "clip-rule", "opacity", "transform", "class"),
        *("stroke", "stroke-width", "stroke-linejoin", "stroke-linecap", "stroke-miterlimit"),
        *("stroke-dasharray", "stroke-dashoffset", "stroke-opacity"),
    }
)
_WORDS: Final = frozenset({"font-family", "font-size", "font-weight", "font-style", "text-anchor"})
_ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "svg": frozenset({"xmlns", "viewBox", "width", "height", "role", "aria-labelledby", "data-x", "data-y"})
    | _LOOK
    | _WORDS,
    "title": frozenset({"id"}),
    "desc": frozenset({"id"}),
    "defs": frozenset(),
    "clipPath": frozenset({"id"}),
    "g": _LOOK | _WORDS | {"id"},
    "path": _LOOK | {"id", "d"},
    "rect": _LOOK | {"x", "y", "width", "height", "rx", "ry"},
    "circle": _LOOK | {"cx", "cy", "r"},
    "ellipse": _LOOK | {"cx", "cy", "rx", "ry"},
    "line": _LOOK | {"x1", "y1", "x2", "y2"},
    "polyline": _LOOK | {"points"},
    "polygon": _LOOK | {"points"},
    "use": _LOOK | {"x", "y", "href"},
    "text": _LOOK | _WORDS | {"x", "y", "dx", "dy"},
    "tspan": _LOOK | _WORDS | {"x", "y", "dx", "dy"},
}
"""The elements that there may be, with their attributes: no link, script, style, image or animation, no
markup of another kind, no `style`, no event."""

_TEXTS: Final = frozenset({"title", "desc", "text", "tspan"})
"""Elements with words in them, and with no element but a `tspan`: in a page, `title` and `desc` hold HTML."""

DEEPEST: Final = 30
"""Elements within each other."""


class PictureError(ValueError):
    """A picture that is not of those that optbench draws; the message says in which way."""


def check_picture(svg: str) -> float:
    """Returns the width of a picture, in CSS pixels, once all of it is known to be allowed.

    Args:
        svg: the whole file.

    Raises:
        PictureError: it is no picture of optbench.
    """
    return _Check(svg).width


class _Check:
    """One walk through a picture."""

    def __init__(self, svg: str) -> None:
        self.width = 0.0
        self._open: list[str] = []
        self._paths: set[str] = set()
        self._used: set[str] = set()
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.XmlDeclHandler = _refuse("an XML declaration")
        parser.StartDoctypeDeclHandler = _refuse("a document type")
        parser.EntityDeclHandler = _refuse("an entity")
        parser.ProcessingInstructionHandler = _refuse("a processing instruction")
        parser.CommentHandler = _refuse("a comment")
        parser.StartCdataSectionHandler = _refuse("a CDATA section")
        try:
            parser.Parse(svg.encode("utf-8"), True)
        except (expat.ExpatError, UnicodeEncodeError) as problem:
            raise PictureError(f"is no XML: {problem}") from None
        # What a `use` shows may use nothing itself: a few of them within each other would be millions.
        if not self._used <= self._paths:
            raise PictureError("has a <use> of something else than a path of its own")

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self._open:
            if name != "svg" or not {"width", "height", "viewBox", "xmlns"} <= attributes.keys():
                raise PictureError("is not one <svg> with its size")
        elif name == "svg" or name not in _ALLOWED:
            raise PictureError(f"has a <{name}>")
        elif self._open[-1] in _TEXTS and name != "tspan":
            raise PictureError(f"has a <{name}> in a <{self._open[-1]}>")
        for key, value in attributes.items():
            if key not in _ALLOWED[name]:
                raise PictureError(f"has a <{name}> with the attribute {key}")
            if not _VALUES[key].fullmatch(value):
                raise PictureError(f"has a <{name}> whose {key} is {value[:60]!r}")
        if not self._open:
            self.width = float(attributes["width"])
        if name == "path" and "id" in attributes:
            self._paths.add(attributes["id"])
        if name == "use":
            self._used.add(attributes.get("href", "#").removeprefix("#"))
        self._open.append(name)
        if len(self._open) > DEEPEST:
            raise PictureError(f"has more than {DEEPEST} elements within each other")

    def _end(self, name: str) -> None:  # noqa: ARG002 - the parser's signature
        self._open.pop()

    def _text(self, text: str) -> None:
        if self._open[-1] not in _TEXTS and text.strip():
            raise PictureError(f"has words in a <{self._open[-1]}>")


def _refuse(what: str) -> Callable[..., None]:
    def handler(*_: object) -> None:
        raise PictureError(f"has {what}")

    return handler
