"""A real browser, and pages that are open in it."""

from __future__ import annotations

import shutil
from contextlib import contextmanager

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def opened(browser, file, width=1400, **options):
    """Yield the loaded page; afterwards, nothing may have been said or asked for."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    try:
        yield page
        assert said == []
        assert asked[0].startswith("file:")
        assert [url for url in asked[1:] if not url.startswith(("data:", "blob:"))] == []
    finally:
        context.close()


def wait_until(page, script):
    """Wait until an expression holds; returns its value.

    Playwright's own `wait_for_function` evaluates it again in the page, whose policy forbids that.
    """
    for _ in range(200):
        if found := page.evaluate(script):
            return found
        page.wait_for_timeout(25)
    raise AssertionError(f"never: {script}")
