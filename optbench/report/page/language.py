"""The languages of the page: what its templates and scripts say, looked up in a catalogue."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ENGLISH: Final = "en"
LANGUAGES: Final = (ENGLISH, "zh")
"""By their ISO 639-1 codes; all but the first have a catalogue in `locale`."""


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return what the page says in a language by what it says in English; empty for English itself."""
    if language == ENGLISH:
        return {}
    text = (resources.files("optbench.report.page") / "locale" / f"{language}.json").read_text(
        encoding="utf-8"
    )
    words: dict[str, str] = json.loads(text)
    return words


def translator(language: str) -> Callable[[str], str]:
    """Return what turns a message into a language; one that its catalogue lacks stays English."""
    words = catalogue(language)
    return lambda message: words.get(message, message)


_IN_SCRIPT: Final = re.compile(r'\btr\("((?:[^"\\]|\\.)*)"')


def said_by_script(script: str) -> tuple[str, ...]:
    """Return what a script says by `tr("...")`, each text once."""
    return tuple(dict.fromkeys(json.loads(f'"{text}"') for text in _IN_SCRIPT.findall(script)))


def script_words(language: str, script: str) -> str:
    """Return JSON of what the script says, by what it says in English; "" for English itself."""
    if language == ENGLISH:
        return ""
    say = translator(language)
    return json.dumps({text: say(text) for text in said_by_script(script)}, ensure_ascii=False)
