"""README, docs/, CONTRIBUTING: their studies and links hold; the index and the translation are whole.

`test_docs_run` runs their commands and snippets.
"""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import click
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from scipy import stats

from lab.docs_pages import PAGES, ROOT, commands, fences, read, without_fences
from optbench.cells.matrix import cells_of
from optbench.cli import cli
from optbench.study.file import StudyFile
from optbench.study.resolve import read_study
from optbench.theory.oracle.table import FACTS
from optbench.theory.textbook.claims import CLAIMS

LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
NAMED = re.compile(r"(?<![\w./-])(docs/[\w./-]+\.md)(?:#([\w-]+))?")
DOCS = sorted(ROOT.glob("docs/**/*.md"))
UNITS = "ms|us|s|milliseconds?|seconds?|minutes?|hours?|MB|GB|kB|cells an hour|times as"
MEASURED = re.compile(rf"(?<![\w.-])\d[\d.,]*\s+(?:{UNITS})\b(?!\^)")
DECIDED = {
    "2000 MB",  # the memory that a job asks for
    "5 minutes",  # what a job's run time has above its cells'
    "1 hour",  # a cell's time limit
    "8 hours",  # the longest batch
    "6 ms",  # a block of the timing
    "30 ms",  # the steps that calibrate it
}
"""Times and sizes in pages that are settings of the program and not measured."""
FOLDERS = ("optbench", "tests", "benchmarks", "config", "workflow", "profiles", "docs")
SOURCES = {".py", ".smk", ".md", ".yaml", ".yml", ".toml", ".j2", ".txt", ".json", ".js", ""}
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
    [pytest.param(page, text, id=f"{page.relative_to(ROOT)}-{number}") for page, number, text in STUDIES],
)
def test_a_study_can_be_read(page: Path, text: str, tmp_path: Path) -> None:
    given = yaml.safe_load(text)
    if "factory:" in text:  # a module of the user's: its file stands in the page, or in docs/howto/extend.md
        sources = [*fences(page, "python"), *fences(ROOT / "docs/howto/extend.md", "python")]
        starter = (ROOT / "optbench/study/starter/my_lab.py.txt").read_text(encoding="utf-8")
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


def anchors(page: Path) -> set[str]:
    """What a heading is called in a link, by GitHub's rule."""
    titles = re.findall(r"^#+ (.+)$", without_fences(page), re.M)
    plain = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
    return set(plain)


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for match in LINK.finditer(without_fences(page)):
        name, _, anchor = match["target"].partition("#")
        if name.startswith(("http:", "https:", "mailto:")):
            continue
        goal = (page.parent / name).resolve() if name else page
        assert goal.exists(), match["target"]
        if anchor:
            assert anchor in anchors(goal), match["target"]


def test_every_verb_and_option_has_its_place() -> None:
    rows = dict(re.findall(r"^\| `(\w+)`(.*)$", read(ROOT / "docs/reference/cli.md"), re.M))
    assert set(rows) == set(cli.commands)
    for name, verb in cli.commands.items():
        options = {max(one.opts, key=len) for one in verb.params if isinstance(one, click.Option)}
        assert set(re.findall(r"`(--[\w-]+)`", rows[name])) == options, name


def test_the_index_names_every_page() -> None:
    docs = ROOT / "docs"
    index = read(docs / "README.md")
    named = {match["target"].partition("#")[0] for match in LINK.finditer(index)}
    assert {str(page.relative_to(docs)) for page in docs.rglob("*.md")} - named == {"README.md"}


def test_pages_that_sources_name_are_there() -> None:
    """Docstrings, comments, templates and messages send a reader to pages that exist."""
    places = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")] + [*ROOT.glob("*")]
    sources = [path for path in places if path.suffix in SOURCES and path.is_file()]
    assert len(sources) > 100
    lost = []
    for source in sources:
        for name, anchor in NAMED.findall(source.read_text(encoding="utf-8")):
            page = ROOT / name
            if not page.is_file() or (anchor and anchor not in anchors(page)):
                lost.append(f"{source.relative_to(ROOT)}: {name}{'#' if anchor else ''}{anchor}")
    assert lost == []


def generated(text: str) -> str:
    """A page without what `benchmarks/results.py` writes into it."""
    return re.sub(r"<!-- ([\w.-]+) -->.*?<!-- end of \1 -->", "", text, flags=re.S)


