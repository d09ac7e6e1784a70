"""README, docs/ and CONTRIBUTING: every command, study, snippet and link in them holds.

Commands are looked up where they are defined: verbs and options of optbench in its own command line, options
of Snakemake in its parser, targets of make in the Makefile. Studies are read, snippets compiled or run.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import click
import pytest
import yaml
from click.testing import CliRunner
from fabricate import Fake, fabricate

from optbench.cli import cli
from optbench.config import read_study
from optbench.matrix import cells_of
from optbench.study_file import StudyFile

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("reports/*.md")])
FENCE = re.compile(r"^ *```(?P<kind>\w+)\n(?P<text>.*?)^ *```$", re.M | re.S)
INDENTED = re.compile(r"^    (?P<text>(?:optbench|snakemake|make|pip|python|podman) .*)$", re.M)
INLINE = re.compile(r"`(?P<text>(?:optbench|snakemake|make|pip|python) [^`\n]*)`")
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
STRANGERS = {
    ".", "cd", "echo", "export", "git", "mkdir", "podman", "pwd", "rsync", "scancel", "scp", "sinfo",
    "squeue", "srun", "ssh", "tmux", "uv",
}  # fmt: skip
"""Programs that are not ours to check."""


class Line(NamedTuple):
    """A command in a page."""

    page: str
    text: str


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def fences(page: Path, *kinds: str) -> list[str]:
    """The blocks of these kinds, without the indentation of the list that they stand in."""
    return [dedent(block["text"]) for block in FENCE.finditer(read(page)) if block["kind"] in kinds]


def commands(page: Path) -> Iterator[str]:
    """Each command of a page by itself: shell blocks, indented lines and code within a sentence."""
    lines = [
        line for block in fences(page, "sh", "bash") for line in re.sub(r"\\\n", " ", block).splitlines()
    ]
    outside = FENCE.sub("", read(page))
    lines += [match["text"] for pattern in (INDENTED, INLINE) for match in pattern.finditer(outside)]
    for line in lines:
        words = shlex.split(line, comments=True)
        command: list[str] = []
        for word in [*words, "&&"]:
            if word in {"&&", "||", "|", ";", "&"}:
                if command:
                    yield shlex.join(command)
                command = []
            else:
                command.append(word)


LINES = sorted({Line(str(page.relative_to(ROOT)), text) for page in PAGES for text in commands(page)})


@pytest.mark.parametrize("line", LINES, ids=[f"{line.page}: {line.text}" for line in LINES])
def test_a_command_is_one_that_there_is(line: Line) -> None:
    words = [word for word in shlex.split(line.text) if word != "..."]
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):  # a variable set for the command
        words.pop(0)
    head, *rest = words
    match head.rpartition("/")[2]:
        case "optbench":
            check_optbench(rest)
        case "snakemake":
            check_snakemake(rest)
        case "make":
            check_make(rest)
        case "pip":
            check_pip(rest)
        case "python" | "python3":
            assert rest[0] == "-m" or (ROOT / rest[0]).is_file()
        case "pre-commit":
            assert (ROOT / ".pre-commit-config.yaml").is_file()
        case name if head.startswith(".ci/"):
            assert (ROOT / head).is_file(), name
        case name:
            assert name in STRANGERS, f"{name}: a program that this test does not know"
    for word in rest:
        if re.fullmatch(r"(config|profiles)/[\w./-]+", word):
            assert (ROOT / word).exists(), word


def check_optbench(rest: list[str]) -> None:
    if not rest:
        return
    verb = cli.commands.get(rest[0])
    assert verb is not None, f"optbench has no verb {rest[0]!r}"
    known = {name: one for one in verb.params for name in (*one.opts, *one.secondary_opts)}
    words = [word.strip("[]") for word in rest[1:]]
    places = sum(
        one.nargs if one.nargs > 0 else 1000 for one in verb.params if isinstance(one, click.Argument)
    )
    while words:
        word, _, value = words.pop(0).partition("=")
        if not word.startswith("-"):
            places -= 1
            continue
        assert word in known, f"optbench {rest[0]} has no option {word}"
        option = known[word]
        assert isinstance(option, click.Option)
        if not option.is_flag and not value:
            assert words, f"{word} wants a value"
            words.pop(0)
    assert places >= 0, f"optbench {rest[0]} takes fewer arguments"


@cache
def snakemake_options() -> dict[str, int | str | None]:
    from snakemake.cli import get_argument_parser

    return {name: action.nargs for action in get_argument_parser()._actions for name in action.option_strings}


def check_snakemake(rest: list[str]) -> None:
    for word in rest:
        if word.startswith("-"):
            assert word.partition("=")[0] in snakemake_options(), f"snakemake has no option {word}"


def check_make(rest: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in rest:
        name = word.partition("=")[0]
        if "=" in word:
            assert re.search(rf"^{name} *\?=|\$\({name}\)", makefile, re.M), word
        else:
            assert re.search(rf"^{re.escape(name)}:", makefile, re.M) or name == ".venv/.ready", word


def check_pip(rest: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for named in re.findall(r"\[([\w,-]+)\]", " ".join(rest)):
        assert set(named.split(",")) <= set(project["optional-dependencies"])


STUDIES = [(page, number, text) for page in PAGES for number, text in enumerate(fences(page, "yaml"), 1)]
LEAST = {
    "study": "least",
    "workloads": ["digits_mlp"],
    "optimizers": ["sgd", "heavy_ball", "adam"],
    "tuning": {"per_decade": 3},
}
"""What a block that is no whole study is read with."""


@pytest.mark.parametrize(
    ("page", "text"),
    [pytest.param(page, text, id=f"{page.name}-{number}") for page, number, text in STUDIES],
)
def test_a_study_can_be_read(page: Path, text: str, tmp_path: Path) -> None:
    given = yaml.safe_load(text)
    if "factory:" in text:  # a module of the user's: its file stands in the page, or in docs/extend.md
        sources = [*fences(page, "python"), *fences(ROOT / "docs/extend.md", "python")]
        starter = (ROOT / "optbench/starter/my_lab.py.txt").read_text(encoding="utf-8")
        code = starter + "".join(
            f"\n{block}" for block in sources if re.search(r"^(def|class) ", block, re.M)
        )
        (tmp_path / "my_lab.py").write_text(code, encoding="utf-8")
    if not isinstance(given, dict) or "study" not in given:
        entry = given if isinstance(given, dict) else {}
        whole = entry if set(entry) <= set(StudyFile.model_fields) else {"optimizers": {"sgd": None, **entry}}
        text = yaml.safe_dump({**LEAST, **whole})
    (tmp_path / "page.yaml").write_text(text, encoding="utf-8")
    assert cells_of(read_study(tmp_path / "page.yaml", "cpu"))


SNIPPETS = [
    pytest.param(text, id=f"{page.name}-{number}")
    for page in PAGES
    for number, text in enumerate(fences(page, "python"), 1)
]


@pytest.mark.parametrize("text", SNIPPETS)
def test_a_snippet_is_python_and_what_it_imports_is_there(text: str) -> None:
    tree = ast.parse(text)
    wanted = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    ours = [node for node in wanted if "my_lab" not in ast.unparse(node)]
    exec(compile(ast.Module(body=list(ours), type_ignores=[]), "page", "exec"), {})  # noqa: S102


LOADING = [snippet for snippet in SNIPPETS if "optbench.load(" in str(snippet.values[0])]


@pytest.mark.parametrize("text", LOADING)
def test_a_snippet_runs_on_results(text: str, tmp_path: Path) -> None:
    fake = Fake(workloads=("ravine", "digits_mlp"), seeds=6)
    for name in set(re.findall(r"results/(\w+)", text)):
        fabricate(tmp_path / "results" / name, fake)
    (tmp_path / "page.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=tmp_path, env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def anchors(page: Path) -> set[str]:
    """What a heading is called in a link, by GitHub's rule."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", read(page)), re.M)
    plain = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
    return set(plain)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for match in LINK.finditer(FENCE.sub("", read(page))):
        name, _, anchor = match["target"].partition("#")
        if name.startswith(("http:", "https:", "mailto:")):
            continue
        goal = (page.parent / name).resolve() if name else page
        assert goal.exists(), match["target"]
        if anchor:
            assert anchor in anchors(goal), match["target"]


