"""SVG is clean, repeats and holds text as text."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from lab.fabricate import HOSTILE
from lab.figures import fragment, one_figure
from optbench.report.figures.backend.style import drawing
from optbench.report.figures.backend.svg import clean
from optbench.report.palette import LIGHT, themed


def test_svg_is_clean_and_repeats():
    with drawing():
        svg, again = (fragment(one_figure(), "p1", "A <title>", 'said "so" & so') for _ in range(2))
    assert svg == again
    root = ET.fromstring(svg)  # noqa: S314 - our own text
    assert root.get("role") == "img"
    assert root[0].text == "A <title>"
    assert not re.search(r"<style|<metadata|<!--|\sstyle=|xlink|http(?!://www\.w3\.org/2000/svg)", svg)
    assert {i.startswith("p1-") for i in re.findall(r'\bid="([^"]+)"', svg)} == {True}
    used = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)
    assert {a or b for a, b in used} <= set(re.findall(r'\bid="([^"]+)"', svg))
    numbers = re.findall(r"\d+\.(\d+)", "".join(re.findall(r'\sd="([^"]*)"', svg)))
    assert {len(decimals) for decimals in numbers} == {1}
    colours = set(re.findall(r"#[0-9a-f]{6}", svg))
    assert colours <= set(LIGHT.values())
    assert not re.search(r"#[0-9a-f]{6}", themed(svg))
    assert 'stroke="var(--hue-0)"' in themed(svg)


def test_svg_lines_keep_their_shape():
    with drawing():
        figure = one_figure()
        svg = fragment(figure, "p", "t", "d")
    axes = figure.axes[0]
    want = axes.transData.transform(np.column_stack([[0, 10, 20], [2.0, 1.0, 0.5]]))
    want[:, 1] = 216 - want[:, 1]
    paths = re.findall(r'<g class="s0"><path d="M([\d. -]+)l([\d. -]+)"', svg)
    got = []
    for start, moves in paths:
        numbers = [float(v) for v in re.findall(r"-?[\d.]+", f"{start} {moves}")]
        got.append(np.cumsum(np.reshape(numbers, (-1, 2)), axis=0))
    assert any(len(g) == 3 and np.abs(g - want).max() <= 0.1 for g in got)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_titles_are_text_not_markup_or_formulas(name):
    with drawing():
        svg = fragment(one_figure(name), "p", name, name)
    root = ET.fromstring(svg)  # noqa: S314
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert name in texts
    assert "<script" not in svg


def test_an_artist_without_anything_to_draw_takes_no_other_with_it():
    """A group that matplotlib closes at once (`<g clip-path=.../>`) may be the last of its parent."""
    body = '<g id="a"><g clip-path="url(#c)"/></g>'
    body += '<g id="series0-x"><path d="M 1.0 2.0 L 3.0 4.0" style="stroke: #000"/></g>'
    body += '<defs><clipPath id="c"><rect x="1.0" y="1.0" width="2.0" height="2.0"/></clipPath></defs>'
    svg = clean(f'<svg viewBox="0 0 9 9">{body}</svg>', "p", "t", "d")
    root = ET.fromstring(svg)  # noqa: S314
    assert [e.attrib for e in root.iter() if e.tag.endswith("}g")] == [{"class": "s0"}]
