#!/usr/bin/env bash
# numpy 2.4.6 with Python's sqlite3 (also seen through trackers that keep their metrics in SQLite), seen
# 2026-11-30.
#
# A tracker's table `metrics(step integer, loss real)`, steps taken from np.arange. One expects integers in
# a column declared integer; np.float64 is stored as a number, after all. Instead each np.int64 is stored as
# a BLOB of its 8 bytes: no error, the row count is right, but `where step = 100` finds nothing, `step <
# 500` nothing and `step > 10**9` every row, `max(step)` is bytes, and `order by step` compares the low byte
# first, so that step 800 stands before step 300. np.float32 losses are BLOBs as well, and avg(loss) over
# them is 0.0.
# Why it matters: curves out of order, a last value that is not the last, and a mean loss of 0 that looks
# like a perfect run. Call int() and float() before binding. Source: cpython issue 106878.
#
# Output seen:
#   types blob blob, rows 10
#   where step = 100: 0 rows, step < 500: 0 rows, step > 10**9: 10 rows
#   order by step: 0 800 300 600 100 900 400 700 200 500
#   avg(loss) = 0.0
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" numpy==2.4.6

"$python" - <<'EOF'
import sqlite3
import numpy as np

base = sqlite3.connect(":memory:")
base.execute("create table metrics (step integer, loss real)")
for step in np.arange(0, 1000, 100):
    base.execute("insert into metrics values (?, ?)", (step, np.float32(2.5)))

ask = lambda query: base.execute(query).fetchall()
types = ask("select distinct typeof(step), typeof(loss) from metrics")
count = lambda where: ask(f"select count(*) from metrics where {where}")[0][0]
print("types", *types[0], "rows", count("1"), sep=" ")
counts = [count("step = 100"), count("step < 500"), count("step > 1000000000")]
print(f"where step = 100: {counts[0]} rows, step < 500: {counts[1]} rows, step > 10**9: {counts[2]} rows")
order = [int.from_bytes(row[0], "little") for row in ask("select step from metrics order by step")]
print("order by step:", *order)
mean = ask("select avg(loss) from metrics")[0][0]
print("avg(loss) =", mean)

assert types == [("blob", "blob")]
assert counts == [0, 0, 10]
assert order == [0, 800, 300, 600, 100, 900, 400, 700, 200, 500]
assert mean == 0.0
EOF
