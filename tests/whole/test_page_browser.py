"""The page in a real browser: silent, offline, whole without script, accessible, no wider than a phone's."""

from __future__ import annotations

import csv
import shlex

import numpy as np
import pandas as pd
import pytest

from lab.browser import opened, wait_until
from lab.fabricate import HOSTILE, Fake, fabricate, ravine_path
from lab.pages import mixed_page, ranked_page
from optbench.report.figures.draw import draw_all
from optbench.report.page.build import render
from optbench.tables.heavy_ball import CURVATURES, exact_rate, spectral_radius
from optbench.theory import lesson
from optbench.theory.oracle import forms

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    return mixed_page(tmp_path_factory)


@pytest.fixture(scope="module")
def long_page_file(tmp_path_factory):
    """More cells than one page of the list, and hostile names; without figures."""
    folder = tmp_path_factory.mktemp("long")
    fake = Fake(workloads=("digits",), optimizers=("sgd", *HOSTILE), seeds=25, evaluations=5)
    return render(fabricate(folder / "results" / "long", fake), folder / "reports")


def of_ten_thousand(folder):
    """A page whose run table has 10,000 cells, 4,999 of them diverged; without figures."""
    fake = Fake(
        workloads=("digits",), optimizers=("sgd", "adam"), schedules=("constant",), seeds=6, evaluations=5
    )
    results = fabricate(folder / "results" / "vast", fake)
    table = results / "tables" / "runs.parquet"
    few = pd.read_parquet(table)
    runs = pd.concat([few.assign(seed=few["seed"] + turn * 6) for turn in range(834)], ignore_index=True)
    runs = runs.iloc[:10_000]
    runs["cell"] = "digits/" + runs["optimizer"] + "/constant/" + runs["seed"].astype(str)
    runs.loc[runs.index[1::2][1:], "status"] = "diverged"
    runs.to_parquet(table, index=False)
    return render(results, folder / "reports"), runs


VIEWS = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"width": 400},
    "print": {},
    "no script": {"java_script_enabled": False},
}


@pytest.mark.parametrize("view", ["light", "dark", "phone"])
def test_page_is_silent_and_fits(browser, page_file, view):
    with opened(browser, page_file, **VIEWS[view]) as page:
        wide, shown = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= shown
        page.locator("summary").first.click()
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(21, 23, 28)" if view == "dark" else "rgb(255, 255, 255)")
        hue = page.evaluate("getComputedStyle(document.querySelector('.panel .s0 path[stroke]')).stroke")
        assert hue == ("rgb(158, 213, 253)" if view == "dark" else "rgb(2, 52, 129)")


def test_ten_thousand_cells(browser, tmp_path):
    file, runs = of_ten_thousand(tmp_path)
    assert file.stat().st_size < 5e6
    last = runs["cell"].iloc[-1]
    with opened(browser, file) as page:
        page.evaluate("(name) => { location.hash = '#cell=' + encodeURIComponent(name); }", last)
        card = page.locator("tr.found")
        card.wait_for()
        assert last in card.inner_text()
        assert "diverged · 4999 cells" in page.locator("#s-completeness").inner_text()
        # What is far from the screen waits, from the page's head on.
        lazy = "getComputedStyle(document.querySelector('.fold > .scroll')).contentVisibility"
        assert page.evaluate(lazy) == "auto"


def test_long_names_fit_a_phone(browser, tmp_path):
    fake = Fake(
        workloads=("a_workload_with_a_name_of_more_than_thirty_letters",),
        optimizers=("an_optimizer_with_a_name_of_more_than_thirty_letters",),
        schedules=("a_schedule_with_a_name_of_more_than_thirty_letters",),
        seeds=2,
        evaluations=5,
    )
    results = fabricate(tmp_path / "results" / "long", fake)
    draw_all(results / "tables", results / "figures")
    with opened(browser, render(results, tmp_path / "reports"), width=400) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_what_matters_is_above_the_fold(browser, tmp_path_factory):
    with opened(browser, ranked_page(tmp_path_factory)) as page:
        verdict = ("#s-verdict .lead", "#t-glance", "#ranking svg", ".provenance")
        for selector in ("h1", ".question", ".strip", ".counts", *verdict):
            box = page.locator(selector).first.bounding_box()
            assert box["y"] + box["height"] <= 900


