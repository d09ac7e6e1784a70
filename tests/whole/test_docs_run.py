"""README, docs/, CONTRIBUTING, CHANGELOG: every command and every snippet in them is run.

A folder holds one small finished study, which stands for all that the pages name. Commands of optbench run
there in this process, training included; Snakemake plans and does not run; make says what it would do;
scripts that measure run until they have read their arguments. What is not run stands in
`NOT_RUN` with its reason.
"""

from __future__ import annotations

import argparse
import json
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from unittest.mock import create_autospec

import click
import pytest

from lab.docs_pages import PAGES, ROOT, commands, fences
from lab.studies import TrainingHere, optbench, run
from optbench.cli import cli
from optbench.report.figures import draw
from optbench.running import supervisor

STUDY = """
    study: mine
    seeds: 1
    timing: false
    tuning: {seeds: 1, low: 0.01, high: 0.1, per_decade: 1, widen: 0}
    workloads:
      digits_mlp: {epochs: 1}
    optimizers:
      sgd:
      adam:
      mine: {like: adam}
    schedules: [constant, cosine]
    """

NOT_RUN = {
    r"optbench time .*": "measures for seconds; test_timing runs the verb",
    r"optbench (run config/oracle\.yaml|oracle .+)": "needs the oracle's cells; test_oracle_run trains them",
    r"optbench extend .*": "needs a finished study of six seeds; tests/cli/test_race.py runs it",
    r"optbench rerun .* --executor \w+": "needs a cluster; test_cluster runs it on one",
    r"pip (download|install) .*": "needs a network; test_package builds the wheel and installs it",
    r"(podman|uv) .*": "needs a network: an image, the index of packages",
    r"(apptainer .*|snakemake .* --sdm apptainer .*)": "needs Apptainer and the image",
    r"(\.|cd|export|git clone) .*": "the shell's and git's own",
    r"(find|sha256sum) .*": "the system's own; test_checksums has sha256sum read a stage's checksums",
    r".venv/bin/pre-commit install": "writes into the checkout's .git",
}
"""What is not run, and why. Of optbench's own commands the arguments are read all the same."""

NAMES = (
    (r"(?:(?:other|released|theirs)/)?results/(?:after|before|gate|mine|smoke)\b", "results/mine"),
    (r"(?<= )(?:config/)?(?:first|gate|mine|my|smoke)(?:\.yaml)?(?= |$)", "mine.yaml"),
)
"""What the pages call the study and its results, and what it is called here."""

FIRST = "optbench run mine.yaml"
"""What makes the results that the others read."""

PLACEHOLDERS = {
    "...": "mine.yaml --failed",
    "A": "results/mine",
    "B": "results/mine",
    "CELL": "digits_mlp/adam/constant/0",
    "N": "2",
    "NAME": "slurm",
    "OLD=NEW": "adam=adam",
    "STUDY": "mine.yaml",
    "STUDY-OR-CONFIG": "mine.yaml",
    "WORKLOAD...": "digits_mlp",
}


def as_run(text: str) -> str:
    """A page's command about the study that there is: names, placeholders and brackets filled in."""
    words = [word.strip("[]") for word in shlex.split(text)]
    words = [re.sub(r"^([\w-]+)(\|[\w-]+)+$", r"\1", word) for word in words]  # the first of a|b|c
    filled = [PLACEHOLDERS.get(word, shlex.quote(word)) for word in words]
    text = " ".join(filled)
    for pattern, name in NAMES:
        text = re.sub(pattern, name, text)
    return text


TEXTS: dict[str, str] = {}
for page in PAGES:
    for command in commands(page):
        TEXTS.setdefault(as_run(command), f"{page.relative_to(ROOT)}: {command}")


def reason(text: str) -> str:
    return next((why for pattern, why in NOT_RUN.items() if re.fullmatch(pattern, text)), "")


