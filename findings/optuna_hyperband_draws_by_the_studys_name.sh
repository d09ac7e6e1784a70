#!/usr/bin/env bash
# optuna 5.0.0, seen 2026-11-30.
#
# A search with a seeded sampler, a deterministic objective and HyperbandPruner. One expects that the seed
# fixes everything, and that the name of a study is a label. Instead the pruner puts each trial into its
# bracket by a checksum of the study's *name* and the trial's number: a study called "a" stops other trials,
# at other steps, than one called "b" with the same seed and the same learning rates; and a study without a
# name gets a random one, so it never repeats itself.
# Why it matters: two optimizers tuned under one seed, in studies named after them, get different budgets;
# the compute spent depends on the spelling (here 394 against 296 steps for the same 30 rates). Give all
# compared studies one name, in separate storages.
# Source: the page of optuna.pruners.HyperbandPruner mentions the name for reproducibility.
#
# Output seen:
#   study a: 394 steps trained, 20 trials pruned
#   study b: 296 steps trained, 21 trials pruned
#   study a again: the same trials pruned at the same steps
#   same learning rates in all: True
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" optuna==5.0.0 numpy==2.4.6

"$python" - <<'EOF'
import math
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)

def search(name):
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=27, reduction_factor=3)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(study_name=name, sampler=sampler, pruner=pruner)

    def objective(trial):
        lr = trial.suggest_float("lr", 1e-4, 1.0, log=True)
        for step in range(1, 28):
            loss = abs(math.log10(lr) + 2) + 1 / step
            trial.report(loss, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return loss

    study.optimize(objective, n_trials=30)
    rates = [t.params["lr"] for t in study.trials]
    steps = [len(t.intermediate_values) for t in study.trials]
    return rates, steps, sum(t.state.name == "PRUNED" for t in study.trials)

first, second, again = search("a"), search("b"), search("a")
for name, found in (("a", first), ("b", second)):
    print(f"study {name}: {sum(found[1])} steps trained, {found[2]} trials pruned")
print("study a again:", "the same trials pruned at the same steps" if again == first else "others")
print("same learning rates in all:", first[0] == second[0] == again[0])

assert first[0] == second[0]
assert first == again
assert first[1] != second[1] and sum(first[1]) == 394 and sum(second[1]) == 296
EOF
