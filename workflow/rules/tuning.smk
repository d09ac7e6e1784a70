"""From the study to the learning rates that its cells are trained with."""

from optbench.running.plan import LONGEST_JOB_S
from optbench.running.tuning_plan import make_tune_plan

# A job of a cluster reads the workflow again: it has its batch by name and plans nothing.
TUNE_PLAN = (
    make_tune_plan(
        STUDY,
        workflow.resource_settings.cores,
        again=bool(FORCING & set(sys.argv)),
        look_only=LOOK_ONLY,
    )
    if workflow.is_main_process
    else None
)
# Choices that are made are inputs without a rule, as finished traces are.
CHOICES = TUNE_PLAN.choices if TUNE_PLAN else ()
TUNED = [f"{PLANS}/{batch}.tuned" for batch in TUNE_PLAN.batches] if TUNE_PLAN else []


# One job has all the cores of a machine: its workers share the trials of every search, so that none is idle
# while another one's search goes on. On a cluster there are many jobs, of one worker each.
rule tune:
    input:
        MANIFESTS,
        batch=f"{PLANS}/{{batch}}.json",
    output:
        touch(f"{PLANS}/{{batch}}.tuned"),
    log:
        f"{LOGS}/tune-{{batch}}.log",
    threads: ALL_CORES
    resources:
        mem_mb=max(spec.memory_mb for spec in STUDY.workloads.values()),
        runtime=LONGEST_JOB_S // 60,
        gpu=int("cuda" in {spec.device or DEVICE for spec in STUDY.workloads.values()}),
    params:
        study=STUDY_FILE,
        device=DEVICE,
    shell:
        "optbench tune --batch {input.batch:q} --device {params.device}"
        " -- {params.study:q} 2> >(tee {log:q} >&2)"