def test_without_script_everything_is_there(browser, long_page_file, page_file):
    for file, cells in ((long_page_file, 250), (page_file, 48)):
        with opened(browser, file, java_script_enabled=False) as page:
            rows = page.locator("#t-cells tbody tr")
            assert rows.count() == cells
            page.locator("#cell-list > summary").click()
            assert rows.last.is_visible()
            assert page.locator("button").count() == 0
            page.locator("summary").first.click()


@pytest.mark.parametrize("view", ["light", "dark", "phone", "print"])
def test_axe_finds_nothing(browser, page_file, view):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing"
    )
    with opened(browser, page_file, **VIEWS[view]) as page:
        if view == "print":
            page.emulate_media(media="print")
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []


def test_cells_filter_sort_and_page(browser, long_page_file):
    expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
    with opened(browser, long_page_file) as page:
        rows = page.locator("#t-cells tbody tr:visible")
        page.locator("#cell-list > summary").click()
        expect(rows).to_have_count(100)
        page.get_by_role("button", name="Next").click()
        expect(page.locator("#cell-tools")).to_contain_text("101 to 200")
        page.get_by_role("button", name="Next").click()
        expect(rows).to_have_count(50)
        page.locator("#cell-tools").get_by_label("Filter").fill("sgd cosine")
        expect(rows).to_have_count(25)
        head = page.locator("#t-cells thead th").nth(4)
        head.get_by_role("button").click()
        losses = [
            float(text)
            for text in page.locator("#t-cells tbody tr:visible td:nth-child(5)").all_inner_texts()
        ]
        assert losses == sorted(losses)
        assert head.get_attribute("aria-sort") == "ascending"


def test_tables_filter_and_copy_what_they_show(browser, page_file):
    with opened(browser, page_file) as page:
        page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
        table, bar = page.locator("#t-final-0"), page.locator(".scroll:has(#t-final-0) + .tools")
        numbers = table.locator("td.n").all_text_contents()
        bar.get_by_label("Filter").fill("adam COSINE")
        assert table.locator("tbody tr:visible").count() == 1
        bar.get_by_role("button", name="Copy CSV").click()
        assert len(wait_until(page, "window.copied").splitlines()) == 2
        bar.get_by_label("Filter").fill("")
        assert table.locator("td.n").all_text_contents() == numbers


CELLS = [
    # shown, as CSV, as rendered Markdown (the same), in LaTeX
    ("=1+1", "'=1+1", "=1+1"),
    ("+SUM(A1)", "'+SUM(A1)", "+SUM(A1)"),
    ("-x", "'-x", "-x"),
    ("-2+3", "'-2+3", "-2+3"),
    ("@cmd", "'@cmd", "@cmd"),
    ("＝1", "'＝1", "＝1"),
    ("-0.5", "-0.5", "-0.5"),
    ("+12.3", "+12.3", "+12.3"),
    ("−0.5 [−1, 0]", '"−0.5 [−1, 0]"', "$-$0.5 [$-$1, 0]"),
    ("2.868×10⁻⁵", "2.868×10⁻⁵", r"2.868$\times10^{-5}$"),
    ("−∞", "−∞", r"$-\infty$"),
    ("12\u2009345", "12\u2009345", r"12\,345"),
    ("≥ 2", "≥ 2", r"$\ge$ 2"),
    ('a "b", c', '"a ""b"", c"', r"a \textquotedbl{}b\textquotedbl{}, c"),
    ("a;b", '"a;b"', "a;b"),
    ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>",
     r"\textless{}img src=x onerror=alert(1)\textgreater{}"),
    ("a|b\\|c", "a|b\\|c", r"a\textbar{}b\textbackslash{}\textbar{}c"),
    ("&lt; $x$ `c`", '"&lt; $x$ `c`"', r"\&lt; \$x\$ \textasciigrave{}c\textasciigrave{}"),
    ("**b** _i_ ~~s~~", "**b** _i_ ~~s~~",
     r"{*}*b** \_i\_ \textasciitilde{}\textasciitilde{}s\textasciitilde{}\textasciitilde{}"),
    ("[l](javascript:x) ![i](y)", "[l](javascript:x) ![i](y)", "{[}l](javascript:x) ![i](y)"),
    ("heavy_ball", "heavy_ball", r"heavy\_ball"),
    ("*", "*", "{*}"),
    (r"\input{/etc/passwd} ^^41 #1 %", r"\input{/etc/passwd} ^^41 #1 %",
     r"\textbackslash{}input\{/etc/passwd\} \textasciicircum{}\textasciicircum{}41 \#1 \%"),
    ("a--b---c", "a--b---c", "a-{}-b-{}-{}-c"),
]  # fmt: skip


