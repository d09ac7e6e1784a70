"""What Snakemake runs: the batches cover exactly what is left."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from optbench.catalogue.datasets.manifest import is_prepared
from optbench.cells.cell import CellSpec
from optbench.cells.data import data_digests
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.trace import Trace, write_trace
from optbench.cli import cli
from optbench.core.errors import UserError
from optbench.core.files import PACKAGE_FOLDER
from optbench.core.specs import ExecutionSpec
from optbench.running import plan as pipeline
from optbench.running.plan import (
    DEFAULT_STUDY,
    Needs,
    make_plan,
    needs_of,
    plan_folder,
    read_batch,
    stage_code,
    study_file,
)
from optbench.study.locate import find_study_file
from optbench.study.resolve import read_study
from optbench.study.study import Study


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study of 2 x 2 x 6 = 24 cells, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(
        "study: s\nworkloads: {ravine: {spread: 0.1}, saddle: {spread: 0.1}}\noptimizers: [sgd, adam]\n"
    )
    return read_study(Path("study.yaml"))


def paths(study: Study) -> list[str]:
    return [trace_path(cell).as_posix() for cell in cells_of(study)]


def finish(chosen: list[str]) -> None:
    for path in chosen:
        write_trace(Path(path), Trace({"status": "ok", "digest": path[-16:-8]}))


def batches(study: Study, plan: pipeline.Plan) -> list[list[str]]:
    return [read_batch(plan_folder(study) / f"{name}.txt") for name in plan.batches]


@pytest.mark.parametrize(
    ("cores", "asked", "own", "sizes"),
    [
        (1, None, None, [24]),
        (2, None, None, [12, 12]),
        (5, None, None, [5, 5, 5, 5, 4]),
        (100, None, None, [1] * 24),
        (2, 5, None, [5, 5, 5, 5, 4]),
        (2, None, 9, [8, 8, 8]),
        (2, 24, 9, [24]),
        (8, 1, None, [1] * 24),
        (None, None, None, [8, 8, 8]),  # 8 hours a job, an hour a cell
        (None, 10, None, [8, 8, 8]),
        (None, None, 500, [24]),
    ],
)
def test_batches_cover_what_there_is(
    study: Study, cores: int | None, asked: int | None, own: int | None, sizes: list[int]
) -> None:
    plan = make_plan(replace(study, cells_per_job=own), cores, asked)
    found = batches(study, plan)
    assert [len(batch) for batch in found] == sizes
    assert sorted(path for batch in found for path in batch) == sorted(paths(study))
    assert plan.traces == ()


def test_cells_are_dealt_out_in_turn(study: Study) -> None:
    # 12 cells of the ravine stand before 12 of the saddle; each batch gets as many of both.
    for batch in batches(study, make_plan(study, 3, None)):
        assert [sum(f"/{name}/" in path for path in batch) for name in ("ravine", "saddle")] == [4, 4]


def test_only_what_is_left_is_in_a_batch(study: Study) -> None:
    every = paths(study)
    finish(every[:7])
    Path(every[7]).parent.mkdir(parents=True, exist_ok=True)
    Path(every[7]).write_bytes(Path(every[0]).read_bytes()[:-1])
    plan = make_plan(study, 2, None)
    assert sorted(plan.traces) == sorted(every[:7])
    assert sorted(path for batch in batches(study, plan) for path in batch) == sorted(every[7:])


def test_nothing_left_means_no_batches(study: Study) -> None:
    finish(paths(study))
    plan = make_plan(study, 4, None)
    assert (plan.batches, len(plan.traces)) == ((), 24)


def test_by_force_everything_is_left(study: Study) -> None:
    finish(paths(study))
    plan = make_plan(study, 2, None, again=True)
    assert plan.traces == ()
    assert [len(batch) for batch in batches(study, plan)] == [12, 12]


def test_one_deleted_trace_is_one_batch_of_one(study: Study) -> None:
    finish(paths(study))
    gone = Path(paths(study)[5])
    gone.unlink()
    assert batches(study, make_plan(study, 8, None)) == [[gone.as_posix()]]


def test_a_mark_of_an_earlier_run_does_not_hide_a_batch(study: Study) -> None:
    first = make_plan(study, 2, None)
    marks = [plan_folder(study) / f"{name}.done" for name in first.batches]
    for mark in marks:
        mark.touch()
    assert make_plan(study, 2, None).batches == first.batches
    assert not any(mark.exists() for mark in marks)


def test_a_plan_is_named_by_its_content_and_touches_nothing_twice(study: Study) -> None:
    plan = make_plan(study, 2, None)
    files = [*plan.folder.glob("*.txt"), study.results / "study_file"]
    assert len(files) == 3
    before = [file.stat().st_mtime_ns for file in files]
    assert make_plan(study, 2, None) == plan
    assert [file.stat().st_mtime_ns for file in files] == before
    assert (study.results / "study_file").read_text() == "study.yaml\n"
    # What finishes meanwhile leaves the batch of a job that runs as it is.
    finish(paths(study)[:1])
    assert set(make_plan(study, 2, None).batches) != set(plan.batches)
    assert all((plan.folder / f"{name}.txt").exists() for name in plan.batches)


def test_many_cells_are_cut_at_the_largest_batch(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "MOST_CELLS_PER_JOB", 10)
    assert [len(batch) for batch in batches(study, make_plan(study, 1, None))] == [8, 8, 8]
    assert [len(batch) for batch in batches(study, make_plan(study, 2, None))] == [6, 6, 6, 6]
    assert [len(batch) for batch in batches(study, make_plan(study, 2, 24))] == [8, 8, 8]
    monkeypatch.setattr(pipeline, "CELLS_PER_CLUSTER_JOB", 5)
    assert [len(batch) for batch in batches(study, make_plan(study, None, None))] == [5, 5, 5, 5, 4]


def test_cells_of_other_needs_have_batches_of_their_own(study: Study) -> None:
    big = replace(study.workloads["saddle"], device="cuda", memory_mb=9000, timeout_s=90.0)
    mixed = replace(study, workloads={**study.workloads, "saddle": big}, timeout_s=600.0)
    found = batches(mixed, make_plan(mixed, None, None))
    assert [len(batch) for batch in found] == [12, 12]
    assert [len({path.split("/")[3] for path in batch}) for batch in found] == [1, 1]
    # 12 x 600 s are 120 minutes, 12 x 90 s are 18; five more to start.
    assert [needs_of(mixed, batch) for batch in found] == [Needs(2000, 125, 0), Needs(9000, 23, 1)]
    assert needs_of(mixed, found[1][:1]) == Needs(9000, 7, 1)
    # One seed of a batched group takes the other five along, 6 x 90 s, or one where two are the most.
    for at_most, minutes in ((32, 14), (2, 8)):
        together = replace(mixed, execution=ExecutionSpec(seeds="batched", at_most=at_most))
        assert needs_of(together, found[1][:1]) == Needs(9000, minutes, 1)
        assert needs_of(together, found[1]) == Needs(9000, 23, 1)
    for wrong in ([], ["results/s/cells/other/sgd/constant/seed0-01234567.parquet"], ["nowhere"]):
        with pytest.raises(UserError, match="is no trace of"):
            needs_of(mixed, wrong)


def test_another_optimizer_and_more_seeds_leave_the_rest(study: Study) -> None:
    finish(paths(study))
    Path("study.yaml").write_text(
        "study: s\nworkloads: {ravine: {spread: 0.1}, saddle: {spread: 0.1}}\n"
        "optimizers: [sgd, adam, heavy_ball]\nseeds: 7\n"
    )
    more = read_study(Path("study.yaml"))
    plan = make_plan(more, 1, None)
    assert set(plan.traces) == set(paths(study))
    left = [Path(path).parts for path in batches(more, plan)[0]]
    # 2 workloads x 7 seeds of the new one, and the seventh seed of the two others.
    assert sum(parts[4] == "heavy_ball" for parts in left) == 14
    assert [parts[-1][:6] for parts in left if parts[4] != "heavy_ball"] == ["seed6-"] * 4
    assert len(left) == 18


def test_only_some_finished_or_not(study: Study) -> None:
    every = paths(study)
    finish(every[:20])
    plan = make_plan(study, 1, None, only=[every[3], every[22]])
    assert batches(study, plan) == [[every[3], every[22]]]
    # What is unfinished and not asked for is neither trained nor an input.
    assert sorted(plan.traces) == sorted(set(every[:20]) - {every[3]})
    stamp = (plan.folder / f"{plan.batches[0]}.txt").stat().st_ino
    again = make_plan(study, 1, None, only=[every[3], every[22]])
    assert (again.folder / f"{again.batches[0]}.txt").stat().st_ino != stamp


def test_a_file_that_is_no_trace_of_its_cell_is_named(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    finish(paths(study))
    one, other = map(Path, paths(study)[:2])
    one.write_bytes(other.read_bytes())
    assert batches(study, make_plan(study, 1, None)) == [[one.as_posix()]]
    told = capsys.readouterr().err
    assert (
        told == f"optbench: {one} is of another cell; it is set aside as {one.name}.corrupt and made anew\n"
    )
    assert one.with_name(f"{one.name}.corrupt").read_bytes() == other.read_bytes()
    assert not one.exists()


def test_a_look_renames_nothing(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    finish(paths(study))
    spoilt = Path(paths(study)[0])
    spoilt.write_bytes(b"PAR1")
    assert batches(study, make_plan(study, 1, None, look_only=True)) == [[spoilt.as_posix()]]
    assert "it will be made anew" in capsys.readouterr().err
    assert spoilt.read_bytes() == b"PAR1"


def test_a_trace_that_may_not_be_read_is_named_and_left_alone(
    study: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(paths(study))
    closed = Path(paths(study)[3])
    may_not_be_read(closed, monkeypatch)
    assert make_plan(study, 1, None).batches == ()
    told = capsys.readouterr().err
    assert told == f"optbench: {closed} cannot be read (Permission denied): it stays as it is\n"
    assert closed.exists()


def may_not_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening `path` is denied: a superuser, who may run the tests, may read any file."""
    real = os.open

    def refuse(file: os.PathLike[str] | str, *more: int, **named: int) -> int:
        if os.fspath(file) == os.fspath(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(file))
        return real(file, *more, **named)

    monkeypatch.setattr(os, "open", refuse)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"results/s/cells/other\n", None])
