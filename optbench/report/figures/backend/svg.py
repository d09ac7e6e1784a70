"""From matplotlib's SVG document to a fragment that can live in a page.

Matplotlib's SVG is a whole document with its own style sheet, timestamps, random ids and inline styles.
A page that holds a hundred of them under a strict content-security policy needs a fragment instead: no
prolog, no metadata, no `<style>` (its `*` selector would reach the whole page), no `style=` attributes,
ids that no other figure uses, coordinates to a tenth of a pixel. The same figure gives the same bytes.
"""

from __future__ import annotations

import re
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from optbench.report.palette import LIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FONTS: Final = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif"
_DOCUMENT: Final = re.compile(r'<svg\b[^>]*viewBox="([^"]+)"[^>]*>(.*)</svg>', re.DOTALL)
_METADATA: Final = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_STYLE_SHEET: Final = re.compile(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", re.DOTALL)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_STYLE: Final = re.compile(r'\sstyle="([^"]*)"')
_PATH: Final = re.compile(r'(\s(?:d|points)=)"([^"]*)"')
_POSITION: Final = re.compile(r'(\s(?:x|y|width|height)=)"(-?\d+\.\d+)"')
_TRANSLATE: Final = re.compile(r"translate\(([^)]*)\)")
_NUMBER: Final = re.compile(r"-?\d+\.\d+(?:e-?\d+)?|-?\d+e-?\d+")
_ID: Final = re.compile(r'\sid="([^"]*)"')
_REFERENCE: Final = re.compile(r'\s(?:xlink:)?href="#([^"]*)"|url\(#([^)]*)\)')
_SERIES: Final = re.compile(r"^series(\d+)-")
_EMPTY_GROUP: Final = re.compile(r"<g(?:\s[^>]*?)?(?:/>|>\s*</g>)\s*")
_GROUP: Final = re.compile(r"(<g(?:\s[^>]*)?>|</g>)")
_INVISIBLE: Final = re.compile(r'<path d="[^"]*"(?: clip-path="[^"]*")? fill="none"/>')
_NO_TURN: Final = re.compile(r'\stransform="rotate\(-?0 [^)]*\)"')
_TURN: Final = re.compile(r"rotate\((-?\d+) ([^)]*)\)")
_BETWEEN: Final = re.compile(r">\s+<")
_TEXT: Final = re.compile(r"<text [^>]*>")
_INHERITED: Final = re.compile(rf' (?:font-size="10"|fill="{LIGHT["ink"]}"|text-anchor="start")')
"""What most texts share, written once at the root."""

_DEFAULTS: Final = frozenset({("stroke-linejoin", "miter"), ("fill-opacity", "1"), ("stroke-opacity", "1")})
_FONT: Final = re.compile(r"^(?:(italic|normal|bold|\d{3})\s+)*([\d.]+)px\b.*$")


def clean(
    svg: str, prefix: str, title: str, description: str, scales: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Return matplotlib's document as one `<svg role="img">` fragment in the colours of the light page.

    Args:
        svg: as `optbench.report.figures.backend.renderer.to_svg` gives it.
        prefix: put before every id; unique in the page, letters, digits and hyphens.
        title: what the figure is, in a phrase.
        description: what it shows, for those who do not see it.
        scales: of the axes `x` and `y`, for whoever wants to read a place off the drawing.

    Raises:
        ValueError: matplotlib wrote what this function does not know.
    """
    match = _DOCUMENT.search(svg)
    if match is None:
        raise ValueError("not an SVG document with a viewBox")
    view, body = match.groups()
    for noise in (_METADATA, _STYLE_SHEET, _COMMENT):
        body = noise.sub("", body)
    body = _STYLE.sub(lambda style: _attributes(style.group(1)), body)
    body = _PATH.sub(lambda path: f'{path.group(1)}"{_compact(path.group(2))}"', body)
    body = _POSITION.sub(lambda place: f'{place.group(1)}"{_tenth(place.group(2))}"', body)
    body = _TRANSLATE.sub(lambda move: f"translate({_rounded(move.group(1))})", body)
    body = _prefix_ids(body, prefix)
    body = _NO_TURN.sub("", body)
    body = _TURN.sub(lambda turn: f"rotate({turn.group(1)} {_rounded(turn.group(2))})", body)
    body = _INVISIBLE.sub("", _BETWEEN.sub("><", body.strip()))
    while (shorter := _EMPTY_GROUP.sub("", body)) != body:
        body = shorter
    body = _TEXT.sub(lambda text: _INHERITED.sub("", text.group()), _ungroup(body))
    _, _, width, height = (float(part) for part in view.split())
    ends = "".join(f" data-{axis}={quoteattr(scale)}" for axis, scale in scales.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-labelledby="{prefix}-title {prefix}-desc" '
        f'font-family={quoteattr(FONTS)} font-size="10" fill="{LIGHT["ink"]}" '
        f'stroke-linejoin="round" stroke-linecap="butt"{ends}>'
        f'<title id="{prefix}-title">{escape(title)}</title>'
        f'<desc id="{prefix}-desc">{escape(description)}</desc>{body}</svg>\n'
    )


@cache
def _attributes(style: str) -> str:
    """Return a style's declarations as presentation attributes, which need no leave from the policy."""
    return "".join(f" {name}={quoteattr(value)}" for name, value in _declarations(style))


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    for declaration in style.split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if not name or (name, value) in _DEFAULTS or name == "font-family":
            continue
        if name == "font":
            yield from _font(value)
        elif name == "clip-path" or not name.startswith("font"):
            yield name, value
        else:
            yield name, value.removesuffix("px")


def _font(shorthand: str) -> Iterator[tuple[str, str]]:
    """Split the `font:` shorthand, which is no presentation attribute, into those that are."""
    match = _FONT.match(shorthand)
    if match is None:
        raise ValueError(f"a font that matplotlib did not write before: {shorthand!r}")
    for word in shorthand[: match.start(2)].split():
        if word == "italic":
            yield "font-style", word
        elif word != "normal":
            yield "font-weight", word
    yield "font-size", match.group(2)


def _tenth(text: str) -> str:
    return f"{round(float(text), 1) + 0.0:g}" if abs(float(text)) < 1e5 else text  # noqa: PLR2004


def _rounded(text: str) -> str:
    return _NUMBER.sub(lambda number: _tenth(number.group()), text)


def _compact(path: str) -> str:
    """Round a path's numbers, draw its lines by relative moves and drop the spaces that no reader needs."""
    words = path.split()
    lines = all(word in "MLz" for word in words if word[0].isalpha())
    short = " ".join(_relative(words)) if lines else _rounded(" ".join(words))
    short = re.sub(r" ?([A-Za-z]) ?", r"\1", short)
    return short.replace(" -", "-")


def _relative(words: list[str]) -> list[str]:
    """Return a path of absolute moves and lines with lines relative: half the characters for a curve.

    Whole tenths are subtracted, so no error adds up along the way.
    """
    parts: list[str] = []
    x = y = 0
    lining = False
    following = iter(words)
    for command in following:
        if command == "z":
            parts.append("z")
            lining = False
            continue
        new_x = round(round(float(next(following)), 1) * 10)
        new_y = round(round(float(next(following)), 1) * 10)
        if command == "M":
            parts.append(f"M {new_x / 10:g} {new_y / 10:g}")
        else:
            parts.append(f"{'' if lining else 'l '}{(new_x - x) / 10:g} {(new_y - y) / 10:g}")
        x, y, lining = new_x, new_y, command == "L"
    return parts


def _ungroup(body: str) -> str:
    """Drop the groups that carry no attribute; matplotlib nests several around every mark."""
    kept: list[bool] = []
    parts = []
    for part in _GROUP.split(body):
        if part == "</g>":
            if not kept.pop():
                continue
        elif _GROUP.fullmatch(part):
            kept.append(part != "<g>")
            if not kept[-1]:
                continue
        parts.append(part)
    return "".join(parts)


def _prefix_ids(body: str, prefix: str) -> str:
    """Prefix ids that something refers to, turn the rest into nothing, and mark series for highlighting."""
    used = {first or second for first, second in _REFERENCE.findall(body)}
    names = {old: f"{prefix}-{index}" for index, old in enumerate(sorted(used))}

    def identify(match: re.Match[str]) -> str:
        old = match.group(1)
        series = _SERIES.match(old)
        mark = f' class="s{series.group(1)}"' if series else ""
        return mark + (f' id="{names[old]}"' if old in names else "")

    def refer(match: re.Match[str]) -> str:
        if match.group(2) is not None:
            return f"url(#{names[match.group(2)]})"
        return f' href="#{names[match.group(1)]}"'

    return _REFERENCE.sub(refer, _ID.sub(identify, body))