def test_every_verb_and_option_has_its_place() -> None:
    rows = dict(re.findall(r"^\| `(\w+)`(.*)$", read(ROOT / "docs/cli.md"), re.M))
    assert set(rows) == set(cli.commands)
    for name, verb in cli.commands.items():
        options = {max(one.opts, key=len) for one in verb.params if isinstance(one, click.Option)}
        assert set(re.findall(r"`(--[\w-]+)`", rows[name])) == options, name


def test_the_index_names_every_page() -> None:
    index = read(ROOT / "docs/README.md")
    missing = [page.name for page in ROOT.glob("docs/*.md") if f"({page.name})" not in index]
    assert missing == ["README.md"]


def test_the_chinese_readme_has_the_same_commands_and_links() -> None:
    one, other = ROOT / "README.md", ROOT / "README.zh.md"
    assert sorted(commands(one)) == sorted(commands(other))
    assert fences(one, "yaml") == fences(other, "yaml")
    language = {"README.md", "README.zh.md"}
    targets = [{m["target"] for m in LINK.finditer(read(page))} - language for page in (one, other)]
    assert targets[0] == targets[1]


def test_the_tutorial_does_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands that train nothing are run; the study that it writes has the cells that it says."""
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs/tutorial.md"
    (study,) = [text for text in fences(page, "yaml") if yaml.safe_load(text)["study"] == "first"]
    (tmp_path / "first.yaml").write_text(study, encoding="utf-8")
    said = CliRunner().invoke(cli, ["list", "first.yaml"]).output.splitlines()
    assert f"{len(said)} cells" in read(page)
    assert {"optbench check first.yaml", "optbench run first.yaml"} <= set(commands(page))