def test_copies_are_safe_to_paste(browser, page_file):
    """A copied table holds the texts that it shows: no formula, no markup, no command."""
    markdown = pytest.importorskip("markdown_it", reason="markdown-it-py is not installed")
    rows = [["head", "n"], *([text, str(place)] for place, (text, *_) in enumerate(CELLS))]
    with opened(browser, page_file) as page:
        found = {
            name: page.evaluate("([name, rows]) => page.formats[name](rows)", [name, rows])
            for name in ("CSV", "Markdown", "LaTeX")
        }
    assert found["CSV"].split("\n") == ["head,n", *(f"{cell},{n}" for n, (_, cell, _) in enumerate(CELLS))]
    lines = found["LaTeX"].split("\n")
    assert lines[4:-2] == [rf"{cell} & {n} \\" for n, (*_, cell) in enumerate(CELLS)]
    for html in (True, False):
        parser = markdown.MarkdownIt("commonmark", {"html": html}).enable(["table", "strikethrough"])
        cells = [token for token in parser.parse(found["Markdown"]) if token.type == "inline"]
        shown = [
            (token.children or [], "".join(part.content for part in token.children or [])) for token in cells
        ]
        assert [text for _, text in shown] == [cell for row in rows for cell in row]
        assert {part.type for parts, _ in shown for part in parts} <= {"text", "text_special"}


def test_link_to_a_cell_finds_it(browser, long_page_file):
    with opened(browser, long_page_file) as page:
        cell = page.locator("#t-cells tbody th").nth(170).evaluate("(n) => n.textContent.trim()")
        page.evaluate("(name) => { location.hash = '#cell=' + encodeURIComponent(name); }", cell)
        page.locator("tr.found").wait_for()
        assert page.locator("tr.found th").evaluate("(n) => n.textContent.trim()") == cell
        card = page.locator("#cell-card")
        assert card.locator("h3").evaluate("(n) => n.textContent") == cell
        assert any(name in cell for name in HOSTILE)
        # The script puts the commands together; Python wrote the same ones into the row.
        written = page.locator("tr.found td:last-child code").evaluate_all(
            "(all) => all.map((n) => n.textContent)"
        )
        here, slurm, snakemake = card.locator(".commands code").evaluate_all(
            "(all) => all.map((n) => n.textContent)"
        )
        assert [here, snakemake] == written
        assert slurm == here.replace("optbench rerun ", "optbench rerun --executor slurm ")


@pytest.mark.parametrize("study", ["demo", "-s"])
def test_a_cell_whose_name_begins_like_an_option_has_the_same_commands(browser, tmp_path, study):
    fake = Fake(workloads=("-x", "x"), optimizers=("-o",), schedules=("constant",), seeds=1, evaluations=3)
    with opened(browser, render(fabricate(tmp_path / "results" / study, fake), tmp_path / "reports")) as page:
        page.locator("#cell-list > summary").click()
        for place, cell in enumerate(("-x/-o/constant/0", "x/-o/constant/0")):
            page.locator("#t-cells").get_by_role("link", name=cell, exact=True).click()
            wait_until(page, f"document.querySelector('#cell-card h3').textContent === {cell!r}")
            told = "(all) => all.map((n) => n.textContent)"
            here, slurm, make = page.locator("#cell-card .commands code").evaluate_all(told)
            written = page.locator("#t-cells tbody tr").nth(place).locator("td:last-child code")
            assert written.evaluate_all(told) == [here, make]
            words = shlex.split(here)[2:]
            assert words == (["--", study, cell] if {study[0], cell[0]} & {"-"} else [study, cell])
            assert shlex.split(slurm) == ["optbench", "rerun", "--executor", "slurm", *words]


