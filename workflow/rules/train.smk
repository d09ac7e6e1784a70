"""From the study to traces."""


rule prepare:
    input:
        lambda wildcards: OUTDATED.get(wildcards.dataset, []),
    output:
        f"{DATA}/{{dataset}}/manifest.json",
    log:
        f"{LOGS}/prepare-{{dataset}}.log",
    params:
        study=STUDY_FILE,
    shell:
        "optbench prepare -- {params.study:q} {wildcards.dataset} 2> >(tee {log:q} >&2)"


rule train:
    input:
        MANIFESTS,
        TUNED,
        batch=f"{PLANS}/{{batch}}.txt",
    output:
        touch(f"{PLANS}/{{batch}}.done"),
    log:
        f"{LOGS}/train-{{batch}}.log",
    threads: STUDY.threads
    resources:
        mem_mb=job_memory_mb,
        runtime=job_minutes,
        gpu=job_gpus,
    params:
        study=STUDY_FILE,
        device=DEVICE,
    shell:
        "optbench train --batch {input.batch:q} --device {params.device}"
        " -- {params.study:q} 2> >(tee {log:q} >&2)"


# Finished traces are inputs without a rule, so that ten thousand of them cost nothing. A trace that is asked
# for by its path has this one.
if (
    any(argument.endswith(".parquet") for argument in sys.argv)
    or not workflow.is_main_process
):

    rule cell:
        input:
            MANIFESTS,
            TUNED,
        output:
            f"{RESULTS}/cells/{{cell}}.parquet",
        log:
            f"{LOGS}/cells/{{cell}}.log",
        wildcard_constraints:
            cell=".+",
        threads: STUDY.threads
        resources:
            mem_mb=job_memory_mb,
            runtime=job_minutes,
            gpu=job_gpus,
        params:
            study=STUDY_FILE,
            device=DEVICE,
        shell:
            "optbench train --device {params.device} -- {params.study:q} {output:q}"
            " 2> >(tee {log:q} >&2)"
