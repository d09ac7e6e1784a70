"""Whatever is corrupt or gone, each command says the same of it: which file, what is wrong."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from lab.studies import optbench, run, write_study
from optbench.core.errors import UserError

STUDY = """
    study: s
    seeds: 2
    timing: {seconds: 0.2}
    tuning: {seeds: 1, low: 0.01, high: 0.1, per_decade: 1, widen: 0}
    workloads: {ravine: {spread: 0.1, steps: 5}, digits_mlp: {steps: 2}}
    optimizers: [sgd]
    """

RAVINE, DIGITS = "ravine/sgd/constant", "digits_mlp/sgd/constant"
CELL = f"{RAVINE}/0"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    write_study(folder, STUDY)
    done = run("optbench", "run", "study.yaml", "--cores", "1", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def here(first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a finished study, to be spoilt."""
    folder = Path(shutil.copytree(first, tmp_path / "copy"))
    monkeypatch.chdir(folder)
    return folder


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def lie(path: Path) -> None:
    """JSON as before, with another value."""
    text = path.read_text()
    assert text.count('"failed": false') == 1
    path.write_text(text.replace('"failed": false', '"failed": true'))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


HARM: dict[str, tuple[str, Callable[[Path], object]]] = {
    "trace": (f"results/s/cells/{RAVINE}/seed0-*.parquet", flip),
    "cut trace": (f"results/s/cells/{RAVINE}/seed0-*.parquet", cut),
    "missing trace": (f"results/s/cells/{RAVINE}/seed0-*.parquet", Path.unlink),
    "trial": (f"results/s/tuning/{RAVINE}/lr0.1-*.parquet", flip),
    "choice": (f"results/s/tuning/{RAVINE}/choice-*.json", lie),
    "timing": ("results/s/timing/ravine-*.parquet", flip),
    "data": ("data/digits/train_x.npy", flip),
    "manifest": ("data/digits/manifest.json", flip),
    "table": ("results/s/tables/runs.parquet", cut),
}
"""What is spoilt: one file of each kind."""


class Says(NamedTuple):
    """What a command ends with, and what it says (without white space) beside the name of the file.

    Attributes:
        status: its exit status.
        words: what it says; `FILE` is the spoilt file.
        aside: whether the file is set aside.
    """

    status: int
    words: tuple[str, ...] = ()
    aside: bool = False


ASIDE = "FILE is corrupt: its checksum is not that of its content; it is set aside as NAME.corrupt and"
WRONG = "FILE is corrupt: its checksum is not that of its content"
CHANGED = "FILE has changed since it was prepared"
PREPARED = f"{CHANGED}; it will be prepared again; it is set aside as NAME.corrupt and prepared again"
LISTED = f"ok {RAVINE}/1"
NOTHING = "nothing would be trained"
REFUSED = Says(2, ("FILE is corrupt: its content has changed since it was written",))

