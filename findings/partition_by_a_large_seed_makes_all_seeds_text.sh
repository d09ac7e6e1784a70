#!/usr/bin/env bash
# pandas 3.1.1 with pyarrow 26.0.1, seen 2026-11-30.
#
# Results in a folder of Parquet files, partitioned by seed (or by learning rate), written and read by the
# same two calls of pandas. One expects the integers back. Instead the type of a partition is guessed from
# the folders' names as 32-bit integer or else text: with the seeds 1, 2, 10 they come back as integers,
# with one seed of 2**31 or more, as drawn by many seed generators, *all* seeds become text, and sort 1, 10,
# 2... Learning rates become text as soon as one of them is not whole, and then `filters=[("lr", "<", 1.0)]`
# raises.
# Why it matters: looked up in a table of integers, not one of these seeds is found, so that pairing by seed
# silently has no pairs. Give the partition's schema on reading, or keep seed and rate as columns in the
# files.
# Source: pyarrow's pages on partitioning say that types are inferred; not that a single value changes all.
#
# Output seen:
#   seeds 1 2 10 -> int32 1 2 10
#   seeds 1 2 10 3000000000 -> str 1 10 2 3000000000; found among the seeds written: 0 of 4
#   rates 0.00001 0.1 10 -> str; a filter lr < 1.0 raises ArrowNotImplementedError
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" pandas==3.1.1 pyarrow==26.0.1 numpy==2.4.6

"$python" - <<'EOF'
import tempfile
import pandas as pd
import pyarrow as pa

def round_trip(folder, name, values):
    frame = pd.DataFrame({name: values, "loss": [0.5] * len(values)})
    frame.to_parquet(folder, partition_cols=[name])
    read = pd.read_parquet(folder)[name].astype(object)
    return sorted(read), frame

with tempfile.TemporaryDirectory() as folder:
    small, _ = round_trip(f"{folder}/small", "seed", [1, 2, 10])
    dtype = pd.read_parquet(f"{folder}/small")["seed"].cat.categories.dtype
    print("seeds 1 2 10 ->", dtype, *small)
    large, frame = round_trip(f"{folder}/large", "seed", [1, 2, 10, 3_000_000_000])
    text = pd.read_parquet(f"{folder}/large")["seed"].cat.categories.dtype
    known = set(frame["seed"])
    joined = sum(seed in known for seed in large)
    print("seeds 1 2 10 3000000000 ->", text, *large, end="; ")
    print(f"found among the seeds written: {joined} of 4")
    rates, _ = round_trip(f"{folder}/rates", "lr", [1e-5, 0.1, 10.0])
    error = ""
    try:
        pd.read_parquet(f"{folder}/rates", filters=[("lr", "<", 1.0)])
    except pa.ArrowNotImplementedError as raised:
        error = type(raised).__name__
    print("rates", *rates, "-> str; a filter lr < 1.0 raises", error)

assert small == [1, 2, 10] and str(dtype) == "int32"
assert large == ["1", "10", "2", "3000000000"] and joined == 0
assert rates == ["0.00001", "0.1", "10"] and error
EOF