def test_a_cells_card_says_why_it_was_trained_again(browser, tmp_path):
    fake = Fake(workloads=("digits",), optimizers=("sgd",), schedules=("constant",), seeds=2, evaluations=3)
    results = fabricate(tmp_path / "results" / "demo", fake)
    table = results / "tables" / "runs.parquet"
    runs = pd.read_parquet(table).assign(trained_again=["code: train.py", ""])
    runs.to_parquet(table)
    with opened(browser, render(results, tmp_path / "reports")) as page:
        card = page.locator("#cell-card")
        page.locator("#cell-list > summary").click()
        for cell, digest, why in zip(runs["cell"], runs["digest"], runs["trained_again"], strict=True):
            page.locator("#t-cells").get_by_role("link", name=cell).click()
            wait_until(page, f"document.querySelector('#cell-card h3').textContent === {cell!r}")
            facts = dict(
                zip(
                    card.locator("dl.facts dt").all_inner_texts(),
                    card.locator("dl.facts dd").all_inner_texts(),
                    strict=True,
                )
            )
            assert facts["digest"] == digest
            assert facts.get("trained again", "") == why
            assert digest in card.locator(".commands code").last.inner_text()


def test_a_cell_opens_beside_its_siblings(browser, page_file):
    with opened(browser, page_file) as page:
        page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
        before = page.locator("#t-final-0").inner_text()
        page.locator("#cell-list > summary").click()
        page.locator("#t-cells").get_by_role("link", name="digits/adam/cosine/1").click()
        card = page.locator("#cell-card")
        assert card.locator("h3").inner_text() == "digits/adam/cosine/1"
        # The cell breaks off, its three siblings do not: four lines, one cross.
        assert card.locator("svg polyline").count() == 4
        assert card.locator("svg path[stroke='var(--hue-2)']").count() == 1
        assert "ValueError" in card.locator("pre").inner_text()
        assert page.locator("script").count() == 2
        card.get_by_role("button", name="On SLURM").click()
        assert page.evaluate("window.copied") == "optbench rerun --executor slurm demo digits/adam/cosine/1"
        card.get_by_role("button", name="Copy link").click()
        assert page.evaluate("window.copied").endswith("/index.html#cell=digits%2Fadam%2Fcosine%2F1")
        card.get_by_role("link", name="0", exact=True).click()
        wait_until(page, "document.querySelector('#cell-card h3').textContent.endsWith('/0')")
        assert page.locator("#t-final-0").inner_text() == before
        card.get_by_role("button", name="Close").click()
        assert not card.is_visible()
        page.locator("#cell-tools").get_by_label("Filter").fill("ravine")
        assert page.locator("#t-final-0").inner_text() == before


def shown_ratios(page):
    """The chosen table as it is shown: by combination and workload."""
    page.evaluate("document.getElementById('choose').open = true")
    heads = page.locator("#chooser thead th").all_inner_texts()
    rows = [row.locator("th, td").all_inner_texts() for row in page.locator("#chooser tbody tr").all()]
    return {row[0]: dict(zip(heads[3:], row[3:], strict=True)) for row in rows}, [row[0] for row in rows]


def test_the_choice_begins_with_the_heat_maps_own_ratios(browser, page_file):
    ratios = pd.read_parquet(page_file.parents[2] / "results/demo/tables/ratios.parquet")
    ratios = ratios[ratios["kind"] == "reference"]
    labels = {"sgd": "SGD", "adam": "Adam", "constant": "Constant", "cosine": "Cosine"}
    labels |= {"ravine": "Ravine", "digits": "Digits, MLP"}
    with opened(browser, page_file) as page:
        found, _ = shown_ratios(page)
        for r in ratios.itertuples():
            name = f"{labels.get(r.optimizer, r.optimizer)} · {labels.get(r.schedule, r.schedule)}"
            text = found[name][labels[r.workload]]
            if (r.optimizer, r.schedule) == (r.against_optimizer, r.against_schedule):
                assert text == "ref"
            elif np.isnan(r.estimate):
                assert text == "–"
            else:
                assert number(text) == pytest.approx(r.estimate, rel=0.06)  # two digits
        assert len(ratios) > 8


