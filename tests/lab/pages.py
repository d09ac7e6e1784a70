"""Pages of fabricated studies, and what is read back from them."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from lab.fabricate import Fake, fabricate
from optbench.report.figures.draw import draw_all
from optbench.report.page.build import render

VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
OPTIONAL_END = frozenset({"tr", "td", "th"})

MIXED = Fake(
    statuses={
        "digits/adam/cosine/1": "error",
        "digits/sgd/constant/0": "diverged",
        "digits/sgd/constant/1": "diverged",
        "digits/sgd/constant/2": "diverged",
        "digits/momentum/cosine/0": "killed",
        "digits/momentum/cosine/1": "timeout",
        "ravine/sgd/cosine/3": "missing",
    },
    oscillation=True,
    timed=True,
    noise={"digits": "others kept <most> of 8 processors busy"},
    untimed={"digits/adam": 'File "/home/alice/x.py"\nValueError: <b>no</b> step'},
    tuned=True,
)


class Page(HTMLParser):
    """Collects ids, text, attributes and wrongly nested tags."""

    def __init__(self, source):
        super().__init__()
        self.source = source
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        assert len(attributes) == len(attrs), f"an attribute twice in {tag}"
        self.tags.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        while tag in OPTIONAL_END and self.open[-1] in OPTIONAL_END and self.open[-1] != "tr":
            self.open.pop()
        if tag == "tr" and self.open[-1] == "tr":
            self.open.pop()
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        while self.open[-1] != tag and self.open[-1] in OPTIONAL_END:
            self.open.pop()
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def rows(self, table_id):
        table = re.search(rf'<table id="{table_id}".*?<tbody>(.*?)</tbody>', self.source, re.DOTALL)
        assert table
        rows = re.split(r"<tr[^>]*>", table.group(1))[1:]
        return [
            [html.unescape(re.sub(r"<[^>]+>", " ", c)).strip() for c in re.split(r"<t[hd][^>]*>", row)[1:]]
            for row in rows
        ]


def build(folder, fake, *, figures=True):
    results = fabricate(folder / "results" / "demo", fake)
    if figures:
        draw_all(results / "tables", results / "figures")
    return render(results, folder / "reports")


def mixed_page(tmp_path_factory):
    """Build the page of `MIXED` once a process; the browser's tests look at the same one."""
    folder = tmp_path_factory.getbasetemp() / "mixed"
    path = folder / "reports/demo/index.html"
    return path if path.exists() else build(folder, MIXED)


def ranked_page(tmp_path_factory):
    """Build a page of six seeds, enough for verdicts, once a process."""
    folder = tmp_path_factory.getbasetemp() / "ranked"
    path = folder / "reports/demo/index.html"
    fake = Fake(workloads=("a", "b"), optimizers=("sgd", "adam"), seeds=6, evaluations=9)
    return path if path.exists() else build(folder, fake)


def raced_page(tmp_path_factory):
    """Build a page of a race that has no more than two looks, once a process."""
    folder = tmp_path_factory.getbasetemp() / "raced"
    path = folder / "reports/demo/index.html"
    fake = Fake(workloads=("digits", "letters"), seeds=8, evaluations=9, race=(6, 8))
    return path if path.exists() else build(folder, fake)


def plain(folder, fake):
    path = build(folder, fake, figures=False)
    return Page(path.read_text(encoding="utf-8"))
