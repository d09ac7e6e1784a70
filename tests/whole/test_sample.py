"""The sample page and its pictures are those of this code and study file, and as short as promised."""

from __future__ import annotations

import hashlib
import html
import re

import pytest
from PIL import Image

from lab.browser import opened
from lab.checkout import ROOT
from lab.pages import mixed_page

SAMPLE = ROOT / "reports" / "sample.html"
AGAIN = "stale: commit, then make examples ONLY=sample"


@pytest.fixture(scope="module")
def sample() -> str:
    return SAMPLE.read_text(encoding="utf-8")


def test_its_style_and_scripts_are_those_of_today(sample, tmp_path_factory):
    """The hashes in the security policy are of all that the page's looks and its script come from."""
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', sample)
    today = mixed_page(tmp_path_factory).read_text(encoding="utf-8")
    assert policy in today, AGAIN


def test_it_is_of_the_study_file_of_today(sample):
    text = (ROOT / "config" / "default.yaml").read_text(encoding="utf-8")
    shown = html.unescape(re.search(r'aria-label="Study file">(.*?)</pre>', sample, re.DOTALL)[1])
    assert shown.strip() == text.strip(), AGAIN


def test_what_is_said_of_it_and_its_pictures_are_of_this_page(sample):
    commit = re.search(r"commit ([0-9a-f]{7,})", (SAMPLE.parent / "README.md").read_text(encoding="utf-8"))[1]
    assert f"commit {commit}" in sample
    assert "with uncommitted changes" not in sample
    digest = hashlib.sha256(SAMPLE.read_bytes()).hexdigest()
    for scheme in ("light", "dark"):
        with Image.open(ROOT / "docs" / f"page-{scheme}.png") as picture:
            assert picture.info["Source"] == f"sha256 {digest}", AGAIN


@pytest.mark.browser
def test_it_is_short(browser):
    """At 1400 px at most 18,000 px high; at most 250 stops of the tab key, 16 printed pages."""
    stops = """() => [...document.querySelectorAll('a[href],button,input,select,summary,[tabindex="0"]')]
        .filter((one) => !one.disabled && one.checkVisibility()).length"""
    with opened(browser, SAMPLE) as page:
        assert page.evaluate("document.body.scrollHeight") <= 18_000
        assert page.evaluate(stops) <= 250
        printed = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\\s*/Page[^s]", printed)) <= 16
