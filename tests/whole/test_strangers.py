"""Results of a stranger are shown, compared, drawn and reported, and nothing in them acts."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result

from lab.fabricate import Fake, fabricate
from lab.pages import Page
from lab.studies import optbench
from optbench.core.errors import UserError
from optbench.report.figures.draw import draw_all

OUTSIDE = "the content of a file outside"

ESCAPE = "\x1b]0;mine\x07\x1b[31m\x9b2J\u202egnp\r"
"""What would name a terminal's window, colour it, clear it and turn words round."""

ACTS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

FAKE = Fake(workloads=("a", "b"), optimizers=("sgd", "adam"), seeds=6, evaluations=5)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = fabricate(tmp_path_factory.mktemp("made") / "theirs", FAKE)
    draw_all(folder / "tables", folder / "figures")
    return folder


@pytest.fixture
def theirs(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, beside a file that is none of its business."""
    monkeypatch.chdir(tmp_path)
    Path("outside.svg").write_text(OUTSIDE)
    return Path(shutil.copytree(made, "theirs"))


def look(folder: Path) -> dict[str, Result]:
    """What each verb that looks at results makes of a folder; every one ends, in words or in one line."""
    found = {
        "show": optbench("show", f"{folder}"),
        "compare": optbench("compare", f"{folder}", f"{folder}"),
        "report": optbench("report", f"{folder}"),
        "plot": optbench("plot", f"{folder}", "--cores", "1"),
    }
    for done in found.values():
        assert done.exception is None or isinstance(done.exception, UserError | SystemExit), done.exception
        said = f"{done.stdout}{done.stderr}{done.exception}"
        assert OUTSIDE not in said
        assert not ACTS.search(said.replace("\n", "").replace("\t", "")), said
        if isinstance(done.exception, UserError):
            assert "\n" not in str(done.exception)
    return found


def page() -> str:
    return Path("reports/theirs/index.html").read_text(encoding="utf-8")


def test_a_sound_folder_is_shown_compared_and_reported_and_stays_as_it_is(theirs: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in theirs.rglob("*") if file.suffix != ".svg"}
    found = look(theirs)
    assert [done.exit_code for done in found.values()] == [0, 0, 0, 0]
    ours = {"plot.sha256", "figures.json", "checksums", "figures"}  # what `plot` is there to write
    assert {file for file, when in before.items() if file.stat().st_mtime_ns != when} <= {
        theirs / "figures",
        theirs / "figures/figures.json",
        theirs,
    }
    assert {file.name for file in theirs.rglob("*") if file not in before and file.suffix != ".svg"} <= ours


@pytest.mark.parametrize(
    "harm",
    [
        '<meta http-equiv="refresh" content="0;url=https://example.org/"/>',
        "<script>alert(1)</script>",
        '<a href="javascript:alert(1)"><text>x</text></a>',
        '<a href="https://example.org/"><text>x</text></a>',
        '<foreignObject><iframe src="https://example.org/"/></foreignObject>',
        '<image href="https://example.org/a.png"/>',
        "<style>@import url(https://example.org/a.css)</style>",
        '<animate attributeName="href" to="https://example.org/"/>',
        "<desc><![CDATA[<img src=https://example.org/>]]></desc>",
    ],
)
def test_a_drawing_that_acts_is_left_out_and_named(theirs: Path, harm: str) -> None:
    file = sorted((theirs / "figures").glob("*.svg"))[0]
    file.write_text(file.read_text().replace("</svg>", f"{harm}</svg>"))
    done = optbench("report", str(theirs))
    assert done.exit_code == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"optbench: a drawing is left out: {file} has a ")
    text = page()
    assert "This drawing is left out." in text
    assert harm not in text
    assert "example.org" not in text
    assert "javascript:" not in text
    tags = [tag for tag, _ in Page(text).tags]
    assert not {"iframe", "image", "foreignobject", "animate", "img"} & set(tags)
    assert tags.count("script") == 2
    assert "default-src 'none'" in text


def records(theirs: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((theirs / "figures/figures.json").read_text())
    return found


@pytest.mark.parametrize("name", ["../../outside.svg", "ABSOLUTE", "../figures/x.svg", "a\x1b[31m.svg"])
def test_a_figure_that_names_a_file_elsewhere_is_refused(theirs: Path, name: str) -> None:
    found = records(theirs)
    found[0]["panels"][0]["svg"] = str(Path("outside.svg").absolute()) if name == "ABSOLUTE" else name
    (theirs / "figures/figures.json").write_text(json.dumps(found))
    told = str(look(theirs)["report"].exception)
    assert told.startswith("theirs/figures/figures.json is not a list of figures: ")
    assert not Path("reports").exists()


def test_links_out_of_the_folder_are_not_followed(theirs: Path) -> None:
    drawing = sorted((theirs / "figures").glob("*.svg"))[0]
    drawing.unlink()
    drawing.symlink_to(Path("outside.svg").absolute())
    done = optbench("report", str(theirs))
    assert f"{drawing} is a link that leads out of theirs" in done.stderr
    assert OUTSIDE not in page()
    study = theirs / "tables/study.json"
    study.rename("study.json")
    study.symlink_to(Path("study.json").absolute())
    told = [str(look(theirs)[verb].exception) for verb in ("show", "compare", "report", "plot")]
    assert told == ["theirs/tables/study.json is a link that leads out of theirs"] * 4


def outside_of(theirs: Path) -> dict[str, bytes]:
    """What lies beside their folder, as it is."""
    beside = [file for file in Path().rglob("*") if file.is_file() and theirs not in file.parents]
    return {str(file): file.read_bytes() for file in beside if file.parts[0] != "reports"}


def test_plot_replaces_a_link_and_writes_nothing_behind_it(theirs: Path) -> None:
    mine = Path("mine").absolute()
    mine.mkdir()
    (mine / "there").write_text("mine")
    drawing = sorted((theirs / "figures").glob("*.svg"))[0]
    for file, goal in ((theirs / "figures/figures.json", "there"), (drawing, "not-there")):
        file.unlink()
        file.symlink_to(mine / goal)
    before = outside_of(theirs)
    done = optbench("plot", str(theirs), "--cores", "1")
    assert done.exit_code == 0, done.exception
    assert outside_of(theirs) == before
    assert [file.name for file in mine.iterdir()] == ["there"]
    assert not any(file.is_symlink() for file in theirs.rglob("*"))


@pytest.mark.parametrize("name", ["figures", "checksums"])
def test_plot_enters_no_folder_that_leads_out(theirs: Path, name: str) -> None:
    mine = Path("mine").absolute()
    mine.mkdir()
    for file in ("mine.svg", "figures.json", "plot.sha256", ".mine.svg.1"):
        (mine / file).write_text("mine")
    if (theirs / name).exists():
        shutil.rmtree(theirs / name)
    (theirs / name).symlink_to(mine)
    before = outside_of(theirs)
    for verb in ("plot", "summarize"):
        done = optbench(verb, str(theirs), "--cores", "1")
        if verb == "plot" or name == "checksums":
            assert str(done.exception) == f"theirs/{name} is a link that leads out of theirs"
        assert outside_of(theirs) == before


@pytest.mark.parametrize(
    ("table", "column", "value", "why"),
    [
        ("summary", "estimate", "much", "column 'estimate' does not hold numbers"),
        ("runs", "seed", None, "column 'seed' lacks a value"),
        ("convergence", "workload", 1, "column 'workload' does not hold words"),
    ],
)
def test_a_forged_table_is_one_line_and_the_drawings_stay(
    theirs: Path, capfd: pytest.CaptureFixture[str], table: str, column: str, value: object, why: str
) -> None:
    file = theirs / f"tables/{table}.parquet"
    pd.read_parquet(file).assign(**{column: value}).to_parquet(file)
    before = {one: one.read_bytes() for one in (theirs / "figures").iterdir()}
    done = optbench("plot", str(theirs), "--cores", "2")
    assert str(done.exception).startswith(f"{file} is not that table: {why} (")
    assert {one: one.read_bytes() for one in (theirs / "figures").iterdir()} == before
    assert "Traceback" not in capfd.readouterr().err + done.stderr


def test_a_section_that_cannot_be_drawn_costs_no_other(
    theirs: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever its tables hold: the line names the section, and the page is made."""
    from optbench.report.figures.sections import verdict

    def fail(_: object) -> None:
        raise ZeroDivisionError("by what nobody thought of")

    monkeypatch.setattr(verdict, "draw", fail)
    files = {file.name for file in (theirs / "figures").iterdir()}
    done = optbench("plot", str(theirs), "--cores", "2")
    assert done.exit_code == 0, done.exception
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "optbench: section verdict is not drawn: ZeroDivisionError: by what nobody thought of ("
    )
    assert {file.name for file in (theirs / "figures").iterdir()} == files
    assert {one["section"] for one in records(theirs)} >= {"convergence", "final"}
    assert "Traceback" not in capfd.readouterr().err
    assert optbench("report", str(theirs)).exit_code == 0


