"""What each stage writes, and whether that is still what was written (no torch, no pandas).

Traces, timings, choices and prepared data carry their own checksums; tables, figures and the page have
theirs beside them (`optbench.core.checksums`). Snakemake looks at a file's age alone, so what is corrupt is
set aside when the workflow is read: then it is missing, and made anew.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from optbench.core.checksums import missing, spoilt, summed, sums_path
from optbench.core.errors import CorruptFileError
from optbench.core.files import put_aside, read_json
from optbench.core.folders import is_own, make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from optbench.study.study import Study


def _both(*names: str) -> tuple[str, ...]:
    return tuple(f"tables/{name}{kind}" for name in names for kind in (".parquet", ".csv"))


OUTPUTS: Final[Mapping[str, tuple[str, ...]]] = {
    "collect": (*_both("runs", "timing", "tuning"), "tables/curves.parquet", "tables/study.json"),
    "summarize": (
        *_both("summary", "comparisons", "main_effects", "ranking", "interactions", "stability", "race"),
        *_both("lr_curves", "sensitivity", "best_of_k"),
        *_both("survival", "targets_reached", "ratios", "profile", "tradeoffs", "rates"),
        "tables/convergence.parquet",
        "tables/claims.json",
        "tables/findings.json",
    ),
    "oracle": _both("oracle"),
    "plot": ("figures/figures.json", "figures/*.svg", "figures/*.pdf"),
    "report": ("index.html",),
}
"""The files of each stage: of `report` in reports/<study>, of the others in results/<study>."""


def _root(results: Path, stage: str) -> Path:
    return Path("reports") / results.name if stage == "report" else results


def summed_stage(results: Path, stage: str) -> AbstractContextManager[None]:
    """Leaves the checksums of what a stage of `OUTPUTS` writes in the block."""
    root = _root(results, stage)
    if stage != "report":  # the page's own folder may be a link, as the results' may
        for name in sorted({name.partition("/")[0] for name in OUTPUTS[stage]}):
            make_folder(root / name, root)

    def files() -> Iterator[Path]:
        for name in OUTPUTS[stage]:
            yield from root.glob(name)

    return summed(results, stage, root, files)


def check_outputs(results: Path, *stages: str) -> None:
    """Compares what some stages wrote with its checksums, where there are any; drawings may have changed.

    Raises:
        CorruptFileError: a file has changed since it was written.
        OSError: one may not be read.
    """
    for stage in stages:
        for problem in spoilt(results, stage, _root(results, stage)):
            if not _is_drawing(problem.path):
                then = " (the next run makes it anew)" if is_own(results) else ""
                raise CorruptFileError(problem.path, f"{problem.why}{then}")


def spoilt_drawings(results: Path) -> dict[str, CorruptFileError]:
    """What is wrong with each drawing that has changed since it was written, by the file's name.

    Raises:
        OSError: one may not be read.
    """
    found = [problem for problem in spoilt(results, "plot", results) if _is_drawing(problem.path)]
    return {problem.path.name: problem for problem in found}


def _is_drawing(file: Path) -> bool:
    return file.parent.name == "figures" and file.suffix in {".svg", ".pdf"}


def set_outputs_aside(results: Path, *, look_only: bool = False) -> bool:
    """Names what the stages wrote and has changed since, and sets it aside.

    The checksums of such a stage go too: they are an output of its rule, so that it runs again even where
    only a drawing was lost, which Snakemake knows nothing of.

    Args:
        results: results/<study>.
        look_only: whether nothing is to be renamed.

    Returns:
        Whether anything is to be made anew.

    Raises:
        OSError: a file may not be read, or a folder not be written to.
    """
    any_of_them = False
    for stage in OUTPUTS:
        found = list(spoilt(results, stage, _root(results, stage)))
        for problem in found:
            told = f"{problem}; it will be made anew" if look_only else put_aside(problem, "made anew")
            print(f"optbench: {told}", file=sys.stderr)  # noqa: T201
        if found or missing(results, stage, _root(results, stage)):
            any_of_them = True
            if not look_only:
                sums_path(results, stage).unlink(missing_ok=True)
    return any_of_them


def forget_outputs_of_another(study: Study, *, look_only: bool = False) -> bool:
    """Forgets the checksums of every stage where the tables were made from another text than the study's.

    Snakemake goes by when a file was written. A study file that is replaced by an older one (`cp -p`), or a
    second one of the same study, is older than the tables that were made from the first; so what they say
    they were made from is compared. Each rule has its stage's checksums as an output, so all of them run
    again, after a kill in between too.

    Args:
        study: the study as it is now.
        look_only: whether nothing will run, so that the checksums stay.

    Returns:
        Whether there are tables, and of another text or another file.
    """
    try:
        made_from = read_json(study.results / "tables" / "study.json")
    except (FileNotFoundError, NotADirectoryError, CorruptFileError):
        return False  # missing, or set aside: made anew anyway
    file = made_from.get("config_path")
    same_file = isinstance(file, str) and os.path.abspath(file) == os.path.abspath(study.file)  # noqa: PTH100
    if same_file and made_from.get("config_text") == study.text:
        return False
    for stage in () if look_only else OUTPUTS:
        sums_path(study.results, stage).unlink(missing_ok=True)
    return True


def is_unfinished(study: Study) -> bool:
    """Whether there is a page and a stage before it, or it itself, has not ended since it last began."""
    stages = [stage for stage in OUTPUTS if stage != "oracle" or study.oracle]
    page = _root(study.results, "report") / "index.html"
    return page.exists() and not all(sums_path(study.results, stage).exists() for stage in stages)
