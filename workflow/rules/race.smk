"""From the traces of one look of a race to the cells of the next."""

from functools import cache

from optbench.cells.paths import trace_path
from optbench.running.plan import left_of

LOOKS = {path.stem: look for look, path in enumerate(RACE.paths)} if RACE else {}
# Runs of a race that are missing, and looks: whatever is decided anew is gathered afterwards.
RACE_LEFT = bool(RACE) and not (
    RACE.is_over() and not left_of(map(trace_path, RACE.planned()), look_only=LOOK_ONLY)
)

# Snakemake makes no look anew that is missing where tables are there that were made from it.
AGAIN = (
    [written_now(STUDY, "race")]
    if RACE_LEFT and Path(f"{TABLES}/runs.parquet").exists()
    else []
)


@cache
def plan_of_look(look):
    """The plan of the cells that a look adds: made once, for its batches are cut from what is left."""
    before = {cell.name for cell in RACE.planned_at(look - 1)} if look else set()
    return plan([cell for cell in RACE.planned_at(look) if cell.name not in before])


def runs_of_look(wildcards):
    look = LOOKS[wildcards.look]
    earlier = list(LOOKS)[:look]
    for name in earlier:
        checkpoints.look.get(look=name)
    of_look = plan_of_look(look)
    return [
        *(f"{RESULTS}/race/{name}.json" for name in earlier[-1:]),
        *of_look.traces,
        *(f"{PLANS}/{batch}.done" for batch in of_look.batches),
    ]


def decided(wildcards):
    """The looks of a race, one after the other until nobody is in."""
    found = []
    for name, look in LOOKS.items():
        checkpoints.look.get(look=name)
        found.append(f"{RESULTS}/race/{name}.json")
        if RACE.read(look)["over"]:
            break
    return found


checkpoint look:
    input:
        TUNED,
        CHOICES,
        AGAIN,
        runs_of_look,
    output:
        f"{RESULTS}/race/{{look}}.json",
    log:
        f"{LOGS}/race/{{look}}.log",
    wildcard_constraints:
        look="look-[^/]+",
    params:
        study=STUDY_FILE,
        number=lambda wildcards: LOOKS[wildcards.look] + 1,
        device=DEVICE,
    shell:
        "optbench race --look {params.number} --device {params.device} -- {params.study:q}"
        " 2> >(tee {log:q} >&2)"