def test_one_changed_drawing_is_left_out_of_the_page(theirs: Path) -> None:
    assert optbench("plot", str(theirs), "--cores", "1").exit_code == 0  # which leaves checksums
    file = sorted((theirs / "figures").glob("*.svg"))[0]
    file.write_text(file.read_text().replace("</svg>", "<title>another</title></svg>"))
    done = optbench("report", str(theirs))
    assert done.exit_code == 0, done.exception
    assert done.stderr == (
        f"optbench: a drawing is left out: {file} is corrupt: its content has changed since it was written\n"
    )
    assert page().count("This drawing is left out.") == 1


def test_words_that_would_move_a_terminal_are_shown_as_escapes(theirs: Path) -> None:
    facts = json.loads((theirs / "tables/study.json").read_text())
    facts["title"] = f"a title {ESCAPE}"
    facts["question"] = f"why {ESCAPE}?"
    for kind in ("workloads", "optimizers", "schedules"):
        for entry in facts[kind].values():
            entry["label"] = f"label {ESCAPE}"
    (theirs / "tables/study.json").write_text(json.dumps(facts))
    findings = json.loads((theirs / "tables/findings.json").read_text())
    for finding in findings:
        finding["claim"] = f"claim {ESCAPE}"
    (theirs / "tables/findings.json").write_text(json.dumps(findings))
    runs = pd.read_parquet(theirs / "tables/runs.parquet")
    runs["workload"] = runs["workload"] + ESCAPE
    runs["status"] = [f"{status}{ESCAPE}" if at == 0 else status for at, status in enumerate(runs["status"])]
    runs.to_parquet(theirs / "tables/runs.parquet")
    found = look(theirs)
    assert found["show"].exit_code == 0, found["show"].exception
    assert r"a title \x1b]0;mine\x07\x1b[31m\x9b2J\u202egnp\r" in found["show"].stdout
    assert r"claim \x1b]0;mine" in found["show"].stdout
    assert r"\x1b[31m" in found["compare"].stdout


