#!/usr/bin/env bash
# optax 0.2.8 (torch 2.15.0's RAdam does the same), seen 2026-11-30.
#
# RAdam is read as "Adam with a built-in warm-up": one expects small first steps whose size does not depend
# on the gradient's scale. Instead the first five steps at b2 = 0.999 are plain momentum steps, lr *
# gradient: with a gradient of 1000 and lr 1e-3 they go a distance of 1 each, 40,000 times the sixth step,
# the first adaptive one. And with b2 <= 2/3 the variance term is never "tractable" (its length 2/(1-b2) - 1
# is at most 5): RAdam is SGD with momentum for ever, at Adam's learning rate; no message says so.
# Why it matters: the loss of a task rescaled by 1000 trains alike under Adam and can blow up under RAdam; a
# sweep over b2 changes the kind of the algorithm, not its memory. Source: arXiv 1908.03265, algorithm 2
# (the unrectified branch); here it is seen in use.
#
# Output seen (constant gradient, lr 1e-3, steps 1, 5, 6, 7, 100):
#   adam  b2 0.999 gradient 1000: 0.001 0.001 0.001 0.001 0.001
#   radam b2 0.999 gradient    1: 0.001 0.001 2.55e-05 3.24e-05 0.000215
#   radam b2 0.999 gradient 1000: 1 1 2.55e-05 3.24e-05 0.000215
#   radam b2 0.6   gradient 1000: 1 1 1 1 1
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" optax==0.2.8 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6

"$python" - <<'EOF'
import jax.numpy as jnp
import optax

def steps(optimizer, gradient):
    params = jnp.zeros(1)
    state, sizes = optimizer.init(params), []
    for _ in range(100):
        update, state = optimizer.update(jnp.full(1, gradient), state, params)
        sizes.append(-float(update[0]))
    return [sizes[i - 1] for i in (1, 5, 6, 7, 100)]

found = {}
for name, b2, gradient in (("adam", 0.999, 1e3), ("radam", 0.999, 1.0), ("radam", 0.999, 1e3), ("radam", 0.6, 1e3)):
    row = steps(getattr(optax, name)(1e-3, b2=b2), gradient)
    found[name, b2, gradient] = row
    print(f"{name:5} b2 {b2:<5} gradient {gradient:4.0f}:", *(f"{v:.3g}" for v in row))

close = lambda a, b: abs(a / b - 1) < 1e-2
assert all(close(v, 1e-3) for v in found["adam", 0.999, 1e3])
large, unit = found["radam", 0.999, 1e3], found["radam", 0.999, 1.0]
assert close(large[0], 1) and close(large[1], 1) and large[2] < 1e-4
assert close(unit[0], 1e-3) and close(unit[2], large[2])
assert all(close(v, 1) for v in found["radam", 0.6, 1e3])
EOF
