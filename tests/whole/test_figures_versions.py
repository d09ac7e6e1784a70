"""Figures are drawn alike by the oldest and the newest matplotlib and seaborn that are allowed."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from shutil import which

import pytest

from lab.checkout import ROOT

FIGURES = ROOT / "optbench/report/figures"

PROGRAM = """
import sys, warnings
warnings.simplefilter("error")
warnings.simplefilter("ignore", DeprecationWarning)  # an old matplotlib's about newer libraries below it
import matplotlib, seaborn, pandas as pd
assert matplotlib.__file__.startswith(sys.argv[1]) and seaborn.__file__.startswith(sys.argv[1])
from pathlib import Path
from optbench.figures import assign_styles, draw_convergence, draw_heat
from optbench.report.figures.axes import panel
from optbench.report.figures.backend.renderer import to_svg, write_pdf
from optbench.report.figures.backend.style import drawing
from optbench.report.figures.backend.svg import clean

names = ["sgd", "adam"]
styles = assign_styles(names)
curves = pd.DataFrame({"optimizer": ["sgd"] * 3 + ["adam"] * 3, "step": [0, 10, 20] * 2, "n": 4, "n_ok": 4,
                       "median": [2, 1, 0.5, 2, 0.3, 0.01]})
curves = curves.assign(low=curves["median"] * 0.8, high=curves["median"] * 1.2)
heat = pd.DataFrame({"optimizer": names, "workload": "w", "estimate": [1.0, 0.5], "low": 0.4, "high": 0.9,
                     "is_reference": [True, False]})
with drawing():
    figures = []
    for draw in (lambda ax: draw_convergence(curves, ax, styles, title="t"),
                 lambda ax: draw_heat(heat, ax, styles, rows=names, columns=["w"])):
        figure, ax = panel()
        draw(ax)
        figures.append(figure)
        print(clean(to_svg(figure), "p", "t", "d"))
    write_pdf(figures, Path(sys.argv[1]) / "figures.pdf")
assert (Path(sys.argv[1]) / "figures.pdf").read_bytes().count(b"/FontFile2") >= 1
"""
"""Draws a panel of lines and a heat map with the libraries in the folder that it is given."""


def allowed():
    """The least version of each drawing library, by pyproject.toml."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return {
        name: least
        for name, least in (word.split(">=") for word in wanted if ">=" in word)
        if name in {"matplotlib", "seaborn"}
    }


@pytest.mark.parametrize("which_one", ["oldest", "newest"])
def test_figures_are_drawn_by_the_versions_that_are_allowed(tmp_path, which_one):
    uv = which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if uv is None:
        pytest.skip("uv is not installed")
    bounds = ("==", "") if which_one == "oldest" else (">=", "--upgrade")
    wanted = [f"{name}{bounds[0]}{version}" for name, version in allowed().items()]
    # Without dependencies: numpy and pandas are the environment's.
    got = subprocess.run(
        [uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--python", sys.executable,
         "--target", str(tmp_path / "lib"), *([bounds[1]] if bounds[1] else []), *wanted],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    if got.returncode:
        pytest.skip(f"no {' and '.join(wanted)} here: {got.stderr.strip().splitlines()[-1]}")
    path = os.pathsep.join([str(tmp_path / "lib"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    drawn = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "lib")],
        capture_output=True, text=True, check=False, timeout=120, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert drawn.returncode == 0, drawn.stderr
    curves, heat = drawn.stdout.strip().removesuffix("</svg>").split("</svg>")
    assert all(len(re.findall(f'class="s{series}"', curves)) >= 2 for series in (0, 1))  # line, band, name
    assert 'fill-opacity="0.4' in heat  # half of the reference's loss has the deepest colour
    assert ">0.5</text>" in heat


def test_figures_use_no_private_member_of_a_library():
    private = []
    for file in sorted(FIGURES.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and re.match(r"_[^_]", node.attr):
                if not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}):
                    private.append(f"{file.name}:{node.lineno} {ast.unparse(node)}")
            elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("optbench"):
                private += [
                    f"{file.name}:{node.lineno} {alias.name}"
                    for alias in node.names
                    if re.search(r"(^|\.)_[^_]", f"{node.module}.{alias.name}")
                ]
    assert private == []
