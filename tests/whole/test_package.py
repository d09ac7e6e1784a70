"""What is published: source and wheel build from a checkout, pass PyPI's checks, and work elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.checkout import ROOT
from optbench.study.starter.write import HERE, workflow_root

PIPELINE = "optbench/study/starter/pipeline"

CELL = """study: outside
seeds: 1
timing: false
workloads: {digits_mlp: {steps: 20}}
optimizers: [sgd]
"""


def run(*command: str | Path, folder: Path) -> str:
    done = subprocess.run(
        [*map(str, command)], cwd=folder, capture_output=True, text=True, check=False,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read_project() -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"])


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, and the wheel that is built from it, as `python -m build` does."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder, folder=ROOT)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # not before Python 3.11.4
        tar.extractall(folder / "unpacked", **safe)  # noqa: S202 - made by this test
    (source,) = (folder / "unpacked").iterdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, folder=source)
    return folder


def test_pypi_would_take_them(dist: Path) -> None:
    said = run(sys.executable, "-m", "twine", "check", "--strict", *dist.glob("optbench-*"), folder=dist)
    assert said.count("PASSED") == 2


def test_the_wheel_carries_what_init_writes(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert archive.read(f"{PIPELINE}/Snakefile") == (workflow_root() / "Snakefile").read_bytes()
    assert {f"optbench/study/starter/{file.name}" for file in HERE.iterdir() if file.is_file()} <= names
    wanted = ["workflow/rules/train.smk", "profiles/default/config.yaml", "profiles/slurm/config.yaml"]
    assert {f"{PIPELINE}/{name}" for name in wanted} | {"optbench/py.typed"} <= names
    modules = {str(file.relative_to(ROOT)) for file in (ROOT / "optbench").rglob("*.py")}
    assert {name for name in names if name.startswith("optbench/") and name.endswith(".py")} == modules


def test_it_works_where_there_is_no_checkout(dist: Path, tmp_path: Path) -> None:
    """In an environment that has the wheel, and the packages that it needs by a path of this environment.

    A path in a .pth file brings packages and not the .pth files beside them, so the checkout stays unseen.
    """
    python = tmp_path / "venv/bin/python"
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", folder=tmp_path)
    (wheel,) = dist.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, folder=tmp_path)
    inside = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=tmp_path)
    (Path(inside.strip()) / "needs.pth").write_text(sysconfig.get_path("purelib"))
    where = run(python, "-c", "import optbench; print(optbench.__file__)", folder=tmp_path)
    assert where.startswith(str(tmp_path))
    optbench = python.with_name("optbench")
    run(optbench, "init", "mine.yaml", "--plugin", "--workflow", folder=tmp_path)
    assert len(run(optbench, "list", "mine.yaml", folder=tmp_path).splitlines()) == 3 * 4 * 3 * 6
    (tmp_path / "outside.yaml").write_text(CELL)
    run(optbench, "run", "outside.yaml", "--cores", "1", folder=tmp_path)
    page = (tmp_path / "reports/outside/index.html").read_text(encoding="utf-8")
    assert "1 expected = 1 ok" in page


def test_the_metadata_say_what_pyproject_says() -> None:
    project = read_project()
    said = [line for line in requires("optbench") or [] if "extra ==" not in line]
    assert sorted(said) == sorted(project["dependencies"])


def test_the_citation_is_of_this_version() -> None:
    project = read_project()
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert citation["authors"] == [{"name": "The optbench developers"}]


def test_the_catalogue_and_the_container_can_be_read() -> None:
    """Both are for others' programs; what is in them that can be wrong here is a name and a version."""
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))["usage"]
    assert usage["report"] is True
    lines = (ROOT / "Containerfile").read_text(encoding="utf-8").splitlines()
    (image,) = [line.rpartition("python:")[2] for line in lines if line.startswith("FROM")]
    assert image.startswith("3.12-")
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]]
    assert all((ROOT / name).exists() for name in copied)
