"""Every benchmark in turn, each in a process of its own; or those that are named.

    python benchmarks/run.py [NAME...]        (make bench, make bench ONLY=scale)

Nothing else should run on the machine meanwhile. Each benchmark prints its table and writes it into
results.json and docs/; `python benchmarks/NAME.py --help` says how to run one with settings of
its own. The exit status is 1 where one could not run; a number on the wrong side of what is asked is told
in its table and is no failure.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

BENCHMARKS = (
    "loop",
    "harness",
    "starts",
    "peer",
    "scale",
    "page",
    "ablation",
    "probes",
    "timing_aa",
    "batched",
)
"""In the order of docs/why/performance.md, then those whose tables stand beside what they measure."""


def main() -> int:
    """Runs them; returns how many could not."""
    names = sys.argv[1:] or list(BENCHMARKS)
    if unknown := sorted(set(names) - set(BENCHMARKS)):
        print(f"no benchmark {unknown[0]!r} (there are: {', '.join(BENCHMARKS)})", file=sys.stderr)
        return 2
    failed = []
    for name in names:
        print(f"\n== {name} ==", flush=True)
        if subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"could not run: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
