"""From traces to the page."""


rule collect:
    input:
        study=STUDY_FILE,
        manifests=MANIFESTS,
        traces=TRACES,
        batches=[f"{PLANS}/{batch}.done" for batch in BATCHES],
        timings=TIMINGS,
    output:
        multiext(f"{TABLES}/runs", ".parquet", ".csv"),
        multiext(f"{TABLES}/timing", ".parquet", ".csv"),
        curves=f"{TABLES}/curves.parquet",
        study=f"{TABLES}/study.json",
    log:
        f"{LOGS}/collect.log",
    params:
        code=stage_code("optbench.collect", "optbench.timing_table"),
        metrics=metrics_code(STUDY),
        device=DEVICE,
    shell:
        "optbench collect {input.study:q} --device {params.device} 2> >(tee {log:q} >&2)"


rule summarize:
    input:
        f"{TABLES}/runs.parquet",
        f"{TABLES}/curves.parquet",
        f"{TABLES}/timing.parquet",
        f"{TABLES}/study.json",
    output:
        multiext(f"{TABLES}/summary", ".parquet", ".csv"),
        f"{TABLES}/convergence.parquet",
        EVIDENCE,
        f"{TABLES}/claims.json",
    log:
        f"{LOGS}/summarize.log",
    params:
        code=stage_code("optbench.summarize", "optbench.textbook.check"),
        study=STUDY_FILE,
    shell:
        "optbench summarize {params.study:q} 2> >(tee {log:q} >&2)"


rule plot:
    input:
        f"{TABLES}/runs.parquet",
        f"{TABLES}/curves.parquet",
        f"{TABLES}/study.json",
        f"{TABLES}/summary.parquet",
        f"{TABLES}/convergence.parquet",
        f"{TABLES}/timing.parquet",
        EVIDENCE,
    output:
        f"{FIGURES}/figures.json",
    log:
        f"{LOGS}/plot.log",
    params:
        code=stage_code("optbench.figures.plan"),
        study=STUDY_FILE,
    shell:
        "optbench plot {params.study:q} 2> >(tee {log:q} >&2)"


rule report:
    input:
        f"{TABLES}/runs.parquet",
        f"{TABLES}/study.json",
        f"{TABLES}/summary.parquet",
        f"{TABLES}/claims.json",
        f"{FIGURES}/figures.json",
    output:
        report(PAGE, category="optbench"),
    log:
        f"{LOGS}/report.log",
    params:
        code=stage_code("optbench.report.build"),
        study=STUDY_FILE,
    shell:
        "optbench report {params.study:q} 2> >(tee {log:q} >&2)"
