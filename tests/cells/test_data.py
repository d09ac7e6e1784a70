"""Data is prepared again where it would be read or cut otherwise than it was."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lab.checkout import ROOT
from optbench.catalogue.datasets import manifest
from optbench.catalogue.datasets.load import DataUnavailableError, load_data
from optbench.catalogue.datasets.prepare import prepare
from optbench.cells.data import data_digests
from optbench.cells.slices import Code, Slices
from optbench.cli import cli
from optbench.core.specs import DatasetSpec
from optbench.running.plan import newer_than_data
from optbench.study.resolve import read_study
from optbench.study.study import Study

JOB = re.compile(r"^prepare +(\d+)$", re.MULTILINE)
"""The line of the rule in Snakemake's list of jobs, and how many there are."""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text("study: s\nseeds: 1\nworkloads: [digits_mlp]\noptimizers: [sgd]\n")
    return read_study(Path("s.yaml"))


def edit_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands for an edit: the code behind the data has another hash."""
    real = Slices.code

    def code(self: Slices, *addresses: str) -> Code:
        found = real(self, *addresses)
        read = any(address.endswith(":read_digits") for address in addresses)
        return Code(found.sha256[::-1], found.modules) if read else found

    monkeypatch.setattr(Slices, "code", code)


def written() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("data/digits/manifest.json").read_text())
    del found["checksum"]
    return found


def run(*words: str) -> None:
    done = CliRunner().invoke(cli, [*words], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def prepared() -> int:
    """Prepares what is to be prepared; returns when the manifest was written (ns)."""
    run("prepare", "s.yaml")
    return Path("data/digits/manifest.json").stat().st_mtime_ns


@pytest.mark.usefixtures("study")
def test_an_edit_of_the_reader_prepares_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepared()
    before = written()
    assert prepared() == first
    edit_the_reader(monkeypatch)
    second = prepared()
    assert second > first
    assert prepared() == second
    after = written()
    assert before.pop("digest") != after.pop("digest")
    assert before == after  # the edit decided nothing of it here


@pytest.mark.usefixtures("study")
def test_a_manifest_that_does_not_say_is_read_and_made_anew() -> None:
    first = prepared()
    old = written()
    digest = old.pop("digest")
    Path("data/digits/manifest.json").write_text(json.dumps(old))
    assert manifest.read_manifest("digits", Path("data"))["status"] == "ready"
    assert not manifest.is_prepared(DatasetSpec("digits"), Path("data"), digest)
    assert prepared() > first
    assert written() == {**old, "digest": digest}


def test_the_digest_is_over_code_and_entry_and_the_users_files(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    (plain,) = data_digests(study).values()
    assert len(plain) == 8
    edit_the_reader(monkeypatch)
    assert list(data_digests(study).values()) != [plain]


def spoil(path: Path, how: str) -> bytes:
    """Spoils a file of prepared data; returns what lies there then."""
    content = path.read_bytes()
    path.unlink()
    if how == "pipe":
        os.mkfifo(path)
        return b""
    if how == "folder":
        path.mkdir()
        return b""
    flipped = content[:200] + bytes([content[200] ^ 1]) + content[201:]
    spoilt = {"empty": b"", "cut": content[:50], "flipped": flipped, "0xff": b"\xff" * 9, "list": b"[]"}[how]
    path.write_bytes(spoilt)
    return spoilt


@pytest.mark.parametrize("how", ["empty", "cut", "flipped", "pipe", "folder", "0xff", "list"])
@pytest.mark.parametrize("name", ["train_x.npy", "manifest.json"])
def test_corrupt_data_is_named_set_aside_and_prepared_again(
    study: Study, capsys: pytest.CaptureFixture[str], name: str, how: str
) -> None:
    run("prepare", "s.yaml")
    path = Path("data/digits", name)
    whole = path.read_bytes()
    spoilt = spoil(path, how)
    with pytest.raises(DataUnavailableError, match="digits") as told:
        load_data("digits", study.data_folder)
    assert "\n" not in str(told.value)
    assert newer_than_data(study, look_only=True).keys() == {"digits"}
    assert "it will be prepared again" in capsys.readouterr().err
    assert os.path.lexists(path)
    done = CliRunner().invoke(cli, ["prepare", "s.yaml"], catch_exceptions=False)
    assert done.exit_code == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"optbench: {path} ")
    assert line.endswith(f"set aside as {name}.corrupt and prepared again")
    aside = path.with_name(f"{name}.corrupt")
    assert aside.read_bytes() == spoilt if aside.is_file() else how in {"pipe", "folder"}
    assert path.read_bytes() == whole
    load_data("digits", study.data_folder)
    assert newer_than_data(study) == {}


def test_a_file_of_data_that_is_gone_is_prepared_again(study: Study) -> None:
    run("prepare", "s.yaml")
    path = Path("data/digits/test_y.npy")
    whole = path.read_bytes()
    path.unlink()
    done = CliRunner().invoke(cli, ["prepare", "s.yaml"], catch_exceptions=False)
    assert done.stderr == f"optbench: {path} is not there; it is prepared again\n"
    assert path.read_bytes() == whole
    assert not path.with_name("test_y.npy.corrupt").exists()


def test_a_plan_has_corrupt_data_prepared_again(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    run("prepare", "s.yaml")
    path = Path("data/digits/train_x.npy")
    spoil(path, "flipped")
    (file,) = newer_than_data(study).values()
    assert Path(file).stat().st_mtime_ns > Path("data/digits/manifest.json").stat().st_mtime_ns
    assert f"optbench: {path} has changed since it was prepared; it is set aside" in capsys.readouterr().err
    assert path.with_name("train_x.npy.corrupt").exists()


def test_training_by_hand_prepares_again_too(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(DatasetSpec("digits"), study.data_folder, "00000000")
    monkeypatch.setattr("optbench.cli.stages.train_cells", lambda *_: None)
    run("train", "s.yaml", "*")
    assert written()["digest"] == data_digests(study)["digits"]


def test_a_plan_names_data_that_is_to_be_made_again(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    assert newer_than_data(study) == {}  # what is not there at all has a rule already
    run("prepare", "s.yaml")
    assert newer_than_data(study) == {}
    edit_the_reader(monkeypatch)
    (file,) = newer_than_data(study).values()
    assert Path(file).stat().st_mtime_ns > Path("data/digits/manifest.json").stat().st_mtime_ns
    # Data that could not be had is tried again only where it would be read otherwise.
    Path("data/digits/manifest.json").write_text(
        json.dumps({"name": "digits", "status": "unavailable", "digest": data_digests(study)["digits"]})
    )
    assert newer_than_data(study) == {}


def test_snakemake_prepares_again(study: Study) -> None:
    """Data that another command prepared, with no word of it in Snakemake's own records."""
    for name in ("Snakefile", "workflow", "profiles"):
        Path(name).symlink_to(ROOT / name)

    def planned() -> str:
        command = ["snakemake", "-n", "--cores", "1", "--configfile", "s.yaml", "--quiet", "host"]
        done = subprocess.run(
            [sys.executable, "-m", *command],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("prepare", "s.yaml")
    assert not JOB.findall(planned())
    prepare(DatasetSpec("digits"), study.data_folder, "00000000")
    assert set(JOB.findall(planned())) == {"1"}
