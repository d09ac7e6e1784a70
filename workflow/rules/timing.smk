"""From the study to step times, apart from the cells."""

from optbench.cells.timings import timing_path, timings_of
from optbench.running.plan import left_of

TIMINGS = [
    timing_path(timing).as_posix() for timing in timings_of(STUDY) if STUDY.timing_s
]


# What is corrupt is set aside, and measured again.
TIMINGS_LEFT = (
    left_of(map(Path, TIMINGS), look_only=LOOK_ONLY) if workflow.is_main_process else []
)


# A timing has the machine to itself: it asks for every core that Snakemake may use, so that nothing runs
# beside it. On a cluster its core count means nothing of the kind: give it a node of its own there, in the
# profile (`set-resources: time: slurm_extra="--exclusive"`).
rule time:
    input:
        ancient(MANIFESTS),
    output:
        f"{RESULTS}/timing/{{timing}}.parquet",
    log:
        f"{LOGS}/timing/{{timing}}.log",
    wildcard_constraints:
        timing="[^/]+",
    threads: ALL_CORES
    resources:
        mem_mb=2000,
    params:
        study=STUDY_FILE,
        device=DEVICE,
        seconds=STUDY.timing_s,
    shell:
        "optbench time --device {params.device} --seconds {params.seconds}"
        " -- {params.study:q} {output:q} 2> >(tee {log:q} >&2)"
