#!/usr/bin/env bash
# submitit 1.5.4, seen 2026-11-30.
#
# A study is tried on one machine before it goes to SLURM: AutoExecutor(cluster="local"), and
# slurm_array_parallelism=1 so that runs are timed one after another. One expects "at most one job at a
# time", as the same lines mean on the cluster. Instead the local executor accepts the parameter without a
# word and starts all jobs of map_array at once; parameters of slurm are left aside by every other executor,
# and the local one has no limit of its own.
# Why it matters: wall times of optimizers that are measured so are times of n jobs that fight for the cores
# and the memory. Submit one job, wait for its result, submit the next.
#
# Output seen:
#   4 jobs of 2 s with slurm_array_parallelism=1: 4 ran at the same time
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" submitit==1.5.4

"$python" - <<'EOF'
import tempfile
import time
import submitit

def train(index):
    begin = time.time()
    time.sleep(2)
    return begin, time.time()

with tempfile.TemporaryDirectory() as folder:
    executor = submitit.AutoExecutor(folder=folder, cluster="local")
    executor.update_parameters(timeout_min=5, slurm_array_parallelism=1)
    spans = [job.result() for job in executor.map_array(train, range(4))]

together = max(sum(begin <= moment < end for begin, end in spans) for moment, _ in spans)
print(f"4 jobs of 2 s with slurm_array_parallelism=1: {together} ran at the same time")
assert together >= 2
EOF
