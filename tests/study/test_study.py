"""Of every study file it holds: it is read, or one line says what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from random import Random

from lab.mutations import EVERY_KEY, mutate, originals, outcome

MUTATIONS = 2100


def test_a_study_file_with_every_key_is_sound(folder: Path) -> None:
    (folder / "study.yaml").write_text(EVERY_KEY)
    assert outcome(folder / "study.yaml") == ""


def test_mutated_study_files_are_read_or_one_line_says_why_not(folder: Path) -> None:
    file = folder / "study.yaml"
    files = originals()
    sound = 0
    for seed in range(MUTATIONS):
        random = Random(seed)
        text = mutate(random.choice(files), random)
        file.write_bytes(text)
        try:
            sound += not outcome(file)
        except Exception as error:
            error.add_note(f"mutation {seed}: {text[:2000]!r}")
            raise
    # Neither does everything pass nor is everything refused.
    assert 0.1 < sound / MUTATIONS < 0.6
