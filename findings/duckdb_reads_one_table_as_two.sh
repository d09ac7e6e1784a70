#!/usr/bin/env bash
# duckdb 2.0.1 with pandas 3.1.1, polars 2.1.0 and pyarrow 26.0.1, seen 2026-11-30.
#
# Accuracies of three runs, one diverged (NaN). One expects one SQL query to give one answer, whatever
# object holds the table. Instead the holder decides: in a pandas frame NaN is read as NULL, so the mean is
# that of the two survivors and two runs are counted; in an Arrow table, a polars frame or a Parquet file
# written by polars NaN stays NaN, the mean is NaN, three runs are counted, and, as NaN counts as greater
# than every number, the diverged run passes `accuracy > 0.9` and is the maximum. A Parquet file written by
# pandas behaves like the pandas frame: the column reads the same in pandas either way.
# Why it matters: a success rate or a best run depends on which tool saved the file; in one case divergence
# is left out silently, in the other it counts as success. Ask isfinite() in the query.
# Source: duckdb issues 10196 and 15379.
#
# Output seen (mean, count, max, how many above 0.9; accuracies 0.5, NaN, 0.95):
#   pandas frame           0.725 2 0.95 1        parquet by pandas      0.725 2 0.95 1
#   arrow table            nan 3 nan 2           parquet by polars      nan 3 nan 2
#   polars frame           nan 3 nan 2
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" duckdb==2.0.1 pandas==3.1.1 pyarrow==26.0.1 polars==2.1.0 numpy==2.4.6

"$python" - <<'EOF'
import math
import tempfile
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa

accuracy = [0.5, float("nan"), 0.95]
with tempfile.TemporaryDirectory() as folder:
    columns = {"accuracy": accuracy}
    frame, arrow, polars = pd.DataFrame(columns), pa.table(columns), pl.DataFrame(columns)
    frame.to_parquet(f"{folder}/pandas.parquet")
    polars.write_parquet(f"{folder}/polars.parquet")
    assert pd.read_parquet(f"{folder}/pandas.parquet").equals(pd.read_parquet(f"{folder}/polars.parquet"))
    holders = {
        "pandas frame": ("frame", True), "parquet by pandas": (f"'{folder}/pandas.parquet'", True),
        "arrow table": ("arrow", False), "polars frame": ("polars", False),
        "parquet by polars": (f"'{folder}/polars.parquet'", False),
    }
    for name, (source, as_null) in holders.items():
        row = duckdb.sql(
            f"select avg(accuracy), count(accuracy), max(accuracy), count(*) filter (accuracy > 0.9) from {source}"
        ).fetchall()[0]
        print(f"{name:22}", *(f"{v:g}" for v in row))
        if as_null:
            assert row == (0.725, 2, 0.95, 1), row
        else:
            assert math.isnan(row[0]) and math.isnan(row[2]) and row[1] == 3 and row[3] == 2, row
EOF