def test_a_corrupt_file_of_a_plan_is_named_set_aside_and_made_anew(
    study: Study, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    (name,) = make_plan(study, 1, None).batches
    file = plan_folder(study) / f"{name}.txt"
    file.unlink()
    if content is None:
        file.mkdir()
        (plan_folder(study) / f"{name}.done").mkdir()
    else:
        file.write_bytes(content)
    assert batches(study, make_plan(study, 1, None)) == [paths(study)]
    assert f"optbench: {file} is " in capsys.readouterr().err
    aside = file.with_name(f"{file.name}.corrupt")
    assert aside.is_dir() if content is None else aside.read_bytes() == content
    assert not (plan_folder(study) / f"{name}.done").exists()
    with pytest.raises(UserError, match="is not text: byte 0 is not UTF-8"):
        file.write_bytes(b"\xff")
        read_batch(file)


def test_a_batch_of_hostile_names_is_read_back(study: Study) -> None:
    odd = study.workloads["ravine"]
    names = ["a b", "学\u3000习", "..", "a/b", "{x}"]
    odd_study = replace(
        study,
        workloads={name: replace(odd, name=name) for name in names},
        blocks=(replace(study.blocks[0], workloads=tuple(names)),),
    )
    plan = make_plan(odd_study, 1, None)
    assert batches(odd_study, plan) == [paths(odd_study)]


def test_the_study_file_that_snakemake_was_given() -> None:
    assert study_file([], {}) == DEFAULT_STUDY == Path("config/default.yaml")
    assert study_file(["mine.yaml"], {}) == Path("mine.yaml")
    assert study_file([Path("mine.yaml")], {"cells_per_job": 500}) == Path("mine.yaml")
    here = Path.cwd()
    assert study_file([here / "config/mine.yaml"], {}) == Path("config/mine.yaml")
    assert study_file([here.parent / "mine.yaml"], {}) == here.parent / "mine.yaml"


@pytest.mark.parametrize(
    ("files", "overrides", "message"),
    [
        (["a.yaml", "b.yaml"], {}, "--configfile takes one study file, not 2: studies are never merged"),
        ([], {"seeds": 3}, "--config seeds: only cells_per_job can be given there; write a study file"),
        (
            ["a.yaml"],
            {"cells_per_job": 2, "device": "cpu"},
            "--config device: only cells_per_job can be given there; write a study file",
        ),
        *(
            (
                [],
                {"cells_per_job": value},
                f"--config cells_per_job must be a whole number from 1 to 500; got {value!r}",
            )
            for value in (0, -1, 501, 1.5, "many", True, None)
        ),
    ],
)
def test_what_snakemake_cannot_be_given(files: list[str], overrides: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as raised:
        study_file(files, overrides)
    assert str(raised.value) == message


def test_a_stage_has_a_code_of_its_own() -> None:
    stages = (
        "optbench.tables.collect",
        "optbench.tables.summary",
        "optbench.report.figures.draw",
        "optbench.report.page.build",
    )
    codes = [stage_code(stage) for stage in stages]
    assert len(set(codes)) == len(stages)
    assert codes == [stage_code(stage) for stage in stages]


def test_the_pages_templates_are_code_of_its_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(PACKAGE_FOLDER, tmp_path / "optbench", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(pipeline, "PACKAGE_FOLDER", tmp_path / "optbench")
    before = stage_code("optbench.report.page.build"), stage_code("optbench.tables.summary")
    template = tmp_path / "optbench/report/page/templates/oscillation.html.j2"
    template.write_text(template.read_text(encoding="utf-8") + "<p>One more.</p>", encoding="utf-8")
    assert stage_code("optbench.report.page.build") != before[0]
    assert stage_code("optbench.tables.summary") == before[1]


def test_training_by_hand_prepares_its_data_and_leaves_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first command of a study may be `optbench train`; what it says names the study, not its file."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("study: t\nseeds: 1\nworkloads: [digits_mlp]\noptimizers: [sgd]\n")
    trained: list[str] = []

    def train_cells(_study: Study, cells: list[CellSpec], *_: object) -> None:
        trained.extend(cell.name for cell in cells)

    monkeypatch.setattr("optbench.cli.stages.train_cells", train_cells)
    done = CliRunner().invoke(cli, ["train", "mine.yaml", "*"], catch_exceptions=False)
    assert done.exit_code == 0
    assert trained == ["digits_mlp/sgd/constant/0"]
    assert find_study_file("t") == Path("mine.yaml")
    study = read_study(Path("mine.yaml"))
    assert is_prepared(study.datasets["digits"], study.data_folder, data_digests(study)["digits"])


@pytest.mark.parametrize("name", ["{x}.yaml", "a{b.yaml", "}.yaml"])
def test_braces_that_snakemake_would_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Snakemake has no escape for them, neither in a path that is written out nor in one of a function."""
    monkeypatch.chdir(tmp_path)
    text = "study: s\nworkloads: {ravine: {spread: 0.1}}\noptimizers: [sgd]\n"
    Path(name).write_text(text)
    with pytest.raises(UserError, match=r"^the study file: Snakemake reads braces in a path as a wildcard"):
        make_plan(read_study(Path(name)), 1, None)
    Path("s.yaml").write_text(f"{text}data_folder: '{name}'\n")
    with pytest.raises(UserError, match=r"^data_folder: Snakemake reads braces .* or use 'optbench run'$"):
        make_plan(read_study(Path("s.yaml")), 1, None)
