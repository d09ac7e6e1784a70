"""Figures: what goes in is drawn, in colours that can be told apart, as bytes that repeat."""

from __future__ import annotations

import itertools
import json
import os
import re
import select
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import seaborn
from lab.drawn import STYLES, contrast, curve, fragment, linear_rgb, lines, one_figure, seen
from lab.fabricate import HOSTILE, Fake, fabricate, ravine_path
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.text import Text

from optbench.catalogue.workloads.landscapes import LANDSCAPES
from optbench.figures import (
    assign_styles,
    average,
    draw_average,
    draw_convergence,
    draw_cosines,
    draw_final_losses,
    draw_heat,
    draw_lr,
    draw_path,
    draw_ratios,
    draw_slopes,
    draw_velocity,
    thin,
    velocities,
)
from optbench.report.figure import UniqueIds, read_records
from optbench.report.figures.axes import name_ticks, panel, space_apart, tick_label, write_title
from optbench.report.figures.backend.axis import SingleTickAxis
from optbench.report.figures.backend.processes import draw_in_processes
from optbench.report.figures.backend.renderer import write_pdf
from optbench.report.figures.backend.style import OWN, drawing
from optbench.report.figures.draw import draw_all
from optbench.report.figures.sections.convergence import _kept_steps
from optbench.report.page.build import render
from optbench.report.palette import DARK, HUES, LIGHT, themed
from optbench.theory.textbook.measure import textbook_signal

# Machado, Oliveira, Fernandes 2009 (doi:10.1109/TVCG.2009.113), severity 1.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039],
    ],
}  # fmt: skip