SAID: dict[tuple[str, str], Says] = {
    ("trace", "list study.yaml"): Says(0, (f"corrupt {CELL}: {WRONG}", LISTED)),
    ("trace", f"show {CELL} --study study.yaml"): Says(0, ("status corrupt", f"what is wrong {WRONG}")),
    ("trace", f"why study.yaml {CELL}"): Says(
        0, (f"{CELL}: what lies there is corrupt, and would be trained again {WRONG}",)
    ),
    ("trace", "why study.yaml --all"): Says(0, (f"1 cell: what lies there is corrupt {CELL}: {WRONG}",)),
    ("trace", "rerun study.yaml --failed --dry-run"): Says(
        0, (CELL, "1 cells would be trained again", f"{WRONG}; it will be made anew")
    ),
    ("trace", "rerun study.yaml --failed --cores 1"): Says(0, (f"{ASIDE} made anew", "4 cells: 4 ok"), True),
    ("trace", "verify study.yaml --sample 1 --cores 1"): Says(
        1, (f"BAD {CELL} {WRONG}", "1 of 2 cells hold")
    ),
    ("trace", f"train study.yaml {CELL}"): Says(0, (f"{ASIDE} made anew",), True),
    ("trace", "collect study.yaml"): Says(0, (f"{ASIDE} made anew by the next run", "1 missing, 3 ok"), True),
    ("trace", "show s"): Says(0, ("4 expected = 4 ok",)),
    ("trace", "compare s s"): Says(0, ("equal",)),
    ("trace", "report s"): Says(0),
    ("cut trace", "list study.yaml"): Says(0, (f"corrupt {CELL}: FILE is not whole",)),
    ("cut trace", f"why study.yaml {CELL}"): Says(0, ("what lies there is corrupt", "FILE is not whole")),
    ("cut trace", "verify study.yaml --sample 1 --cores 1"): Says(1, (f"BAD {CELL} FILE is not whole",)),
    ("missing trace", "list study.yaml"): Says(0, (f"missing {CELL}", LISTED)),
    ("missing trace", f"show {CELL} --study study.yaml"): Says(0, ("status missing",)),
    ("missing trace", f"why study.yaml {CELL}"): Says(0, (f"{CELL}: never trained",)),
    ("missing trace", "why study.yaml --all"): Says(0, (f"1 cell: never trained {CELL}",)),
    ("missing trace", "rerun study.yaml --failed --dry-run"): Says(0, ("0 cells would be trained again",)),
    ("missing trace", "collect study.yaml"): Says(0, ("1 missing, 3 ok",)),
    ("trial", "why study.yaml --all"): Says(
        0,
        (
            f"1 trial: what lies there is corrupt {RAVINE}/lr0.1/",
            f"it rests on a trial that is none: {WRONG}",
        ),
    ),
    ("trial", f"why study.yaml {CELL}"): Says(0, ("would be chosen first: it rests on a trial", WRONG)),
    ("trial", "tune study.yaml"): Says(0, (f"{ASIDE} made anew",), True),
    ("choice", "list study.yaml"): Says(0, (LISTED,)),
    ("choice", f"show {CELL} --study study.yaml"): Says(0, (f"lr not known: {WRONG}", "status ok")),
    ("choice", f"why study.yaml {CELL}"): Says(0, (f"its learning rate would be chosen first: {WRONG}",)),
    ("choice", "why study.yaml --all"): Says(
        0, (f"1 learning rate to choose: what lies there is corrupt {RAVINE}: {WRONG}",)
    ),
    ("choice", "verify study.yaml --sample 100% --cores 1"): Says(
        1, (f"BAD {CELL} cannot be trained again: {WRONG}", f"ok {DIGITS}/0", "2 of 4 cells hold up")
    ),
    ("choice", "tune study.yaml"): Says(0, (f"{ASIDE} made anew",), True),
    ("choice", "collect study.yaml"): Says(0, (f"{WRONG}; the next run makes it anew", "4 ok")),
    ("timing", "why study.yaml --all"): Says(0, (f"1 timing: what lies there is corrupt ravine: {WRONG}",)),
    ("timing", "collect study.yaml"): Says(0, (f"{WRONG}; the next run makes it anew", "4 ok")),
    ("timing", "time study.yaml ravine"): Says(0, (f"{ASIDE} made anew", "ravine: timed with"), True),
    ("data", "list study.yaml"): Says(0, (LISTED,)),
    ("data", f"why study.yaml {DIGITS}/0"): Says(
        0,
        (
            f"{DIGITS}/0: up to date",
            f"its data set digits would be prepared first: what lies there is corrupt: {CHANGED}",
        ),
    ),
    ("data", "why study.yaml --all"): Says(0, (f"1 data set: what lies there is corrupt: {CHANGED} digits",)),
    ("data", "verify study.yaml --sample 100% --cores 1"): Says(
        0, (CHANGED, "set aside as NAME.corrupt and prepared again", "4 of 4 cells hold up"), True
    ),
    ("data", f"train study.yaml {DIGITS}/0"): Says(0, (CHANGED, "set aside as NAME.corrupt"), True),
    ("data", "time study.yaml digits_mlp"): Says(
        0, (CHANGED, "set aside as NAME.corrupt and prepared again", "digits_mlp: timed with"), True
    ),
    ("data", "check study.yaml"): Says(0, (CHANGED, "set aside as NAME.corrupt", "is sound"), True),
    ("data", "prepare study.yaml"): Says(0, (CHANGED, "set aside as NAME.corrupt"), True),
    ("manifest", "why study.yaml --all"): Says(0, ("1 data set: what lies there is corrupt: FILE is",)),
    ("manifest", "collect study.yaml"): Says(0, ("FILE is", "the next run prepares it again")),
    ("manifest", "verify study.yaml --sample 100% --cores 1"): Says(
        0, ("FILE is", "set aside as NAME.corrupt", "4 of 4 cells hold up"), True
    ),
    ("table", "show s"): REFUSED,
    ("table", "compare s s"): REFUSED,
    ("table", "report s"): REFUSED,
    ("table", "plot s --cores 1"): REFUSED,
    ("table", "summarize s --cores 1"): REFUSED,
    ("table", "list study.yaml"): Says(0, (LISTED,)),
    ("table", "why study.yaml --all"): Says(0, (NOTHING,)),
    ("table", "verify study.yaml --sample 1 --cores 1"): Says(0, ("1 of 1 cells hold up",)),
}
"""What each command says of each harm, and its exit status."""


def bare(text: str) -> str:
    """Without what a terminal's width decides."""
    return re.sub(r"[\s│]", "", text)


@pytest.mark.usefixtures("trained_here")
@pytest.mark.parametrize(("harm", "command"), SAID, ids=map(" ".join, SAID))
def test_each_command_says_what_is_wrong(here: Path, harm: str, command: str) -> None:
    pattern, spoil = HARM[harm]
    (file,) = Path().glob(pattern)
    spoil(file)
    left = file.read_bytes() if file.exists() else None
    done = optbench(*command.split())
    status, words, aside = SAID[harm, command]
    mistake = str(done.exception) if isinstance(done.exception, UserError) else ""
    said = f"{done.stdout}{done.stderr}{mistake}"
    assert done.exception is None or isinstance(done.exception, UserError | SystemExit), done.exception
    assert (2 if mistake else done.exit_code) == status, said
    for word in words:
        assert bare(word.replace("FILE", str(file)).replace("NAME", file.name)) in bare(said), (word, said)
    kept = file.with_name(f"{file.name}.corrupt")
    assert kept.exists() == aside
    if aside:
        assert kept.read_bytes() == left
    elif left is not None:
        assert file.read_bytes() == left
