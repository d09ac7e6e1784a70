"""The Race section: what the table `race` says stands on the page, and nowhere else."""

from __future__ import annotations

import re

import pandas as pd

from lab.pages import Page, mixed_page, raced_page


def section(page: str) -> str:
    found = re.search(r'<section id="s-race".*?</section>', page, re.S)
    assert found
    return found[0]


def test_every_combination_stands_there_once_at_its_last_look(tmp_path_factory):
    path = raced_page(tmp_path_factory)
    race = pd.read_parquet(path.parents[2] / "results/demo/tables/race.parquet")
    page = section(path.read_text(encoding="utf-8"))
    for place, workload in enumerate(("digits", "letters")):
        here = race[race["workload"] == workload]
        last = here.groupby(["optimizer", "schedule"]).last()
        table = re.search(rf'<table id="t-race-{place}".*?</table>', page, re.S)[0]
        rows = re.findall(r"<tr><th scope=.row.>(.*?)</th>(.*?)</tr>", table, re.S)
        assert len(rows) == len(last) == 6
        for (optimizer, schedule), row in last.iterrows():
            name = {"sgd": "SGD", "adam": "Adam"}.get(optimizer, optimizer)
            cells = next(rest for head, rest in rows if head == f"{name} · {schedule.capitalize()}")
            found = re.findall(r"<td[^>]*>(.*?)</td>", cells, re.S)
            assert found[0] == str(row["n"])
            assert ("worse" in found[1]) == (row["state"] == "dropped")


def test_the_looks_add_up(tmp_path_factory):
    path = raced_page(tmp_path_factory)
    race = pd.read_parquet(path.parents[2] / "results/demo/tables/race.parquet")
    page = section(path.read_text(encoding="utf-8"))
    table = re.search(r'<table id="t-race-looks".*?</table>', page, re.S)[0]
    numbers = [[int(n) for n in re.findall(r">(\d+)</t[dh]>", row)] for row in table.split("<tr>")[2:]]
    for (_, here), (look, seeds, before, left, on) in zip(race.groupby("look"), numbers, strict=True):
        assert [look, seeds, before] == [here["look"].iloc[0], here["n"].iloc[0], len(here)]
        assert left == (here["state"] == "dropped").sum()
        assert on == (here["state"] == "in").sum()


def test_a_race_says_what_it_saved_and_draws_each_workload(tmp_path_factory):
    text = raced_page(tmp_path_factory).read_text(encoding="utf-8")
    page = section(text)
    assert "A race with looks at 6 and 8 seeds" in page
    assert page.count('<figure id="race-') == 2
    assert "optimistic" in page
    assert "no equality" in page
    assert not Page(text).open


def test_the_page_says_what_the_looks_may_spend(tmp_path_factory):
    page = raced_page(tmp_path_factory).read_text(encoding="utf-8")
    assert "2.3% to comparisons, 0.5% to main effects and 0.5% to equality" in page
    page = mixed_page(tmp_path_factory).read_text(encoding="utf-8")
    assert "3.25% to comparisons" in page


def test_without_a_race_there_is_no_section(tmp_path_factory):
    page = mixed_page(tmp_path_factory).read_text(encoding="utf-8")
    assert "s-race" not in page
