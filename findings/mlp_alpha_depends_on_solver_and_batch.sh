#!/usr/bin/env bash
# scikit-learn 1.9.1, seen 2026-11-30.
#
# MLPRegressor and MLPClassifier take solver="lbfgs", "sgd" or "adam", and one `alpha` for the L2 penalty.
# One expects that the solvers minimise one objective, so that their final losses can be compared. Instead
# the penalty is divided by the number of samples *of the batch*: with n samples and batches of b the
# minimised penalty is n/b times that of lbfgs, and a change of the batch size changes the weight decay in
# proportion. On a linear model (no hidden layer) the converged weights go to another optimum.
# Why it matters: "Adam against L-BFGS" and "the effect of the batch size" in scikit-learn compare different
# regularisations; for an equal objective set alpha to alpha * b / n. (The page says "divided by the sample
# size", which reads as n.)
# Source: scikit-learn issue 6780 and pull request 22151 say that it is divided by the sample size, not that
# it is the batch's.
#
# Output seen (norm of the converged weights, 100 samples, alpha 20):
#   lbfgs, all samples          1.02
#   sgd, batch 100              1.02
#   sgd, batch 10               0.399
#   sgd, batch 10, alpha 2      1.02
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6

"$python" - <<'EOF'
import warnings
import numpy as np
from sklearn.neural_network import MLPRegressor

warnings.simplefilter("ignore")
draw = np.random.RandomState(0)
X = draw.randn(100, 5)
y = X @ draw.randn(5)

def norm(solver, batch, alpha):
    model = MLPRegressor(hidden_layer_sizes=(), solver=solver, batch_size=batch, alpha=alpha, learning_rate_init=1e-3,
                         max_iter=3000, tol=0, n_iter_no_change=10000, random_state=0)
    return float(np.linalg.norm(model.fit(X, y).coefs_[0]))

found = {}
for words, arguments in (("lbfgs, all samples", ("lbfgs", 100, 20)), ("sgd, batch 100", ("sgd", 100, 20)),
                         ("sgd, batch 10", ("sgd", 10, 20)), ("sgd, batch 10, alpha 2", ("sgd", 10, 2))):
    found[words] = norm(*arguments)
    print(f"{words:27} {found[words]:.3g}")

reference = found["lbfgs, all samples"]
assert abs(found["sgd, batch 100"] / reference - 1) < 0.01
assert found["sgd, batch 10"] < 0.5 * reference
assert abs(found["sgd, batch 10, alpha 2"] / reference - 1) < 0.05
EOF
