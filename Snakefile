"""optbench: seeds x optimizers x schedules x workloads, from a study file to one page."""

import sys
from pathlib import Path

# Snakemake puts this folder before Python's own modules, and with it whatever lies beside the study.
if Path(sys.path[0]) == Path(workflow.basedir):
    del sys.path[0]

from snakemake.utils import min_version

min_version("9.0")


# For `--sdm apptainer`: the image of the Containerfile, as a file beside this one (docs/howto/install.md). Without that
# option jobs run in the environment that Snakemake itself runs in.
container: "optbench.sif"


include: "workflow/rules/common.smk"
include: "workflow/rules/tuning.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/race.smk"
include: "workflow/rules/timing.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        PAGE,
        [f"{RESULTS}/oracle.agrees"] if STUDY.oracle else [],


onsuccess:
    # A dry run ends here too, and a page made by asking for it alone leaves cells to train.
    shell("rm -rf {PLANS:q}")
    for line in recommended(Path(f"{RESULTS}/tables")):
        print(line, flush=True)
    print(f"The page: {Path(PAGE).absolute().as_uri()}", flush=True)
