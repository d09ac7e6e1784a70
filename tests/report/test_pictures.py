"""Pictures are what optbench draws, or not in the page at all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.fabricate import HOSTILE
from lab.figures import fragment, one_figure
from lab.pages import mixed_page
from optbench.report.figures.backend.style import drawing
from optbench.report.pictures import DEEPEST, PictureError, check_picture

HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 40" width="90" height="40" role="img" '
    'aria-labelledby="p1-title p1-desc" font-family="DejaVu Sans, sans-serif" font-size="10" fill="#1b1d22">'
)


def svg(body: str, head: str = HEAD) -> str:
    return f"{head}{body}</svg>\n"


FINE = svg(
    '<title id="p1-title">a &lt;b&gt;</title><desc id="p1-desc">c &amp; "d"</desc>'
    '<defs><path id="p1-1" d="M0 0l0 3" stroke="#5a5f6b"/><clipPath id="p1-2"><rect x="1" y="2" width="3.5" '
    'height="4"/></clipPath></defs><g class="s0" clip-path="url(#p1-2)"><use href="#p1-1" x="1e-05" y="-.5"/>'
    '<text x="1" y="2" transform="rotate(-90 12.4 102)" text-anchor="end">a<tspan dy="3">b</tspan></text></g>'
)


def test_what_optbench_draws_is_allowed() -> None:
    assert check_picture(FINE) == 90.0
    with drawing():
        for title in HOSTILE:
            assert check_picture(fragment(one_figure(), "p1", title, title)) > 0


def test_every_figure_of_a_page_is_allowed_and_stands_in_it_unchanged(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = mixed_page(tmp_path_factory)
    page = path.read_text(encoding="utf-8")
    files = sorted((path.parents[2] / "results/demo/figures").glob("*.svg"))
    assert len(files) > 40
    for file in files:
        text = file.read_text(encoding="utf-8")
        width = re.search(r' width="([\d.]+)"', text)
        assert width is not None
        assert check_picture(text) == float(width[1])
        # But for the colours, which the page sets, and the name of the language, which it knows.
        body = re.sub(r'"#[0-9a-f]{6}"', '"C"', text).replace('xmlns="http://www.w3.org/2000/svg" ', "")
        assert body in re.sub(r'"var\(--[a-z0-9-]+\)"', '"C"', page)


HARMFUL = {
    "a script": svg("<script>alert(1)</script>"),
    "a script that is loaded": svg('<script href="https://example.org/a.js"/>'),
    "a foreign object": svg("<foreignObject><meta/></foreignObject>"),
    "a meta refresh": svg('<meta http-equiv="refresh" content="0;url=https://example.org"/>'),
    "a link": svg('<a href="javascript:alert(1)"><text>x</text></a>'),
    "a style sheet": svg("<style>@import url(https://example.org)</style>"),
    "a style": svg('<path d="M0 0" style="fill:url(https://example.org)"/>'),
    "an event": svg('<path d="M0 0" onclick="alert(1)"/>'),
    "an event of the root": svg("", HEAD.replace(" role", ' onload="alert(1)" role')),
    "an image": svg('<image href="https://example.org/a.png"/>'),
    "an image of data": svg('<image href="data:image/png;base64,AAAA"/>'),
    "a use of another file": svg('<use href="other.svg#a"/>'),
    "a use of data": svg('<use href="data:image/svg+xml,x#p1-1"/>'),
    "an animation of a link": svg('<animate attributeName="href" to="javascript:alert(1)"/>'),
    "a set": svg('<set attributeName="href" to="javascript:alert(1)"/>'),
    "a fill elsewhere": svg('<path d="M0 0" fill="url(https://example.org#a)"/>'),
    "a clip elsewhere": svg('<path d="M0 0" clip-path="url(//example.org#p1-1)"/>'),
    "a variable of the page": svg('<path d="M0 0" fill="var(--x)"/>'),
    "xlink": svg('<use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="javascript:alert(1)"/>'),
    "another language": svg('<h:script xmlns:h="http://www.w3.org/1999/xhtml">alert(1)</h:script>'),
    "another language throughout": svg("", HEAD.replace("2000/svg", "1999/xhtml")),
    "a picture in a picture": svg(HEAD + "</svg>"),
    "html in a title": svg('<title id="p1-title"><img src="x"/></title>'),
    "html in a description": svg("<desc><path/></desc>"),
    "html in a cdata": svg("<desc><![CDATA[<img src=x onerror=alert(1)>]]></desc>"),
    "a comment": svg("<!-- <img src=x onerror=alert(1)> -->"),
    "an instruction": svg('<?xml-stylesheet href="https://example.org/a.css"?>'),
    "an entity": f'<!DOCTYPE svg [<!ENTITY a "b">]>{svg("<text>&a;</text>")}',
    "a file as an entity": f'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/hostname">]>{svg("<text>&a;</text>")}',
    "a document type": f'<!DOCTYPE svg SYSTEM "https://example.org/a.dtd">{FINE}',
    "a declaration": f'<?xml version="1.0"?>{FINE}',
    "two pictures": FINE + FINE,
    "words after it": FINE + "words",
    "words beside it": svg("words"),
    "an id of the page": svg('<path id="main" d="M0 0"/>'),
    "a class of the page": svg('<path class="skip" d="M0 0"/>'),
    "a number that is none": svg("", HEAD.replace('"90"', '"90em"')),
    "no width": svg("", HEAD.replace(' width="90"', "")),
    "a use of a use": svg('<defs><g id="p1-1"><use href="#p1-2"/></g></defs><use href="#p1-1"/>'),
    "a use of nothing": svg('<use href="#p1-9"/>'),
    "a use without": svg("<use/>"),
    "too deep": svg("<g>" * DEEPEST + "</g>" * DEEPEST),
    "no picture": "<html></html>",
    "no xml": "<svg",
    "nothing": "",
    "a control character": svg("<text>\x1b[31m</text>"),
    "half a pair": svg("<text>\ud800</text>"),
}


@pytest.mark.parametrize("text", HARMFUL.values(), ids=list(HARMFUL))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(PictureError) as told:
        check_picture(text)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["a:b", "ſvg", "SVG", "clippath", "Script", "textPath", "switch", "symbol"])
def test_an_element_is_known_by_its_very_name(name: str) -> None:
    with pytest.raises(PictureError):
        check_picture(svg(f"<{name}/>"))


def test_entities_within_entities_are_refused_before_they_grow(tmp_path: Path) -> None:
    """A kind that another parser would expand; three levels here, which would be harmless."""
    levels = "".join(f'<!ENTITY a{n} "&a{n - 1};&a{n - 1};">' for n in range(1, 4))
    with pytest.raises(PictureError, match="has a document type"):
        check_picture(f'<!DOCTYPE svg [<!ENTITY a0 "x">{levels}]>{svg("<text>&a3;</text>")}')
