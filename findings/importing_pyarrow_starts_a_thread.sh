#!/usr/bin/env bash
# pyarrow 26.0.1 on Linux (x86-64), seen 2026-12-01.
#
# `import pyarrow`, and nothing else, in a process that has one thread. One expects one thread afterwards: threads
# of Arrow's pools start with the first work. Instead there is a second one, jemalloc_bg_thd, of the memory
# allocator that is linked in, also where ARROW_DEFAULT_MEMORY_POOL=system says that this allocator is not to
# be used. Python does not know of it: threading.active_count() stays 1, /proc/self/task has two entries.
# Why it matters: what forks to share what it has imported (data loaders, process pools, a server that starts
# training by fork) checks for threads first, and a check by threading says that there are none; one by the
# kernel's count refuses every process that can read parquet.
#
# Output seen, without and with ARROW_DEFAULT_MEMORY_POOL=system:
#   before: Python counts 1, the kernel 1; after: Python counts 1, the kernel 2 (jemalloc_bg_thd)
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" pyarrow==26.0.1

cat > "$tmp/look.py" <<'PYTHON'
import threading
from pathlib import Path


def threads():
    return sorted(Path(task, "comm").read_text().strip() for task in Path("/proc/self/task").iterdir())


before = threads()
import pyarrow  # noqa: E402

after = threads()
new = list(after)
for name in before:
    new.remove(name)
print(
    f"before: Python counts 1, the kernel {len(before)}; after: Python counts {threading.active_count()}, "
    f"the kernel {len(after)} ({', '.join(new)})"
)
assert len(before) == 1
assert threading.active_count() == 1
assert new == ["jemalloc_bg_thd"]
PYTHON
"$python" "$tmp/look.py"
ARROW_DEFAULT_MEMORY_POOL=system "$python" "$tmp/look.py"
