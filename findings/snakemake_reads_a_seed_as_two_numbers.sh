#!/usr/bin/env bash
# snakemake 9.27.1, seen 2026-11-30.
#
# A workflow takes a seed and a rate from its configuration. One expects `seed: 010` and `lr: 1e-3` in the
# config file to mean the same as `--config seed=010 lr=1e-3` on the command line. Instead the file is YAML
# 1.1, where 010 is octal 8 and 1e-3 (no dot) is the text "1e-3", while the command line tries Python's
# int() and float() first: 10 and 0.001. Both are valid, neither is warned about.
# Why it matters: a run that is repeated from its config file trains seed 8 instead of 10 under the same
# printed name, and a rate that is text either fails deep in the workflow or, in a path, becomes a second
# folder "1e-3" beside "0.001" for one cell. Write 10 and 1.0e-3, and check the types on reading.
#
# Output seen:
#   config file:  seed 8 (int), lr '1e-3' (str)
#   command line: seed 10 (int), lr 0.001 (float)
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
printf 'seed: 010\nlr: 1e-3\n' >study.yaml
cat >Snakefile <<'EOF'
configfile: "study.yaml"

seed, lr = config["seed"], config["lr"]
with open("seen.txt", "w") as file:
    file.write(f"seed {seed!r} ({type(seed).__name__}), lr {lr!r} ({type(lr).__name__})")

rule all:
    output: "done.txt"
    shell: "touch {output}"
EOF
"$python" -m snakemake --cores 1 --dry-run --quiet all >log.txt 2>&1
from_file=$(cat seen.txt)
"$python" -m snakemake --cores 1 --dry-run --quiet all --config seed=010 lr=1e-3 >log.txt 2>&1
from_line=$(cat seen.txt)
echo "config file:  $from_file"
echo "command line: $from_line"
[[ $from_file == "seed 8 (int), lr '1e-3' (str)" ]]
[[ $from_line == "seed 10 (int), lr 0.001 (float)" ]]
