"""From the traces of one look of a race to the cells of the next."""

from functools import cache

from optbench.cells.paths import trace_path

LOOKS = {path.stem: look for look, path in enumerate(RACE.paths)} if RACE else {}
RACED = {trace_path(cell): cell for cell in RACE.cells} if RACE else {}


@cache
def plan_of(*traces):
    """The plan of these: made once, for its batches are cut from what is left, and that is read of each file."""
    return plan([RACED[trace] for trace in traces])


def plan_of_look(look):
    """The plan of the cells that a look adds."""
    before = set(map(trace_path, RACE.planned_at(look - 1))) if look else set()
    added = map(trace_path, RACE.planned_at(look))
    return plan_of(*(trace for trace in added if trace not in before))


# Runs of a race that are missing, and looks: whatever is decided anew is gathered afterwards.
RACE_LEFT = bool(RACE) and (
    not RACE.is_over()
    or any(plan_of_look(look).batches for look, _ in enumerate(RACE.held()))
)

# Snakemake makes no look anew that is missing where tables are there that were made from it.
AGAIN = (
    [written_now(STUDY, "race")]
    if RACE_LEFT and Path(f"{TABLES}/runs.parquet").exists()
    else []
)


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