def number(text):
    """A number of the page back to a value: 2.8×10⁻⁴, ∞."""
    digits, _, power = text.replace("−", "-").replace("∞", "inf").partition("×10")
    return float(digits) * 10.0 ** int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)


def test_another_reference_measure_and_workload_by_hand(browser, page_file):
    runs = pd.read_parquet(page_file.parents[2] / "results/demo/tables/runs.parquet")
    runs = runs[runs["status"] != "missing"]

    def steps(optimizer, schedule):
        own = runs[(runs["workload"] == "ravine") & (runs["optimizer"] == optimizer)]
        own = own[own["schedule"] == schedule].set_index("seed")["steps_to_target"]
        return own.fillna(np.inf)

    pairs = pd.concat([steps("momentum", "cosine"), steps("adam", "constant")], axis=1).dropna().to_numpy()
    by_hand = np.median([1.0 if a == b else a / b for a, b in pairs])
    with opened(browser, page_file) as page:
        before = page.locator("#s-verdict").inner_text()
        page.evaluate("document.getElementById('choose').open = true")
        box = page.locator("#chooser")
        box.get_by_label("Divide").select_option("steps_to_target")
        box.get_by_label("by that of").select_option("adam/constant")
        box.get_by_label("Digits, MLP").uncheck()
        found, order = shown_ratios(page)
        assert list(found["momentum · Cosine"]) == ["Ravine"]
        assert number(found["momentum · Cosine"]["Ravine"]) == pytest.approx(by_hand, rel=0.06)
        assert found["Adam · Constant"] == {"Ravine": "ref"}
        ends = [number(found[name]["Ravine"].replace("ref", "1")) for name in order]
        assert ends == sorted(ends)  # the best first
        link = page.evaluate("location.hash")
        assert link == "#choose:measure=steps_to_target,reference=adam%2Fconstant,workloads=ravine"
        assert page.locator("#s-verdict").inner_text() == before
    with opened(browser, page_file) as page:
        page.evaluate("(hash) => { location.hash = hash; }", link)
        wait_until(page, "document.getElementById('choose').open")
        assert shown_ratios(page) == (found, order)
        page.evaluate("location.hash = '#choose:measure=nothing,reference=nobody,workloads=nowhere'")
        wait_until(page, "document.querySelectorAll('#chooser tbody tr').length === 0")


def test_labs_use_the_closed_forms(browser, page_file):
    """The script's functions, at many points, against those of the package."""
    random = np.random.default_rng(5)
    pairs = np.column_stack([10 ** random.uniform(-3, -0.5, 200), random.uniform(0, 0.999, 200)])
    low, high = CURVATURES["ravine"]
    with opened(browser, page_file) as page:
        rates = page.evaluate(
            "([pairs, h]) => pairs.map(([lr, b]) => page.lesson.rate(lr, b, h))",
            [pairs.tolist(), [low, high]],
        )
        np.testing.assert_allclose(rates, exact_rate(pairs[:, 0], pairs[:, 1], (low, high)), rtol=1e-12)
        for momentum, lr in ((0.0, 0.1), (0.8, 0.1), (0.9, 0.02)):
            path = page.evaluate(
                "([lr, b, h]) => page.lesson.path(lr, b, h, [-2.4, 0.2], 50)", [lr, momentum, [low, high]]
            )
            np.testing.assert_allclose(path, ravine_path(momentum, lr, 50), rtol=1e-9, atol=1e-15)
            parts = page.evaluate("([places, h]) => page.lesson.parts(places, h)", [path, [low, high]])
            np.testing.assert_allclose(parts, lesson.parts_of_loss(path, (low, high)), rtol=1e-12)
        for k in (2, 144, 1000):
            curvatures = page.evaluate("(k) => page.lesson.directions(k)", k)
            np.testing.assert_allclose(curvatures, lesson.directions(k), rtol=1e-12)
            start = page.evaluate("(h) => page.lesson.evenStart(h)", curvatures)
            np.testing.assert_allclose(start, lesson.even_start(curvatures), rtol=1e-12)
            best = page.evaluate("(k) => page.lesson.bestPair(1 / k, 1)", k)
            wanted = forms.heavy_ball_optimal(1 / k, 1)
            assert (best["lr"], best["b"]) == pytest.approx((wanted.lr, wanted.momentum), rel=1e-12)
        for schedule in lesson.SCHEDULES:
            shown = page.evaluate("(name) => page.lesson.ratesOf(name, 0.5, 100)", schedule)
            np.testing.assert_allclose(shown, lesson.rates_of(schedule, 0.5, 100), rtol=1e-12, atol=1e-15)
            found = page.evaluate(
                "([rates, h]) => page.lesson.expected(rates, 0.7, h, [3, -1], 0.4)",
                [shown, list(lesson.NOISY)],
            )
            wanted = lesson.expected(shown, 0.7, lesson.NOISY, (3, -1), 0.4)
            np.testing.assert_allclose(found["start"], wanted.start, rtol=1e-9, atol=1e-15)
            np.testing.assert_allclose(found["noise"], wanted.noise, rtol=1e-9, atol=1e-15)
        floor = page.evaluate("() => page.lesson.floor(0.05, 0.9, 0.3, 0.2)")
        assert floor == pytest.approx(0.3 * forms.stationary_variance(0.05, 0.9, 0.3, 0.2) / 2)


