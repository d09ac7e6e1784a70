"""The folder of the checkout, and folders of a test's own that look like one."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def copy_workflow(folder: Path, *more: str) -> Path:
    """Copies the workflow of the checkout, and what else is named, into `folder`; returns it."""
    for name in ("Snakefile", "workflow", "profiles", *more):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    return folder