def test_html_in_words_stays_words(theirs: Path) -> None:
    harm = '<img src="https://example.org/x" onerror="alert(1)"><script>alert(1)</script>'
    facts = json.loads((theirs / "tables/study.json").read_text())
    facts["title"] = facts["question"] = harm
    for entry in facts["optimizers"].values():
        entry["label"] = harm
    (theirs / "tables/study.json").write_text(json.dumps(facts))
    found = json.loads((theirs / "tables/findings.json").read_text())
    for one in found:
        one["claim"] = one["figure"] = harm
    (theirs / "tables/findings.json").write_text(json.dumps(found))
    assert optbench("report", str(theirs)).exit_code == 0
    whole = Page(page())
    assert "onerror" in whole.text
    assert not [tag for tag, _ in whole.tags if tag in {"img", "iframe", "form"}]
    assert [tag for tag, _ in whole.tags].count("script") == 2
    links = [value for _, given in whole.tags for key, value in given.items() if key == "href"]
    assert all(link.startswith("#") or link == "data:," for link in links)


def replaced(file: Path, make: Callable[[Path], object]) -> None:
    file.unlink()
    make(file)


KINDS: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: file.write_bytes(b""),
    "0xff": lambda file: file.write_bytes(b"\xff" * 100),
    "null": lambda file: file.write_text("null"),
    "an object": lambda file: file.write_text("{}"),
    "a list": lambda file: file.write_text("[]"),
    "a list of lists": lambda file: file.write_text("[[[]]]"),
    "a pipe": os.mkfifo,
    "a folder": lambda file: file.mkdir(),
    "a loop": lambda file: file.symlink_to(file.name),
    "a device": lambda file: file.symlink_to("/dev/zero"),
    "gone": lambda file: None,
    "another table": lambda file: pd.DataFrame({"a": [1]}).to_parquet(file.with_suffix(file.suffix)),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=list(KINDS))
def test_any_file_may_be_anything(theirs: Path, make: Callable[[Path], object]) -> None:
    """One after the other, the others as they were made: words, or one line, and an end."""
    names = ("study.json", "findings.json", "runs.parquet", "curves.parquet", "summary.parquet")
    more = ("ranking.parquet", "comparisons.parquet", "ratios.parquet")
    for file in [*(theirs / "tables" / name for name in (*names, *more)), theirs / "figures/figures.json"]:
        kept = file.read_bytes()
        replaced(file, make)
        for verb in ("show", "report", "compare"):
            done = optbench(verb, *[str(theirs)] * (2 if verb == "compare" else 1))
            assert done.exception is None or isinstance(done.exception, UserError | SystemExit), (
                file,
                verb,
                repr(done.exception),
            )
            if isinstance(done.exception, UserError):
                assert "\n" not in str(done.exception)
        if file.is_dir() and not file.is_symlink():
            file.rmdir()
        elif os.path.lexists(file):
            file.unlink()
        file.write_bytes(kept)
    assert optbench("report", str(theirs)).exit_code == 0