def test_measured_numbers_are_those_that_were_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table and number between marks stands in benchmarks/results.json, and every mark is known."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    record = importlib.import_module("results")
    written = record.pages()
    assert len(written) == len(list((ROOT / "docs").rglob("*.md")))
    for page, text in written.items():
        assert text == read(page), f"{page.name}: python benchmarks/results.py"
        marks = set(re.findall(r"<!-- (?!end of )([\w.-]+) -->", text))
        assert marks == set(re.findall(r"<!-- end of ([\w.-]+) -->", text))
        assert marks <= set(record.places()), page.name


@pytest.mark.parametrize("page", DOCS, ids=[str(page.relative_to(ROOT)) for page in DOCS])
def test_no_time_and_no_size_is_written_by_hand(page: Path) -> None:
    """What was measured comes from a table that can be made again; what was decided stands in `DECIDED`."""
    found = {" ".join(match[0].split()) for match in MEASURED.finditer(generated(without_fences(page)))}
    assert found <= DECIDED


def test_counts_in_pages_are_those_of_the_studies() -> None:
    """The oracle's facts and cells, the textbook's claims."""
    cells = len(cells_of(read_study(ROOT / "config/oracle.yaml", "cpu")))
    oracle = read(ROOT / "docs/reference/oracle.md")
    assert f"trains {cells} cells" in oracle
    assert f"compares {len(FACTS)} numbers" in oracle
    for page in ("README.md", "README.zh.md"):
        assert f"| {len(FACTS)} " in read(ROOT / page)
        assert f"{len(CLAIMS)} " in read(ROOT / page)


def test_tolerances_of_what_chance_decides_are_those_of_the_oracle() -> None:
    tolerance = {fact.id: fact.tolerance for fact in FACTS}
    names = {
        "variance": "variance",
        "update cosine": "update_cosine",
        "its excess": "update_cosine_excess",
        "sign-flip rate": "sign_flip_rate",
    }
    text = read(ROOT / "docs/reference/oracle.md")
    for said, name in names.items():
        for optimizer, share in zip(("sgd", "heavy_ball"), percents(text, said), strict=True):
            assert share == pytest.approx(100 * tolerance[f"{name}_{optimizer}"]), said


def percents(text: str, head: str) -> list[float]:
    """The shares in the row of a table that begins with these words."""
    (row,) = re.findall(rf"^\| {head} \|(.*)$", text, re.M)
    return [float(share) for share in re.findall(r"([\d.]+)%", row)]


def test_the_finding_by_hand_adds_up() -> None:
    """Each number of docs/reference/findings.md's example again, from the losses in its table."""
    text = read(ROOT / "docs/reference/findings.md").partition("## One finding by hand")[2]
    rows = re.findall(r"^\| \d \| ([\d.]+) \| ([\d.]+) \| (-[\d.]+) \|$", text, re.M)
    losses = np.array(rows, dtype=float)
    d = np.log10(losses[:, 0] / losses[:, 1])
    np.testing.assert_allclose(d, losses[:, 2], atol=5e-6)
    variance = (4 * 0.0016 + 5 * d.var(ddof=1)) / 9
    error = np.sqrt(variance / 6)
    t = abs(d.mean()) / error
    p, half = 2 * stats.t.sf(t, 9), stats.t.ppf(0.975, 9) * error
    level = stats.t.isf(0.005 / 500, 9)
    reach = abs(d.mean()) + level * error
    low, high = 10 ** (d.mean() - half), 10 ** (d.mean() + half)
    for said in (
        f"10^{d.mean():.5f}"[:9],
        f"= {10 ** d.mean():.3f}.",
        f"s^2 = {d.var(ddof=1):.6f}",
        f"= {variance:.5f} and the error sqrt({variance:.5f} / 6) = {error:.5f}",
        f"/ {error:.5f} = {t:.2f} with 9 degrees of freedom: p = {p:.1e}".replace("e-07", "e-7"),
        f"that is {low:.3f} to {high:.3f}",
        f"500 p / 0.65 = {500 * p / 0.65:.5f}",
        f"t_(1 - 0.005/500, 9) = {level:.2f}",
        f"= {reach:.4f}: a difference of more than {100 * (10**reach - 1):.0f}% is excluded",
    ):
        assert said in text, said


def test_the_oldest_versions_are_those_of_the_project() -> None:
    project = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]
    oldest = dict(re.findall(r"([\w-]+)>=([\d.]+)", " ".join(project["dependencies"])))
    (row,) = re.findall(r"^\| the lower bounds .*$", read(ROOT / "docs/howto/install.md"), re.M)
    named = dict(re.findall(r"(\w+) (\d[\d.]*)[,| ]", row.partition("Python")[2].partition("|")[0] + " "))
    assert named
    for name, version in named.items():
        numbers = zip(oldest[name].split("."), version.split("."), strict=False)
        assert all(one == other for one, other in numbers), name


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
