"""Pages of many optimizers, schedules or workloads, and of long names: as short, and no name on another."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.browser import opened
from lab.fabricate import Fake
from lab.pages import build

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]

LONG = "a_name_that_is_really_quite_long_as_names_go_with_all_of_its_settings"

STUDIES = {
    "forty optimizers": Fake(
        optimizers=tuple(f"optimizer_{i:02d}" for i in range(40)), seeds=6, timed=True, oscillation=True
    ),
    "thirty schedules": Fake(
        schedules=("constant", *(f"schedule_{i:02d}" for i in range(29))), seeds=6, evaluations=11, timed=True
    ),
    "long names": Fake(
        workloads=("ravine", f"workload_{LONG}"),
        optimizers=(f"adam_{LONG}", f"adam_w_{LONG}", f"heavy_ball_{LONG}"),
        schedules=("constant", f"cosine_{LONG}"),
        seeds=6,
        timed=True,
        oscillation=True,
        tuned=True,
    ),
    "forty workloads": Fake(
        workloads=("ravine", *(f"workload_{i:02d}" for i in range(39))),
        optimizers=("sgd", "adam"),
        schedules=("constant",),
        seeds=6,
        evaluations=5,
        timed=True,
    ),
}

TALLEST, MOST_STOPS = 18_000, 250
"""Of a page at 1400 px, in CSS pixels, and what the tab key stops at."""

SHOWN = """() => [
  document.body.scrollHeight,
  [...document.querySelectorAll('a[href],button,input,select,summary,[tabindex="0"]')]
    .filter((e) => !e.disabled && e.checkVisibility({visibilityProperty: true})).length,
]"""

FAULTS = """() => {
  for (const part of document.querySelectorAll("details")) part.open = true;
  const found = [];
  for (const svg of document.querySelectorAll("main .panel svg, main .lab svg")) {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim()).map((text) => {
      const box = text.getBBox(), to = text.getScreenCTM();
      const corners = [0, 1].flatMap((i) => [0, 1].map((j) => {
        // A fifth of a line is free above its letters and below.
        const [x, y] = [box.x + i * box.width, box.y + (0.2 + 0.6 * j) * box.height];
        return [to.a * x + to.c * y + to.e, to.b * x + to.d * y + to.f];
      }));
      const [xs, ys] = [0, 1].map((k) => corners.map((corner) => corner[k]));
      return { words: text.textContent, left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
    });
    const where = svg.closest(".panel")?.id ?? "lab";
    texts.forEach((a, i) => {
      if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1 || a.bottom > frame.bottom + 1) found.push([where, "cut off", a.words]);
      for (const b of texts.slice(i + 1)) {
        if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1) found.push([where, a.words, b.words]);
      }
    });
  }
  return [found, document.querySelectorAll("main .panel svg text").length];
}"""  # noqa: E501 - script


@pytest.fixture(scope="module", params=STUDIES)
def many(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    return build(folder, STUDIES[request.param])


@pytest.mark.parametrize("width", [1400, 400])
def test_no_label_lies_on_another_and_none_is_cut_off(browser, many, width):
    with opened(browser, many, width) as page:
        found, texts = page.evaluate(FAULTS)
        assert texts > 100
        assert found == []


def test_no_label_of_the_sample_lies_on_another(browser):
    with opened(browser, ROOT / "reports/sample.html") as page:
        found, texts = page.evaluate(FAULTS)
        assert texts > 1000
        assert found == []


def test_the_search_for_labels_finds_them(browser, tmp_path):
    """Two texts at one place, and one outside: what the tests above look for."""
    file = tmp_path / "faults.html"
    file.write_text(
        "<main><div class='panel' id='p'><svg width='99' height='40'><text x='9' y='20'>One</text>"
        "<text x='20' y='22'>Two</text><text x='90' y='30'>Outside</text></svg></div></main>"
    )
    with opened(browser, file) as page:
        found, _ = page.evaluate(FAULTS)
    assert found == [["p", "One", "Two"], ["p", "cut off", "Outside"]]


def test_a_page_of_many_is_no_longer(browser, many):
    with opened(browser, many) as page:
        height, stops = page.evaluate(SHOWN)
        assert height < TALLEST
        assert stops < MOST_STOPS


def test_what_is_folded_of_many_is_there(browser, tmp_path_factory):
    """Panels, findings, workloads and rows: folded or cut, all in the file, and a click away."""
    file = build(tmp_path_factory.mktemp("workloads"), STUDIES["forty workloads"])
    with opened(browser, file) as page:
        assert page.locator("#s-workloads details.fold:not(.rest)").count() == 40
        last = page.locator("#w-39")
        assert not last.is_visible()
        page.get_by_text("28 more workloads").first.click()
        assert last.is_visible()
        rows = page.locator("#t-glance tbody tr")
        assert rows.count() == 40
        assert sum(row.is_visible() for row in rows.all()) == 16
        page.get_by_role("button", name="Show all 40 rows").first.click()
        assert all(row.is_visible() for row in rows.all())
        page.get_by_role("button", name="Show 16 rows").click()
        page.locator("#t-glance ~ *, .verdict input").first.fill("workload_38")
        assert [row.inner_text().split()[0] for row in rows.all() if row.is_visible()] == ["workload_38"]
        assert page.locator("nav ol ol a").count() == 12
