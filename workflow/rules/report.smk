"""From traces to the page."""

from optbench.report.sections import SECTIONS, figures_module, page_module

# Whatever is left to train, tune or time is gathered afterwards: what was lost twice looks to Snakemake as it did the
# first time, and it makes nothing for a rule that has no reason to run. So is what tables of another study file's
# text do not hold.
LEFT = (
    [written_now(STUDY, "left")]
    if BATCHES or TUNED or TIMINGS_LEFT or ANOTHER or RACE_LEFT
    else []
)


rule collect:
    input:
        study=STUDY_FILE,
        manifests=MANIFESTS,
        traces=TRACES,
        batches=[f"{PLANS}/{batch}.done" for batch in BATCHES],
        looks=decided,
        timings=TIMINGS,
        left=LEFT,
        choices=CHOICES,
        tuned=TUNED,
    output:
        multiext(f"{TABLES}/runs", ".parquet", ".csv"),
        multiext(f"{TABLES}/timing", ".parquet", ".csv"),
        multiext(f"{TABLES}/tuning", ".parquet", ".csv"),
        curves=f"{TABLES}/curves.parquet",
        study=f"{TABLES}/study.json",
        sums=f"{SUMS}/collect.sha256",
    log:
        f"{LOGS}/collect.log",
    threads: SOME_CORES
    params:
        code=stage_code(
            "optbench.tables.collect",
            "optbench.tables.timing",
            "optbench.tables.tuning",
        ),
        metrics=metrics_code(STUDY),
        device=DEVICE,
    shell:
        "optbench collect --cores {threads} --device {params.device} -- {input.study:q}"
        " 2> >(tee {log:q} >&2)"


# A stage needs the checksums of those before it, which are missing where one of their files was corrupt.
rule summarize:
    input:
        f"{SUMS}/collect.sha256",
        f"{TABLES}/runs.parquet",
        f"{TABLES}/curves.parquet",
        f"{TABLES}/timing.parquet",
        f"{TABLES}/tuning.parquet",
        f"{TABLES}/study.json",
    output:
        multiext(f"{TABLES}/summary", ".parquet", ".csv"),
        multiext(f"{TABLES}/comparisons", ".parquet", ".csv"),
        multiext(f"{TABLES}/ranking", ".parquet", ".csv"),
        multiext(f"{TABLES}/main_effects", ".parquet", ".csv"),
        multiext(f"{TABLES}/interactions", ".parquet", ".csv"),
        multiext(f"{TABLES}/stability", ".parquet", ".csv"),
        multiext(f"{TABLES}/race", ".parquet", ".csv"),
        SENSITIVITY,
        f"{TABLES}/convergence.parquet",
        EVIDENCE,
        f"{TABLES}/claims.json",
        f"{TABLES}/findings.json",
        f"{SUMS}/summarize.sha256",
    log:
        f"{LOGS}/summarize.log",
    threads: min(SOME_CORES, 2)
    params:
        code=stage_code(
            "optbench.tables.summary",
            "optbench.findings.write",
            "optbench.tables.sensitivity",
            "optbench.theory.textbook.claims",
        ),
        study=STUDY_FILE,
    shell:
        "optbench summarize --cores {threads} -- {params.study:q} 2> >(tee {log:q} >&2)"


# The table is written whatever it says, so that the page can show what failed; `verdict` ends the workflow.
rule oracle:
    input:
        f"{SUMS}/collect.sha256",
        f"{TABLES}/runs.parquet",
        f"{TABLES}/curves.parquet",
        f"{TABLES}/study.json",
    output:
        multiext(f"{TABLES}/oracle", ".parquet", ".csv"),
        f"{SUMS}/oracle.sha256",
    log:
        f"{LOGS}/oracle.log",
    params:
        code=stage_code("optbench.theory.oracle.table"),
        study=STUDY_FILE,
    shell:
        "optbench oracle --write-only -- {params.study:q} 2> >(tee {log:q} >&2)"


rule verdict:
    input:
        ORACLE,
        PAGE,
    output:
        touch(f"{RESULTS}/oracle.agrees"),
    log:
        f"{LOGS}/verdict.log",
    params:
        study=STUDY_FILE,
    shell:
        "optbench oracle -- {params.study:q} 2> >(tee {log:q} >&2)"


rule plot:
    input:
        [f"{SUMS}/{stage}.sha256" for stage in ("collect", "summarize")],
        ORACLE,
        f"{TABLES}/runs.parquet",
        f"{TABLES}/curves.parquet",
        f"{TABLES}/study.json",
        f"{TABLES}/summary.parquet",
        f"{TABLES}/convergence.parquet",
        f"{TABLES}/timing.parquet",
        SENSITIVITY,
        EVIDENCE,
        f"{TABLES}/ranking.parquet",
    output:
        f"{FIGURES}/figures.json",
        f"{SUMS}/plot.sha256",
    log:
        f"{LOGS}/plot.log",
    threads: SOME_CORES
    params:
        code=stage_code(
            "optbench.report.figures.draw",
            *(figures_module(section) for section in SECTIONS if section.figures),
        ),
        study=STUDY_FILE,
    shell:
        "optbench plot --cores {threads} -- {params.study:q} 2> >(tee {log:q} >&2)"


rule report:
    input:
        REMADE,
        [f"{SUMS}/{stage}.sha256" for stage in ("collect", "summarize", "plot")],
        f"{TABLES}/runs.parquet",
        f"{TABLES}/study.json",
        f"{TABLES}/summary.parquet",
        SENSITIVITY,
        f"{TABLES}/claims.json",
        ORACLE,
        f"{TABLES}/comparisons.parquet",
        f"{TABLES}/ranking.parquet",
        f"{TABLES}/findings.json",
        f"{FIGURES}/figures.json",
    output:
        report(PAGE, category="optbench"),
        f"{SUMS}/report.sha256",
    log:
        f"{LOGS}/report.log",
    params:
        code=stage_code(
            "optbench.report.page.build",
            *(page_module(section) for section in SECTIONS),
        ),
        study=STUDY_FILE,
    shell:
        "optbench report -- {params.study:q} 2> >(tee {log:q} >&2)"
