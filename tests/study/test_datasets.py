"""A study's folders of raw data: any path is one or one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.study_files import mistake, study, with_

MNIST = "[mnist_mlp]"


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ("x" * 5000, f"'{'x' * 79}... cannot be a folder: File name too long"),
        (
            "~nobody-is-called-so/x",
            "'~nobody-is-called-so/x' cannot be a folder: Could not determine home directory.",
        ),
        ("study.yaml", "there is no folder 'study.yaml' (looked in {folder})"),
    ],
)
def test_what_cannot_be_a_folder_is_one_line(folder: Path, root: str, message: str) -> None:
    text = with_(workloads=MNIST, datasets=f"{{mnist: {{root: {root}}}}}")
    assert mistake(folder, text) == f"datasets.mnist.root: {message.format(folder=folder)}"


def test_a_folder_of_everything_is_refused_before_it_is_read(folder: Path) -> None:
    raw = folder / "raw"
    for n in range(1001):
        (raw / str(n % 7)).mkdir(parents=True, exist_ok=True)
        os.mkfifo(raw / str(n % 7) / f"pipe{n}")  # reading one of these would never end
        (raw / str(n % 7) / str(n)).touch()
    text = with_(workloads=MNIST, datasets="{mnist: {root: raw}}")
    assert mistake(folder, text) == (
        f"datasets.mnist.root: more than 1000 files lie below {raw.resolve()}; "
        "give the folder of the publisher's files alone"
    )


def test_a_file_whose_name_is_no_utf_8(folder: Path) -> None:
    text = with_(workloads=MNIST, datasets="{mnist: {root: raw}}")
    prints = set()
    for name in (b"a", b"\xff", b"\xfe"):
        Path(os.fsdecode(os.fsencode(folder / "raw") + b"/" + name)).write_bytes(b"x")
        prints.add(study(folder, text).datasets["mnist"].fingerprint)
    assert len(prints) == 3