def begin(*programs: str) -> list[object]:
    """The commands of these programs, each once; an id names a page that has it."""
    found = [text for text in TEXTS if text.partition(" ")[0] in programs and not reason(text)]
    return [pytest.param(text, id=TEXTS[text]) for text in sorted(found)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the study is that all pages speak of, trained and published; this module works there."""
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", [*sys.path])
        check("optbench init study.yaml --workflow")
        for name in ("mine.yaml", "config/default.yaml"):
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_text(dedent(STUDY), encoding="utf-8")
        patch.setattr(supervisor, "start_child", TrainingHere)
        check(FIRST)
        patch.setattr(draw, "draw_all", create_autospec(draw.draw_all))  # the figures are there
        yield folder


def check(text: str) -> None:
    """Runs a command of optbench, which must end with 0."""
    done = optbench(*shlex.split(text)[1:])
    assert done.exit_code == 0, f"{text}: exit status {done.exit_code}\n{done.output}\n{done.exception}"


def needed(verb: click.Command) -> list[click.Parameter]:
    return [one for one in verb.params if isinstance(one, click.Argument) and one.required]


@pytest.mark.parametrize("text", begin("optbench"))
def test_optbench(text: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verb by itself, in a sentence, is asked for its help."""
    _, name, *rest = shlex.split(text)
    assert name in cli.commands, f"optbench has no verb {name!r}"
    if name == "init":
        monkeypatch.chdir(tmp_path)
    elif not rest and needed(cli.commands[name]):
        text += " --help"
    if text != FIRST:
        check(text)


@pytest.mark.parametrize("text", [text for text in TEXTS if text.startswith("optbench ") and reason(text)])
def test_arguments_of_what_is_not_run(text: str) -> None:
    _, name, *rest = shlex.split(text)
    cli.commands[name].make_context(name, rest)


SNAKEMAKE = """
import json, os, sys
from snakemake.cli import main
from optbench.running.plan import stage_code

# What each command would read anew.
stage_code("optbench.training.loop", "optbench.report.figures.draw", "optbench.report.page.build")
for words in json.load(sys.stdin):
    log = os.memfd_create("log")
    if not (child := os.fork()):
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.argv = ["snakemake", *words]
        main(words)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.lseek(log, 0, 0)
    print(json.dumps([status, os.read(log, 1_000_000).decode()]), flush=True)
"""
"""Runs the commands on standard input, each in a copy of a process that has imported Snakemake."""


@pytest.fixture(scope="module")
def planned(folder: Path) -> dict[str, tuple[int, str]]:
    """Exit status and output of each command of Snakemake; a page's own report is made, all else planned."""
    texts = [str(param.values[0]) for param in begin("snakemake")]
    asked = [[*shlex.split(text)[1:], *([] if "--report" in text else ["--dry-run"])] for text in texts]
    done = subprocess.run(
        [sys.executable, "-c", SNAKEMAKE], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    return dict(zip(texts, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("text", begin("snakemake"))
def test_snakemake(text: str, planned: dict[str, tuple[int, str]]) -> None:
    status, told = planned[text]
    assert status == 0, told


@pytest.mark.parametrize("text", begin("make"))
def test_make(text: str) -> None:
    """A target, and a variable that the Makefile knows."""
    done = run(*shlex.split(text), "--dry-run", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for variable in re.findall(r" (\w+)=", text):
        assert f"$({variable})" in makefile


@pytest.mark.parametrize("text", begin("python"))
def test_arguments_of_a_script(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts that measure for minutes are run until they have read their arguments."""
    _, script, *rest = shlex.split(text)
    parse = argparse.ArgumentParser.parse_args

    def parse_and_stop(parser: argparse.ArgumentParser) -> None:
        parse(parser)
        sys.exit(0)

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
    monkeypatch.setattr(sys, "argv", [script, *rest])
    monkeypatch.setattr(sys, "path", [str((ROOT / script).parent), *sys.path])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / script), run_name="__main__")
    assert end.value.code == 0
    for name, module in sys.modules.copy().items():
        if (getattr(module, "__file__", None) or "").startswith(str(ROOT / "benchmarks")):
            del sys.modules[name]


def test_no_command_is_left_out() -> None:
    ours = {"optbench", "snakemake", "make", "python"}
    strangers = [
        where for text, where in TEXTS.items() if text.partition(" ")[0] not in ours and not reason(text)
    ]
    assert strangers == []


@pytest.mark.parametrize("pattern", NOT_RUN)
def test_what_is_not_run_stands_in_a_page(pattern: str) -> None:
    assert any(re.fullmatch(pattern, text) for text in TEXTS)


def test_extras_are_ours() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(
        r"\[([\w,-]+)\]", "".join(where for text, where in TEXTS.items() if "pip install" in text)
    )
    assert {extra for names in named for extra in names.split(",")} <= set(project["optional-dependencies"])


SNIPPETS = [
    pytest.param(text, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, text in enumerate(fences(page, "python"), 1)
]


@pytest.mark.parametrize("text", SNIPPETS)
def test_a_snippet_runs(text: str, folder: Path) -> None:
    """What it defines for a study, test_docs_extend trains."""
    for name in set(re.findall(r"results/(\w+)", text)) - {"mine"}:
        text = text.replace(f"results/{name}", "results/mine")
    exec(compile(text, "page", "exec"), {"torch": __import__("torch")})  # noqa: S102
