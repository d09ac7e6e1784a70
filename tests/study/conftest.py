"""A study's folder, with plug-ins that are sound and some that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.study_files import PLUGIN


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_lab.py").write_text(PLUGIN)
    (tmp_path / "broken.py").write_text("import torch\n\ndef f(:\n    pass\n")
    (tmp_path / "beside_broken.py").write_text("from broken import f\n")
    (tmp_path / "null.py").write_bytes(b"x = 1\0\n")
    (tmp_path / "latin.py").write_bytes("x = 'ü'\n".encode("latin-1"))
    (tmp_path / "needy.py").write_text("import sys\nimport no_such_lab.core\ndef f(params, lr): ...\n")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "train.gz").write_bytes(b"one")
    return tmp_path
