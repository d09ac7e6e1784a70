"""Files beside a study may be called anything: no run stops or changes for a module of that name."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from lab.studies import run
from lab.study_files import without_place
from optbench.cells.trace import read_trace

STUDY = """
    study: s
    seeds: 1
    timing: {seconds: 0.05}
    workloads: {ravine: {spread: 0.1, steps: 5}, linear_regression: {steps: 5}}
    optimizers:
      sgd: {lr: 0.1}
      mine: {factory: "my_lab:Mine", lr: 0.1}
    metrics: {first: {factory: "my_lab:first", direction: lower}}
    """

MY_LAB = """
    import random, types

    import numpy as np
    import torch

    import my_helpers

    class Mine(torch.optim.SGD):
        def __init__(self, params, lr):
            import my_late_helpers
            rate = types.SimpleNamespace(lr=lr * my_helpers.SCALE * my_late_helpers.SCALE)
            super().__init__(params, lr=float(np.asarray(rate.lr)))

    def first(curve):
        return float(curve["value"].iloc[0])
    """

OURS = ("optbench", "torch", "numpy", "pandas", "yaml", "pydantic", "click", "rich", "jinja2", "matplotlib")
OURS += ("pyarrow", "scipy", "seaborn", "snakemake", "psutil", "platformdirs", "sitecustomize")
TRIED = (
    "usercustomize",
    "msvcrt",
    "winreg",
    "_winapi",
    "opt_einsum",
    "triton",
    "numexpr",
    "bottleneck",
    "xarray",
)
"""What Python and libraries try for and do without."""


def write(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "study.yaml").write_text(dedent(STUDY))
    (folder / "my_lab.py").write_text(dedent(MY_LAB))
    (folder / "my_helpers.py").write_text("SCALE = 2.0\n")
    (folder / "my_late_helpers.py").write_text("SCALE = 0.25\n")


def litter(folder: Path) -> None:
    """Files of all names that are taken, and of some that might be, half of them as folders."""
    for place, name in enumerate((*sorted(sys.stdlib_module_names), *OURS, *TRIED)):
        file = folder / name / "__init__.py" if place % 2 else folder / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"print('STRAY')\nraise RuntimeError('nobody asked for {name}')\n")
    (folder / "matplotlibrc").write_bytes(b"lines.linewidth: 40\n\xff: 1\n")


def numbers(folder: Path) -> dict[str, tuple[str, str, bytes]]:
    found = [read_trace(path) for path in folder.glob("results/s/cells/**/*.parquet")]
    return {t.facts["cell"]: (t.facts["status"], t.facts["digest"], t.value.tobytes()) for t in found}


@pytest.fixture(scope="module")
def tidy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tidy")
    write(folder)
    done = run("optbench", "run", "study.yaml", "--cores", "2", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def littered(tmp_path: Path) -> Path:
    write(tmp_path)
    litter(tmp_path)
    return tmp_path


def test_a_run_is_what_it_is_without_them(tidy: Path, littered: Path) -> None:
    done = run("optbench", "run", "study.yaml", "--cores", "2", cwd=littered)
    assert done.returncode == 0, done.stderr
    assert "STRAY" not in done.stdout + done.stderr
    assert "matplotlibrc" not in done.stderr
    assert numbers(littered) == numbers(tidy)
    assert {status for status, _, _ in numbers(littered).values()} == {"ok"}
    drawn = sorted(path.name for path in (tidy / "results/s/figures").glob("*.svg"))
    assert drawn
    for name in drawn:
        if "time" not in name and "cost" not in name:
            one, other = (folder / "results/s/figures" / name for folder in (tidy, littered))
            assert one.read_bytes() == other.read_bytes(), name


def test_a_check_says_sound(littered: Path) -> None:
    done = run("optbench", "check", "study.yaml", cwd=littered)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "optbench: study.yaml is sound: 4 cells\n"


def test_snakemake_trains_the_same(tidy: Path, littered: Path) -> None:
    assert run("optbench", "init", "--workflow", "other.yaml", cwd=littered).returncode == 0
    (path,) = (path.relative_to(tidy) for path in tidy.glob("results/s/cells/ravine/mine/**/*.parquet"))
    done = run("snakemake", path, "--cores", "1", "--configfile", "study.yaml", cwd=littered)
    assert done.returncode == 0, done.stderr
    name = "ravine/mine/constant/0"
    assert numbers(littered) == {name: numbers(tidy)[name]}


@pytest.mark.parametrize("name", ["select", "queue", "yaml", "optbench"])
def test_a_plug_in_that_needs_such_a_name_is_one_line(name: str, tmp_path: Path) -> None:
    write(tmp_path)
    file = (tmp_path / "my_lab.py").rename(tmp_path / f"{name}.py")
    (tmp_path / "study.yaml").write_text(dedent(STUDY).replace("my_lab:", f"{name}:"))
    for verb in ("check", "run"):
        done = run("optbench", verb, "study.yaml", cwd=tmp_path)
        assert done.returncode == 2
        (line,) = without_place(done.stderr).splitlines()
        said = f"optbench: study.yaml: optimizers.mine.factory: {file} cannot be imported as '{name}': "
        assert line.startswith(said)
        assert line.endswith("; rename the file")
    assert not (tmp_path / "results").exists()
