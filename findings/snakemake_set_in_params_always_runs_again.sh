#!/usr/bin/env bash
# snakemake 9.27.1, seen 2026-11-30.
#
# A rule has `params: metrics={"loss", "accuracy", ...}`, a Python set of names. One expects the second call
# to say "Nothing to be done": a set has no order, and {"a", "b"} == {"b", "a"}. Instead the parameter is
# remembered as the text of the set, whose order of strings changes with each Python process (its random
# hash seed), so that nearly every call finds "Params have changed since last execution" and runs the rule,
# and all that stands below it, again. The message prints both sets, with the same elements. A list, or
# PYTHONHASHSEED=0, is quiet.
# Why it matters: a training rule with such a parameter retrains the whole study at each call, and
# overwrites the traces that a page was made from; with two names in the set it happens in about half of the
# calls only, which looks like a broken clock.
#
# Output seen (8 names, hash seeds 1 to 3 to make it repeatable):
#   list, 3 calls: the rule ran 1 time
#   set, 3 calls:  the rule ran 3 times; reason: Params have changed since last execution
set -euo pipefail
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
python="$tmp/venv/bin/python"
"$python" -m pip install -q uv==0.13.9
"$tmp/venv/bin/uv" pip install -q --python "$python" snakemake==9.27.1 pulp==3.3.2
cd "$tmp"
export XDG_CACHE_HOME="$tmp/cache"
names='"loss", "accuracy", "time", "lr", "norm", "angle", "steps", "memory"'
runs() { # the number of times that the rule runs in three calls; $1: the parameter
    rm -rf .snakemake trained.txt count.txt
    cat >Snakefile <<EOF
rule train:
    output: "trained.txt"
    params: metrics=$1
    shell: "echo ran >> count.txt; touch {output}"
EOF
    for hash_seed in 1 2 3; do
        PYTHONHASHSEED=$hash_seed "$python" -m snakemake --cores 1 >log.txt 2>&1
    done
    wc -l <count.txt | tr -d ' '
}
list=$(runs "[$names]")
echo "list, 3 calls: the rule ran $list time"
set=$(runs "{$names}")
reason=$(grep -o 'Params have changed since last execution' log.txt | head -n 1)
echo "set, 3 calls:  the rule ran $set times; reason: $reason"
[[ $list == 1 && $set == 3 && -n $reason ]]