def lab(rgb):
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.072175],
        [0.0193339, 0.119192, 0.9503041],
    ]
    xyz = np.array(to_xyz) @ np.clip(rgb, 0, 1) / [0.95047, 1, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_hues_stand_out_from_the_page(theme):
    for index in range(HUES):
        assert contrast(theme[f"hue-{index}"], theme["paper"]) >= 3
    assert contrast(theme["ink"], theme["paper"]) >= 7
    assert contrast(theme["muted"], theme["paper"]) >= 4.5


@pytest.mark.parametrize("sight", BLINDNESS)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_hues_differ_for_the_colour_blind(theme, sight):
    seen = [lab(BLINDNESS[sight] @ linear_rgb(theme[f"hue-{i}"])) for i in range(HUES)]
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(a - b) >= 25


def test_every_colour_is_unique_and_has_a_twin():
    assert len(set(LIGHT.values())) == len(LIGHT)
    assert LIGHT.keys() == DARK.keys()


def test_theme_is_seaborns_where_it_is_not_our_own():
    expected = {**seaborn.axes_style("ticks"), **seaborn.plotting_context("paper")}
    before = dict(mpl.rcParams)
    with drawing():
        for name in expected.keys() - OWN.keys():
            assert mpl.rcParams[name] == expected[name], name
        for name, value in OWN.items():
            assert mpl.rcParams[name] == value, name
    assert dict(mpl.rcParams) == before


def test_styles_are_distinct_and_stable():
    names = [f"o{i}" for i in range(24)]
    styles = assign_styles([*names, "o3"])
    assert list(styles) == names
    assert len({(s.color, s.dashes) for s in styles.values()}) == 24
    assert [s.index for s in styles.values()] == list(range(24))
    many = assign_styles(f"o{i}" for i in range(144)).values()
    assert len({(s.color, s.dashes, s.marker) for s in many}) == 144
    assert assign_styles(["a", "b"])["a"] == assign_styles(["a"])["a"]


# --- drawing: artists read back ------------------------------------------------------------------------


def test_convergence_draws_medians_and_bands(ax):
    table = pd.concat([curve("sgd", [2, 1, 0.5]), curve("adam", [2, 0.3, 0.01])])
    before = dict(mpl.rcParams)
    draw_convergence(table, ax, STYLES, labels={"sgd": "SGD"}, target=0.1, title="constant")
    for name in ("sgd", "adam"):
        (line,) = lines(ax, name)
        rows = table[table["optimizer"] == name]
        np.testing.assert_array_equal(line.get_xdata(), rows["step"])
        np.testing.assert_array_equal(line.get_ydata(), rows["median"])
        assert to_hex(line.get_color()) == STYLES[name].color
    (band,) = (c.get_paths()[0].vertices for c in ax.collections if c.get_label() == "_band sgd")
    assert {(0.0, 1.6), (0.0, 2.4), (20.0, 0.4), (20.0, 0.6)} <= {tuple(np.round(v, 9)) for v in band}
    assert ax.get_yscale() == "log"
    assert [t.get_text() for t in ax.texts] == ["SGD", "adam"]
    assert ax.get_title(loc="left") == "constant"
    assert lines(ax, "_target")[0].get_ydata()[0] == 0.1
    assert dict(mpl.rcParams) == before


def test_convergence_marks_what_stops_and_what_has_no_end(ax):
    table = pd.concat(
        [
            curve("sgd", [2, 1, np.inf, np.inf], high=np.inf),
            curve("adam", [2, 1.5, 1.2, 1], high=[2.1, 1.6, np.inf, np.inf]),
        ]
    )
    draw_convergence(table, ax, STYLES)
    np.testing.assert_array_equal(lines(ax, "sgd")[0].get_xdata(), [0, 10])
    (cross,) = lines(ax, "_stop sgd")
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (10, 1)
    np.testing.assert_array_equal(lines(ax, "_open above adam")[0].get_xdata(), [20, 30])
    assert not lines(ax, "_stop adam")


def test_a_runaway_curve_does_not_flatten_the_rest(ax):
    draw_convergence(pd.concat([curve("sgd", [2, 1e9, 1e30]), curve("adam", [2, 1, 0.5])]), ax, STYLES)
    assert ax.get_ylim()[1] < 100


@pytest.mark.parametrize(("median", "scale"), [([1, -1], "linear"), ([1, 0], "log"), ([0, 0], "linear")])
def test_axis_fits_the_sign_of_the_losses(ax, median, scale):
    draw_convergence(curve("sgd", median), ax, STYLES)
    assert ax.get_yscale() == scale


def test_one_seed_draws_lines_without_bands(ax):
    draw_convergence(curve("sgd", [2, 1], n=1, low=np.nan, high=np.nan), ax, STYLES)
    assert len(lines(ax, "sgd")) == 1
    assert not ax.collections


def test_final_losses_draw_dot_interval_and_share(ax):
    table = pd.DataFrame(
        {
            "optimizer": ["sgd", "adam", "momentum"],
            "estimate": [0.1, 0.2, np.inf],
            "low": [0.05, 0.15, 0.3],
            "high": [0.2, np.inf, np.inf],
            "n": 4,
            "n_ok": [4, 3, 1],
        }
    )
    draw_final_losses(table, ax, STYLES, labels={"sgd": "SGD"})
    (dot,) = lines(ax, "sgd")
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (0.1, 0)
    np.testing.assert_array_equal(lines(ax, "_interval sgd")[0].get_xdata(), [0.05, 0.2])
    assert lines(ax, "_interval adam")[0].get_xdata()[1] == ax.get_xlim()[1]
    assert not lines(ax, "momentum")
    texts = [t.get_text() for t in ax.texts]
    assert texts == ["4/4", "3/4", "1/4", "no finite median"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["SGD", "adam", "momentum"]


def test_ratios_draw_dot_interval_and_the_line_at_one(ax):
    table = pd.DataFrame(
        {
            "optimizer": ["sgd", "adam", "momentum"],
            "estimate": [1.0, 1.4, np.nan],
            "low": [1.0, 1.3, np.nan],
            "high": [1.0, 1.6, np.nan],
        }
    )
    draw_ratios(table, ax, STYLES, labels={"sgd": "SGD"})
    assert ax.get_xscale() == "log"
    assert lines(ax, "_one")[0].get_xdata()[0] == 1
    (dot,) = lines(ax, "adam")
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (1.4, 1)
    np.testing.assert_array_equal(lines(ax, "_interval adam")[0].get_xdata(), [1.3, 1.6])
    assert not lines(ax, "momentum")
    assert [t.get_text() for t in ax.texts] == ["no ratio"]
    assert ax.get_xlim()[0] < 1
    assert ax.get_xlim()[1] > 1.6


def test_ratios_of_the_reference_alone_have_an_axis(ax):
    draw_ratios(pd.DataFrame({"optimizer": ["sgd"], "estimate": 1.0, "low": 1.0, "high": 1.0}), ax, STYLES)
    assert ax.get_xlim()[0] < 1 < ax.get_xlim()[1]


def test_cosines_lie_between_reversal_and_repetition(ax):
    table = pd.DataFrame(
        {
            "optimizer": ["sgd", "adam"],
            "estimate": [-0.9, np.nan],
            "low": [-1.0, np.nan],
            "high": [-0.5, np.nan],
            "n": 4,
            "n_ok": [4, 0],
            "baseline": [0.0, np.nan],
        }
    )
    draw_cosines(table, ax, STYLES)
    np.testing.assert_array_equal(lines(ax, "_baseline sgd")[0].get_xdata(), [0, 0])
    assert not lines(ax, "_baseline adam")
    assert ax.get_xscale() == "linear"
    assert ax.get_xlim()[0] < -1 < 1 < ax.get_xlim()[1]
    assert lines(ax, "_zero")[0].get_xdata()[0] == 0
    assert lines(ax, "sgd")[0].get_xdata()[0] == -0.9
    np.testing.assert_array_equal(lines(ax, "_interval sgd")[0].get_xdata(), [-1, -0.5])
    assert [t.get_text() for t in ax.texts] == ["4/4", "0/4", "no finite median"]


def test_slopes_follow_the_schedules(ax):
    table = pd.DataFrame(
        {"optimizer": ["sgd", "sgd", "adam"], "schedule": ["b", "a", "a"], "estimate": [2.0, 1.0, np.inf]}
    )
    draw_slopes(table, ax, STYLES, schedules=["a", "b"])
    np.testing.assert_array_equal(lines(ax, "sgd")[0].get_ydata(), [1, 2])
    assert not lines(ax, "adam")


def test_path_draws_every_point_over_contours(ax):
    path = ravine_path(0.8, 0.1, 50)
    table = pd.DataFrame({"optimizer": "momentum", "step": range(51), "x": path[:, 0], "y": path[:, 1]})
    draw_path(table, ax, STYLES, LANDSCAPES["ravine"])
    (line,) = lines(ax, "momentum")
    np.testing.assert_array_equal(line.get_xydata(), path)
    assert ax.get_xlim() == (-2.5, 2.5)
    assert ax.get_ylim() == (-0.5, 0.5)
    assert ax.collections
    assert lines(ax, "_minimum")[0].get_xydata().tolist() == [[0, 0]]


def test_path_of_one_coordinate_lies_on_its_curve(ax):
    table = pd.DataFrame({"optimizer": "sgd", "step": [0, 1], "x": [2.0, 1.0]})
    draw_path(table, ax, STYLES, LANDSCAPES["double_well"])
    np.testing.assert_allclose(lines(ax, "sgd")[0].get_ydata(), [16 / 3, 9 / 4])


def test_velocity_is_the_gradient_without_momentum(ax):
    path = ravine_path(0.0, 0.1, 20)
    long = pd.DataFrame({"step": range(21), "coordinate": "y", "value": path[:, 1]})
    table = velocities(long.sample(frac=1, random_state=1), 0.1).sort_values("step")
    np.testing.assert_allclose(table["velocity"], 18 * path[:-1, 1], rtol=1e-9)
    draw_velocity(table.assign(optimizer="sgd"), ax, STYLES)
    np.testing.assert_array_equal(lines(ax, "sgd")[0].get_ydata(), table["velocity"])


def test_velocity_over_a_gap_is_a_mean():
    table = velocities(pd.DataFrame({"step": [0, 5], "coordinate": "x", "value": [1.0, 0.0]}), 0.1)
    assert table["velocity"].tolist() == pytest.approx([2.0])


def test_average_is_the_textbooks(ax):
    signal = textbook_signal()
    assert signal[:5].tolist() == np.random.RandomState(666).randint(5, 40, 30)[:5].tolist()
    by_hand = [signal[0]]
    for y in signal[1:]:
        by_hand.append(0.9 * by_hand[-1] + 0.1 * y)
    np.testing.assert_allclose(average(0.9, signal), by_hand, rtol=1e-14)
    draw_average(ax, others=(0.5,))
    np.testing.assert_array_equal(lines(ax, "raw points")[0].get_ydata(), signal)
    np.testing.assert_array_equal(lines(ax, "b = 0.9")[0].get_ydata(), average(0.9, signal))
    assert len(lines(ax, "b = 0.5")) == 1


def test_lr_draws_its_course(ax):
    draw_lr(pd.DataFrame({"course": "c", "step": [0, 10], "share": [1.0, 0.1]}), ax)
    np.testing.assert_array_equal(lines(ax, "c")[0].get_ydata(), [1.0, 0.1])


# --- small parts ---------------------------------------------------------------------------------------


def test_thin_keeps_the_ends_and_about_forty():
    kept = thin(range(0, 20_001, 5))
    assert (kept[0], kept[-1]) == (0, 20_000)
    assert 30 <= len(kept) <= 42
    assert set(kept) <= set(range(0, 20_001, 5))
    assert thin([3, 1, 2]) == [1, 2, 3]


def test_spread_keeps_order_gap_and_bounds():
    rng = np.random.default_rng(3)
    for _ in range(50):
        wanted = rng.uniform(0, 100, 6).tolist()
        placed = space_apart(wanted, 12, 0, 100)
        ordered = [placed[i] for i in np.argsort(wanted)]
        assert np.diff(ordered).min() >= 12 - 1e-9
        assert min(placed) >= -1e-9
        assert max(placed) <= 100 + 1e-9
    assert space_apart([10, 50], 12, 0, 100) == [10, 50]


def test_ticks_are_plain_text():
    assert [tick_label(v) for v in (1e-7, 0.01, 1, 1e6, 0.2)] == ["10⁻⁷", "0.01", "1", "10⁶", "0.2"]


def test_stems_are_unique_and_safe():
    stems = UniqueIds()
    found = [stems.unique("a", name) for name in (*HOSTILE, *HOSTILE, "A/b", "a/B")]
    assert len({s.lower() for s in found}) == len(found)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", s) for s in found)


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


@pytest.mark.parametrize("minor", [False, True])
def test_a_ruler_draws_what_matplotlibs_axis_draws(minor):
    rows = pd.DataFrame({"optimizer": ["sgd", "adam"], "estimate": [0.1, 2.0], "low": 0.1, "high": 3.0})
    heat = rows.assign(workload="w", is_reference=False)
    dollars = {"sgd": "$x$ costs $", "adam": r"a\$b"}
    draws = (
        lambda ax: draw_convergence(curve("sgd", [2.0, 1.0, 0.5]), ax, STYLES, title="t"),
        lambda ax: draw_ratios(rows, ax, STYLES, labels=dollars),
        lambda ax: draw_heat(heat, ax, STYLES, rows=["sgd", "adam"], columns=["w"], labels=dollars),
        lambda ax: ax.plot([0, 1], [1e9, 1e9 + 1]),  # an offset beside the axis
    )
    for draw in draws:
        with drawing():
            figure, axes = panel(left=120)
            draw(axes)
            if minor:
                axes.minorticks_on()
            ruled = seen(figure)
            for ruler in list(axes.artists):
                if isinstance(ruler, SingleTickAxis):
                    ruler.remove()
            bare = seen(figure)
            axes.xaxis.set_visible(True)
            axes.yaxis.set_visible(True)
            np.testing.assert_array_equal(ruled, seen(figure))
        assert (ruled != bare).any()


def test_names_of_ticks_are_no_formulas():
    for name in ("$x$", "a$b", r"\$c$", "100 $"):
        with drawing():
            figure, axes = panel()
            name_ticks(axes, "y", [0.5], [name])
            svg = fragment(figure, "p", "t", "d")
        texts = [e.text for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314
        assert name in texts


def test_a_long_name_of_a_panel_begins_further_left_and_fits():
    for left in (20, 170):
        for title in ("Constant", "Logistic regression, breast cancer: Cosine", 60 * "W"):
            with drawing():
                figure, axes = panel(360, 100, left=left)
                write_title(axes, title)
                (words,) = (t for t in axes.findobj(Text) if t.get_text() and t.get_text()[:3] == title[:3])
                box = words.get_window_extent(FigureCanvasAgg(figure).get_renderer())
            assert box.x0 >= 0
            assert box.x1 <= 360
            if title == "Constant":
                assert box.x0 == pytest.approx(left, abs=1)
            assert axes.get_title(loc="left") == title or axes.get_title(loc="left").endswith("W…")


def test_a_curve_that_swings_is_drawn_at_all_its_steps():
    steps = np.arange(0, 120)
    calm, swinging = curve("sgd", 1 / (1 + steps)), curve("adam", 2 + np.cos(steps))
    assert len(_kept_steps(calm)) <= 41
    assert _kept_steps(pd.concat([calm, swinging])) == sorted(swinging["step"])


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


def test_pdf_embeds_fonts_and_repeats(tmp_path):
    files = [tmp_path / "once.pdf", tmp_path / "again.pdf"]
    with drawing():
        for file in files:
            write_pdf([one_figure(), one_figure()], file)
    pdf, again = (file.read_bytes() for file in files)
    assert pdf == again
    assert b"/FontFile2" in pdf
    assert b"/CreationDate" not in pdf
    assert b"/Count 2" in pdf


@pytest.mark.parametrize(("key", "asked", "made"), [
    (False, None, False), (True, None, True), (False, True, True), (True, False, False),
])  # fmt: skip
def test_pdfs_are_made_when_asked_for(tmp_path, key, asked, made):
    fake = Fake(workloads=("ravine",), optimizers=("sgd",), schedules=("constant",), seeds=1)
    results = fabricate(tmp_path / "demo", fake)
    study = results / "tables/study.json"
    facts = json.loads(study.read_text())
    study.write_text(json.dumps({**facts, "report": {**facts.get("report", {}), "pdf": key}}))
    figures = results / "figures"
    figures.mkdir()
    (figures / "stale.pdf").write_text("old")
    records = draw_all(results / "tables", figures, pdf=asked)
    assert {bool(record.pdf) for record in records} == {made}
    assert {file.name for file in figures.glob("*.pdf")} == {record.pdf for record in records} - {""}
    page = render(results, tmp_path / "reports").read_text()
    assert ("PDF: figures" in page) == made


def test_draw_all_writes_what_it_records(tmp_path):
    results = fabricate(tmp_path / "demo", Fake(workloads=("ravine",), optimizers=("sgd", "adam"), seeds=3))
    figures = results / "figures"
    figures.mkdir()
    (figures / "stale.svg").write_text("old")
    records = draw_all(results / "tables", figures)
    assert read_records(figures / "figures.json") == records
    named = {p.svg for r in records for p in r.panels} | {"figures.json"}
    assert {f.name for f in figures.iterdir()} == named
    assert {r.section for r in records} == {
        "verdict", "across", "convergence", "final", "arrival", "schedules", "learn",
    }  # fmt: skip
    for record in records:
        assert record.caption.endswith(".")
        assert all(panel.alt and panel.title for panel in record.panels)
        assert all(len(row) == len(record.columns) for row in record.rows)
    by_loss = next(r for r in records if r.section == "convergence")
    assert "3 seeds" in by_loss.caption
    assert "75%" in by_loss.caption
    first = {f.name: f.read_bytes() for f in figures.iterdir()}
    # Once more, and whoever draws: the same bytes.
    draw_all(results / "tables", figures, cores=2)
    assert {f.name: f.read_bytes() for f in figures.iterdir()} == first


def test_processes_share_every_piece_of_work_once(tmp_path):
    file = tmp_path / "done"

    def plan(painter):
        for number in range(200):
            painter.do(lambda number=number: log(f"{number}\n"))
        return os.getpid()

    def log(line):
        with file.open("a") as end:
            end.write(line)

    for cores in (1, 3):
        file.write_text("")
        assert draw_in_processes(plan, cores) == os.getpid()
        assert sorted(map(int, file.read_text().split())) == list(range(200))


def test_a_painter_that_fails_is_not_overlooked(capfd):
    me = os.getpid()

    def plan(painter):
        if os.getpid() != me:
            painter.do(lambda: Path("/dev/null/x").write_text(""))

    with pytest.raises(RuntimeError, match="ended with 1"):
        draw_in_processes(plan, cores=2)
    assert "NotADirectoryError" in capfd.readouterr().err
    with pytest.raises(ZeroDivisionError):
        draw_in_processes(lambda _: 1 / 0, cores=2)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one process draws")
def test_a_painter_ends_with_the_process_that_started_it():
    program = """
import os, time
from optbench.report.figures.backend.processes import draw_in_processes
draw_in_processes(lambda painter: (os.write(1, b"%d\\n" % os.getpid()), time.sleep(60)), 2)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as first:
        others = {int(first.stdout.readline()) for _ in range(2)} - {first.pid}
        (alive,) = map(os.pidfd_open, others)
        first.kill()
        assert select.select([alive], [], [], 20)[0]
        os.close(alive)


def test_cost_and_oscillation_are_drawn_where_they_were_measured(tmp_path):
    fake = Fake(
        seeds=3, oscillation=True, timed=True, noise={"digits": "busy"}, untimed={"digits/adam": "no"}
    )
    results = fabricate(tmp_path / "demo", fake)
    records = draw_all(results / "tables", results / "figures")
    cost, *by_workload = [r for r in records if r.section == "cost"]
    assert [(r.workload, r.title) for r in by_workload] == [
        ("ravine", "Time to target"), ("digits", "Time to target"),
        ("ravine", "Final loss against time"), ("digits", "Final loss against time"),
    ]  # fmt: skip
    assert [p.title.endswith("noisy") for p in cost.panels] == [False, True]
    assert "SGD" in cost.caption
    assert "12 to 14 rounds" in cost.caption
    assert [row[1:4] for row in cost.rows[:2]] == [("SGD", 1, 1), ("momentum", 1.5, pytest.approx(1.47))]
    assert cost.rows[-1] == ("Digits, MLP", "Adam", None, None, None, 0)
    assert "Adam 2.25 (2.161 to 2.387)" in cost.panels[0].alt
    cosines = [r for r in records if r.section == "oscillation"]
    assert [r.workload for r in cosines] == ["ravine", "digits"]
    assert all(len(r.panels) == 2 for r in cosines)
    assert "3 seeds" in cosines[0].caption
    assert "75%" in cosines[0].caption


def test_many_optimizers_go_to_further_panels(tmp_path):
    names = tuple(f"o{i}" for i in range(11))
    results = fabricate(
        tmp_path / "many", Fake(workloads=("digits",), optimizers=names, schedules=("constant",), seeds=1)
    )
    records = draw_all(results / "tables", results / "figures")
    losses = next(r for r in records if r.section == "convergence")
    assert len(losses.panels) == 2
    assert "too few for an interval" in losses.caption