def open_part(page, name):
    page.evaluate("(id) => { document.getElementById(id).open = true; }", f"learn-{name}")
    return page.locator(f"[data-lab={name}]")


def test_the_momentum_lab_shows_what_is_chosen(browser, page_file):
    low, high = CURVATURES["ravine"]
    with opened(browser, page_file) as page:
        lab = open_part(page, "momentum")
        lab.get_by_role("button", name="The best pair").click()
        lr, b = (
            10 ** float(page.locator("#lab-momentum-lr").input_value()),
            float(page.locator("#lab-momentum-b").input_value()),
        )
        assert float(exact_rate(lr, b, (low, high))) == pytest.approx(11 / 13, rel=1e-6)
        along, across = (float(spectral_radius(lr, b, h)) for h in (low, high))
        assert f"{along:.4f} along the valley, {across:.4f} across it" in lab.inner_text()
        page.locator("#lab-momentum-b").fill("0")
        page.locator("#lab-momentum-lr").fill("-0.8")
        assert "it diverges" in lab.inner_text()
        # A click on the map chooses the pair that lies there.
        lab.locator("svg").last.click(position={"x": 200, "y": 100})
        assert 0.3 < float(page.locator("#lab-momentum-b").input_value()) < 0.9
        assert page.evaluate("location.hash").startswith("#learn-momentum:lr=")


def test_every_lab_has_its_first_setting_from_the_lesson(browser, page_file):
    """Factors, floors and ends that the labs say in words, by the package's own formulas."""
    with opened(browser, page_file) as page:
        assert "0.988 along the valley, −0.8 across it" in open_part(page, "descent").inner_text()
        assert "about 183 steps" in open_part(page, "descent").inner_text()
        directions = open_part(page, "directions")
        assert "0.98 of itself a step, the steepest 0.98" in directions.inner_text()
        assert "At the best step it is 115." in directions.inner_text()
        floors = [
            sum(h * forms.stationary_variance(lr, b, h, 0.3) / 2 for h in lesson.NOISY)
            for lr, b in ((0.5, 0.0), (0.05, 0.9))
        ]
        plain, ball = (f"{floor:.3g}" for floor in floors)
        assert f"{plain} for plain descent" in open_part(page, "noise").inner_text()
        assert f"{ball} for the heavy ball" in open_part(page, "noise").inner_text()
        start = lesson.even_start(lesson.NOISY)
        end = lesson.expected(lesson.rates_of("cosine", 0.5), 0.0, lesson.NOISY, start, 0.3).loss[-1]
        assert f"Cosine ends at {end:.3g}:" in open_part(page, "schedules").inner_text()


