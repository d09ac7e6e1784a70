"""`python -m optbench`: the command line."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # `python -m` searches the working folder before everything else: files beside a study win nothing.
    if not sys.flags.safe_path and sys.path and sys.path[0] in {"", os.getcwd()}:  # noqa: PTH109  (no pathlib yet)
        del sys.path[0]
    from optbench.cli import main

    main()
