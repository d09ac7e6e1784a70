#!/usr/bin/env bash
# tensorboard 2.21.0, seen 2026-11-30.
#
# TensorBoard's own writer (tensorboard.summary.Writer; torch's SummaryWriter with new_style=True writes the
# same) logs 1000 losses; TensorBoard's own reader (EventAccumulator) reads the folder. One expects the
# points back under "scalars", where readers look for curves, and 1000 of them (10,000 is the documented
# limit for scalars). Instead the tag list "scalars" is empty, the curve is found under "tensors", and of
# the 1000 points a random sample of 10 is kept; without a warning. The last point is kept, the first one is
# not, and the ten are not evenly spaced.
# Why it matters: an import of curves that finds no scalars reports an empty run, one that looks among the
# tensors finds a plausible short curve, whose best loss, area and time to target are of ten random steps.
# Pass size_guidance={"tensors": 0}.
# Source: tensorboard issue 5395 (the empty list); the limit of 10 is DEFAULT_SIZE_GUIDANCE in
# event_accumulator.py.
#
# Output seen:
#   scalars: []  tensors: ['loss']  points: 10 of 1000, first step 225, last step 999
#   with size_guidance tensors 0: 1000 points
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" tensorboard==2.21.0 numpy==2.4.6 setuptools==80.9.0

"$python" - <<'EOF'
import tempfile
import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary import Writer

with tempfile.TemporaryDirectory() as folder:
    writer = Writer(folder)
    for step in range(1000):
        writer.add_scalar("loss", np.float32(1 / (1 + step)), step=step)
    writer.close()
    reader = EventAccumulator(folder)
    reader.Reload()
    tags = reader.Tags()
    steps = [event.step for event in reader.Tensors("loss")]
    print(f"scalars: {tags['scalars']}  tensors: {tags['tensors']}  points: {len(steps)} of 1000, "
          f"first step {steps[0]}, last step {steps[-1]}")
    whole = EventAccumulator(folder, size_guidance={"tensors": 0})
    whole.Reload()
    print(f"with size_guidance tensors 0: {len(whole.Tensors('loss'))} points")

assert tags["scalars"] == [] and tags["tensors"] == ["loss"]
assert len(steps) == 10 and steps[0] > 0 and steps[-1] == 999
assert len(whole.Tensors("loss")) == 1000
EOF