def test_the_labs_move_by_keys_and_their_state_stands_in_the_address(browser, page_file):
    with opened(browser, page_file) as page:
        open_part(page, "momentum")
        lr, b = page.locator("#lab-momentum-lr"), page.locator("#lab-momentum-b")
        b.fill("0.5")
        for key, moved in (("ArrowRight", 0.02), ("ArrowDown", -0.02), ("Shift+ArrowUp", 0.002)):
            before = float(b.input_value())
            b.press(key)
            assert float(b.input_value()) - before == pytest.approx(moved * 0.99, abs=1e-6)
        assert page.evaluate("location.hash").startswith("#learn-momentum:lr=0.1,b=0.50")
        page.evaluate("location.hash = '#learn-momentum:lr=0.02,b=0.9'")
        wait_until(page, "document.querySelector('#lab-momentum-b').value === '0.9'")
        assert 10 ** float(lr.input_value()) == pytest.approx(0.02)
        page.evaluate("location.hash = '#learn-noise:noise=0.5'")  # opens the part that it is about
        wait_until(page, "document.getElementById('learn-noise').open")
        assert 10 ** float(page.locator("#lab-noise-noise").input_value()) == pytest.approx(0.5)
        page.evaluate("location.hash = '#learn-momentum:lr=much,b=1e9'")  # what it cannot read, and too much
        wait_until(page, "document.querySelector('#lab-momentum-b').value === '0.99'")
        assert 10 ** float(lr.input_value()) == pytest.approx(0.02)


def test_the_labs_speak_chinese(browser, tmp_path):
    results = fabricate(tmp_path / "results/demo", Fake(seeds=2, evaluations=5))
    facts = results / "tables/study.json"
    facts.write_text(
        facts.read_text("utf-8").replace('"report": {', '"report": {"language": "zh", ', 1), "utf-8"
    )
    with opened(browser, render(results, tmp_path / "reports")) as page:
        lab = open_part(page, "momentum")
        assert lab.get_by_label("动量 b").input_value() == "0.8"
        lab.get_by_role("button", name="最优的一对").click()
        assert "沿谷 0.8462" in lab.inner_text()
        assert page.get_by_role("button", name="展开全部").count() == 1
        assert page.get_by_role("button", name="复制 CSV").count() >= 1


def test_without_script_the_lesson_has_figures(browser, page_file):
    with opened(browser, page_file, java_script_enabled=False) as page:
        for name in ("descent", "directions", "momentum", "noise", "schedules"):
            assert page.locator(f"#lesson-{name} svg").count() >= 1
        assert page.locator("#lesson-descent").is_visible()
    with opened(browser, page_file) as page:
        assert not page.locator("#lesson-descent").is_visible()


@pytest.mark.parametrize(
    ("workload", "optimizer", "at"), [("ravine", "momentum", 10), ("digits", "adam", 30)]
)
def test_the_pointer_reads_a_curve(browser, page_file, workload, optimizer, at):
    """Where the table has a median, the pointer finds it: its optimizer's name, its step and its value."""
    curves = pd.read_parquet(page_file.parents[2] / "results/demo/tables/convergence.parquet")
    curves = curves[(curves["workload"] == workload) & (curves["schedule"] == "constant")]
    curves = curves[(curves["split"] == "validation") & (curves["metric"] == "loss")]
    known = (curves["optimizer"] == optimizer) & np.isfinite(curves["median"])
    own = curves[known].sort_values("step")
    row = own.iloc[(own["step"] - at).abs().argmin()]
    with opened(browser, page_file) as page:
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        drawing = page.locator(f"#convergence-{workload}-constant-loss > svg").first
        drawing.scroll_into_view_if_needed()
        x, y = (drawing.get_attribute(f"data-{axis}").split() for axis in "xy")
        wide, tall = float(drawing.get_attribute("width")), float(drawing.get_attribute("height"))

        def place(scale, value):
            start, end, low, high = map(float, scale[:4])
            low, high, value = np.log([low, high, value]) if scale[4] == "log" else (low, high, value)
            return start + (value - low) / (high - low) * (end - start)

        box = drawing.bounding_box()
        left, top = place(x, row["step"]), place(y, row["median"])
        page.mouse.move(box["x"] + left / wide * box["width"], box["y"] + top / tall * box["height"])
        tip = page.locator(".tip")
        assert tip.is_visible()
        name, _, values = tip.inner_text().partition(": ")
        assert name == {"adam": "Adam"}.get(optimizer, optimizer)
        step, value = map(float, values.split(", "))
        assert step == pytest.approx(row["step"], abs=1.3)  # curves are drawn at every other step or so
        there = own.loc[(own["step"] - step).abs().idxmin(), "median"]
        assert value == pytest.approx(there, rel=0.02)  # drawn to a tenth of a pixel
        page.mouse.move(box["x"] + 2, box["y"] + 2)
        assert not tip.is_visible()
        assert drawing.locator("circle[r='5']").count() == 0


