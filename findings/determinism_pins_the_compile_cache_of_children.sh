#!/usr/bin/env bash
# torch 2.15.0, seen 2026-12-01.
#
# torch.use_deterministic_algorithms(True), in a program that compiles nothing. One expects a switch inside torch.
# Instead its first call imports the compiler (torch._dynamo and torch._inductor), which writes TORCHINDUCTOR_CACHE_DIR
# into os.environ, a folder under the temporary folder of this process, and puts another function in the place of
# torch.manual_seed. What the process starts later inherits the variable: its compile cache is the one that the
# parent's TMPDIR led to, whatever TMPDIR it is given itself. torch.set_deterministic_debug_mode("error"), after
# which are_deterministic_algorithms_enabled() is True as well, leaves the environment alone.
# Why it matters: a launcher that gives each job a TMPDIR of its own, so that jobs share nothing and clean up after
# themselves, has them all share one cache as soon as it asked for determinism; an environment recorded before the
# call is not the one that jobs get.
#
# Output seen:
#   added to the environment by importing torch: []
#   ... by set_deterministic_debug_mode:         []
#   ... by use_deterministic_algorithms:         ['TORCHINDUCTOR_CACHE_DIR'], torch.manual_seed is another: True
#   a child's cache lies in its own TMPDIR: before the call True, after it False
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" torch==2.15.0 numpy==2.4.6
mkdir "$tmp/parent" "$tmp/child"

cat > "$tmp/look.py" <<'PYTHON'
import os
import subprocess
import sys
from pathlib import Path

CHILD = "from torch._inductor.runtime.runtime_utils import cache_dir; print(cache_dir())"
child_folder = Path(sys.argv[1])


def cache_of_a_child():
    environment = os.environ | {"TMPDIR": str(child_folder)}
    command = [sys.executable, "-c", CHILD]
    return Path(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip())


before = set(os.environ)
import torch  # noqa: E402

manual_seed = torch.manual_seed
imported = sorted(set(os.environ) - before)
print(f"added to the environment by importing torch: {imported}")
torch.set_deterministic_debug_mode("error")
assert torch.are_deterministic_algorithms_enabled()
debugged = sorted(set(os.environ) - before)
print(f"... by set_deterministic_debug_mode:         {debugged}")
torch.set_deterministic_debug_mode("default")
own = [cache_of_a_child().is_relative_to(child_folder)]

torch.use_deterministic_algorithms(True)
switched = sorted(set(os.environ) - before)
another = torch.manual_seed is not manual_seed
print(f"... by use_deterministic_algorithms:         {switched}, torch.manual_seed is another: {another}")
own.append(cache_of_a_child().is_relative_to(child_folder))
print(f"a child's cache lies in its own TMPDIR: before the call {own[0]}, after it {own[1]}")
assert imported == debugged == []
assert switched == ["TORCHINDUCTOR_CACHE_DIR"]
assert another
assert own == [True, False]
PYTHON
unset TORCHINDUCTOR_CACHE_DIR
TMPDIR="$tmp/parent" "$python" "$tmp/look.py" "$tmp/child"
