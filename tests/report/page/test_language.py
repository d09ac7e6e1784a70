"""The page in other languages: every text that it can say has its translation, and none is left over."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from lab.fabricate import Fake, fabricate
from lab.pages import Page
from optbench.report.page.build import SCRIPTS, _asset, _environment, render
from optbench.report.page.language import LANGUAGES, catalogue, said_by_script, script_words, translator
from optbench.report.page.sections.workloads import GLANCE_HEADS
from optbench.report.sections import SECTIONS
from optbench.study.file import ReportEntry

OTHERS = LANGUAGES[1:]


def said() -> set[str]:
    """All that templates, scripts and headings can say."""
    templates = resources.files("optbench.report.page") / "templates"
    environment = _environment("en")
    texts = {text for name in SCRIPTS for text in said_by_script(_asset(name))}
    for file in templates.iterdir():
        if file.name.endswith(".j2"):
            for _, _, found in environment.extract_translations(file.read_text(encoding="utf-8")):
                texts.add(found[0] if isinstance(found, tuple) else found)
    return (texts | {section.title for section in SECTIONS} | set(GLANCE_HEADS)) - {None}


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_everything_that_is_said_and_nothing_else(language):
    assert set(catalogue(language)) == said()


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_keeps_what_is_put_in_and_its_markup(language):
    """The same places for values, the same elements and entities; and it is one."""
    for text, other in catalogue(language).items():
        for parts in (r"%\(\w+\)s", r"%%", r"\{\w+\}", r"</?\w+[^>]*>", r"&\w+;", r"\d+\.\d+"):
            assert sorted(re.findall(parts, other)) == sorted(re.findall(parts, text)), (text, other)
        assert other != text
        assert re.search("[\u4e00-\u9fff]", other)


def test_scripts_say_by_one_function_all_that_they_say():
    """No button, label or heading of a script is written without `tr`."""
    for name in SCRIPTS:
        script = _asset(name)
        assert not re.findall(r'textContent: "(?!SVG")[A-Za-z]{2}', script), name
        assert not re.findall(r'make\("(?:label|button|th)", \{[^}]*\}, "[A-Za-z]', script), name


def test_what_is_not_known_stays_english():
    assert translator("zh")("Nobody says this") == "Nobody says this"
    assert script_words("en", 'tr("Copy")') == ""
    assert said_by_script('tr("a \\"b\\"") + tr("c {n}", { n })') == ('a "b"', "c {n}")


def test_a_study_chooses_the_language(tmp_path):
    results = fabricate(tmp_path / "results/demo", Fake(seeds=2))
    file = results / "tables/study.json"
    english = render(results, tmp_path / "reports").read_text("utf-8")
    assert '<html lang="en">' in english
    assert "data-words" not in english.partition("<main")[0].rpartition("<body")[2]
    file.write_text(file.read_text("utf-8").replace('"report": {', '"report": {"language": "zh", ', 1))
    page = Page(render(results, tmp_path / "reports").read_text("utf-8"))
    assert '<html lang="zh">' in page.source
    for text in (
        "3. 动量：第二份记忆",
        "峡谷 x²/16 + 9y²",
        "结论",
        "方法与来源",
        "怎样阅读、注意事项、数据与导出",
    ):
        assert text in page.text
    assert set(ReportEntry.model_fields["language"].annotation.__args__) == set(LANGUAGES)


def test_numbers_and_sentences_are_the_same_in_every_language(tmp_path):
    """Translating changes words alone: tables and findings of the page are those of the English one."""
    results = fabricate(tmp_path / "results/demo", Fake(seeds=6))
    english = Page(render(results, tmp_path / "reports").read_text("utf-8"))
    file = results / "tables/study.json"
    file.write_text(file.read_text("utf-8").replace('"report": {', '"report": {"language": "zh", ', 1))
    chinese = Page(render(results, tmp_path / "reports").read_text("utf-8"))
    for table in ("t-final-0", "t-final-1", "t-cells"):
        assert chinese.rows(table) == english.rows(table)