def test_highlight_fades_the_others_in_every_figure(browser, page_file):
    with opened(browser, page_file) as page:
        button = page.locator(".legend").get_by_role("button", name="SGD")
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        assert page.locator(".panel g.s1:not(.faded)").count() == 0
        assert page.locator(".panel g.s0.faded").count() == 0
        button.click()
        assert page.locator(".faded").count() == 0


@pytest.mark.parametrize(
    ("form", "begins"),
    [("CSV", "Optimizer,Schedule"), ("Markdown", "| Optimizer"), ("LaTeX", r"\begin{tabular}")],
)
def test_tables_copy(browser, page_file, form, begins):
    with opened(browser, page_file) as page:
        page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
        bar = page.locator(".scroll:has(#t-final-0) + .tools")
        bar.get_by_role("button", name=f"Copy {form}").click()
        copied = wait_until(page, "window.copied")
        assert copied.startswith(begins)
        assert len(copied.splitlines()) == {"CSV": 7, "Markdown": 8, "LaTeX": 12}[form]


def test_a_copied_interval_has_a_field_of_its_own(browser, page_file):
    with opened(browser, page_file) as page:
        page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
        page.locator(".scroll:has(#t-final-0) + .tools").get_by_role("button", name="Copy CSV").click()
        copied = wait_until(page, "window.copied")
        shown = page.locator("#t-final-0 tbody tr").first.locator("td.n:has(.note)").first
        value, note = shown.evaluate(
            "(n) => [n.firstChild.textContent.trim(), n.querySelector('.note').textContent]"
        )
    heads, first, *_ = csv.reader(copied.splitlines())
    at = heads.index("Final validation loss")
    assert heads[at + 1] == "Final validation loss: beside it"
    assert first[at : at + 2] == [value, note]
    assert {len(row) for row in csv.reader(copied.splitlines())} == {len(heads)}


def test_a_panel_saves_as_svg_in_plain_colours(browser, page_file):
    with opened(browser, page_file, accept_downloads=True) as page:
        page.locator(".panel").first.hover()
        with page.expect_download() as download:
            page.locator(".panel .save").first.click()
        text = download.value.path().read_text(encoding="utf-8")
        assert "var(" not in text
        assert 'xmlns="http://www.w3.org/2000/svg"' in text
        assert "#023481" in text


def test_prints_light_and_whole(browser, page_file):
    with opened(browser, page_file, color_scheme="dark") as page:
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.pdf(format="A4").startswith(b"%PDF")


def test_a_link_opens_what_it_leads_to(browser, page_file):
    """Of a section's parts the first stands open; the navigation, an address and a button open others."""
    with opened(browser, page_file) as page:
        parts = page.locator("#s-workloads details.fold")
        assert parts.evaluate_all("(all) => all.map((one) => one.open)") == [True, False]
        hidden = page.locator("#t-final-1")
        assert not hidden.is_visible()
        page.locator("nav").get_by_role("link", name="digits").click()
        assert hidden.is_visible()
        parts.last.locator("> summary").click()
        assert not hidden.is_visible()
        page.locator("nav").get_by_role("link", name="digits").click()  # the same address once more
        assert hidden.is_visible()
        page.evaluate("location.hash = '#t-osc-1'")
        wait_until(page, "document.querySelector('#t-osc-1').checkVisibility()")
        button = page.get_by_role("button", name="Open all parts")
        button.click()
        assert page.locator("details.fold:not([open])").count() == 0
        page.get_by_role("button", name="Fold all parts").click()
        assert page.locator("details.fold[open]").count() == 0
        assert page.locator("nav").is_visible()


def test_workloads_are_printed_open(browser, page_file):
    """And folded again afterwards; tables of measures that nothing rests on stay folded."""
    with opened(browser, page_file) as page:
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("#s-workloads details.fold:not([open])").count() == 0
        assert page.locator("#s-oscillation details.fold[open]").count() == 0
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("#s-workloads details.fold:not([open])").count() == 1
