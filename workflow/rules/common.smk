"""What the rules share: the study, what is left of it, and where things lie."""

import sys
from pathlib import Path

from optbench.cells.race import RaceOf
from optbench.findings.recommended import recommended
from optbench.running.folders import set_folders_aside, without_place
from optbench.running.gpus import gpus
from optbench.running.locks import hold_run
from optbench.running.outputs import (
    forget_outputs_of_another,
    is_unfinished,
    set_outputs_aside,
)
from optbench.study.plugins import keep_working_folder_off_path
from optbench.study.resolve import read_study
from optbench.core.errors import UserError
from optbench.core.processes import RUN, this_run
from optbench.core.text import escaped
from optbench.running.plan import (
    FORCING,
    LOOKING,
    make_plan,
    metrics_code,
    needs_of,
    newer_than_data,
    plan_folder,
    read_batch,
    stage_code,
    study_file,
    written_now,
)

# Jobs that are Snakemakes of their own (`python -m snakemake`) begin in the folder of the study.
keep_working_folder_off_path()

try:
    STUDY_FILE = study_file(workflow.configfiles, workflow.config_settings.config)
    STUDY = read_study(STUDY_FILE)
    # One run of a study at a time. This lock ends with this process, so Snakemake's own, which outlives a
    # kill, is off in the profile.
    LOOK_ONLY = bool(LOOKING & set(sys.argv))
    if workflow.is_main_process:
        set_folders_aside(STUDY, look_only=LOOK_ONLY)
    RUN_LOCK = (
        hold_run(STUDY.results) if workflow.is_main_process and not LOOK_ONLY else None
    )
    # Corrupt files are set aside while the workflow is read: Snakemake looks at how old a file is, never into it.
    # Then they are missing, and the page has an input that was written just now, so that what it needs is made.
    CORRUPT = workflow.is_main_process and set_outputs_aside(
        STUDY.results, look_only=LOOK_ONLY
    )
    # The same where the tables are those of another text than the study file's, however old that is.
    ANOTHER = workflow.is_main_process and forget_outputs_of_another(
        STUDY, look_only=LOOK_ONLY
    )
    REMADE = (
        [written_now(STUDY, "corrupt")]
        if CORRUPT or ANOTHER or (workflow.is_main_process and is_unfinished(STUDY))
        else []
    )
    # A race is planned look by look (race.smk), everything else now. A job of a cluster reads the workflow again: it
    # has its batch by name and plans nothing.
    RACE = RaceOf(STUDY) if STUDY.race and workflow.is_main_process else None

    def plan(cells=None):
        return make_plan(
            STUDY,
            workflow.resource_settings.cores,
            config.get("cells_per_job"),
            again=bool(FORCING & set(sys.argv)),
            only=read_batch(Path(config["only"])) if "only" in config else None,
            look_only=LOOK_ONLY,
            cells=cells,
        )

    PLAN = plan() if workflow.is_main_process and not RACE else None
    # Data that lies there but was read by other code, or from other files: each with a file that is newer.
    OUTDATED = (
        newer_than_data(STUDY, look_only=LOOK_ONLY) if workflow.is_main_process else {}
    )
    # Data sets for which there is no place: their cells say so.
    NOWHERE = {} if LOOK_ONLY else without_place(STUDY, STUDY.datasets)
    if workflow.is_main_process:
        for name, reason in NOWHERE.items():
            told = f"optbench: data set {name} is not available: {reason}"
            print(escaped(told), file=sys.stderr)
except UserError as error:
    print(f"optbench: {escaped(str(error))}", file=sys.stderr)
    sys.exit(2)

RESULTS = STUDY.results.as_posix()
TABLES = f"{RESULTS}/tables"
FIGURES = f"{RESULTS}/figures"
SUMS = f"{RESULTS}/checksums"
EVIDENCE = [
    f"{TABLES}/{name}.parquet"
    for name in (
        "survival",
        "targets_reached",
        "ratios",
        "profile",
        "tradeoffs",
        "rates",
    )
]
SENSITIVITY = [
    f"{TABLES}/{name}.parquet" for name in ("lr_curves", "sensitivity", "best_of_k")
]
PLANS = plan_folder(STUDY).as_posix()
DATA = STUDY.data_folder.as_posix()
LOGS = f"logs/{STUDY.name}"
PAGE = f"reports/{STUDY.name}/index.html"
# Of a study that asks for it: the table of predicted beside measured.
ORACLE = [f"{TABLES}/oracle.parquet", f"{SUMS}/oracle.sha256"] if STUDY.oracle else []
MANIFESTS = [
    f"{DATA}/{name}/manifest.json" for name in STUDY.datasets if name not in NOWHERE
]
BATCHES = PLAN.batches if PLAN else ()
TRACES = PLAN.traces if PLAN else ()
# What a job asks for that has this machine to itself. Here that is all cores; a cluster's job reads this again, with
# the cores of its node for its own, and must ask for no more than was submitted.
ALL_CORES = (
    workflow.is_main_process and workflow.resource_settings.cores
) or STUDY.threads
# What a stage asks for in which one process hands work to others (reading traces, writing figures): more than four
# wait for that one. Comparing runs is two pieces of work.
SOME_CORES = min(workflow.resource_settings.cores or 1, 4)
# The device that `auto` means here; a job must not find another one where it runs.
DEVICE = STUDY.device


def job_needs(wildcards):
    if "cell" in wildcards.keys():
        return needs_of(STUDY, [f"{RESULTS}/cells/{wildcards.cell}.parquet"])
    return needs_of(STUDY, read_batch(Path(f"{PLANS}/{wildcards.batch}.txt")))


def job_memory_mb(wildcards):
    return job_needs(wildcards).memory_mb


def job_minutes(wildcards):
    return job_needs(wildcards).minutes


def job_gpus(wildcards):
    return job_needs(wildcards).gpus


if workflow.resource_settings.cores is not None:
    # On this machine: as many cells on GPUs at a time as there are GPUs. On a cluster its scheduler counts.
    workflow.global_resources.setdefault("gpu", len(gpus()) or 1)

if workflow.is_main_process:
    # Jobs on this machine end when this process does, even by kill -9.
    shell.prefix(f"set -euo pipefail; export {RUN}={this_run()}; ")


localrules:
    all,
    prepare,
    look,
    collect,
    summarize,
    plot,
    report,
    oracle,
    verdict,
