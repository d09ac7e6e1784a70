"""Data that a module draws when it is imported are the same whatever was imported before."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import torch

from optbench.training.imports import SeededFinder, seed_imports

MODULES = {
    "drawn_data.py": """
        import random
        import numpy as np
        import torch
        def f(): ...
        X = (float(torch.randn(())), float(np.random.normal()), random.random())
        """,
    "draws_too.py": """
        import numpy as np
        import torch
        def f(): ...
        DIRECTION = torch.randn(3), np.random.normal(size=3)
        import drawn_data
        """,
}

PROGRAM = """
    import random, sys
    from pathlib import Path
    from optbench.core.factories import load_factory
    from optbench.study.plugins import plugins_importable_from
    from optbench.training.imports import seed_imports
    seed_imports()
    plugins_importable_from(Path("."))
    for name in sys.argv[1:]:
        random.random()
        load_factory(f"{name}:f")
    print(sys.modules["drawn_data"].X)
    """


def drawn(folder: Path, *names: str) -> str:
    """What a new process draws for the data when it imports these modules in this order."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", dedent(PROGRAM), *names],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_order_of_imports_changes_no_data(tmp_path: Path) -> None:
    for name, source in MODULES.items():
        (tmp_path / name).write_text(dedent(source))
    alone = drawn(tmp_path, "drawn_data")
    # By hand: what the three generators give first under the seed 0.
    torch.manual_seed(0)
    expected = (float(torch.randn(())), np.random.RandomState(0).normal(), random.Random(0).random())
    assert alone.strip() == str(expected)
    assert drawn(tmp_path, "drawn_data") == alone
    assert drawn(tmp_path, "draws_too") == alone
    assert drawn(tmp_path, "draws_too", "drawn_data") == alone


def test_an_import_leaves_the_generators_where_they_were(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "only_draws.py").write_text("import torch, random\ntorch.randn(3), random.random()\n")
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    seed_imports()
    seed_imports()
    assert [type(one) for one in sys.meta_path].count(SeededFinder) == 1
    torch.manual_seed(3)
    random.seed(3)
    import only_draws  # noqa: F401

    assert float(torch.randn(())) == float(torch.randn((), generator=torch.Generator().manual_seed(3)))
    assert random.random() == random.Random(3).random()
    del sys.modules["only_draws"]
