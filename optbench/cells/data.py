"""Whether prepared data is what today's code would read and cut from the same files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.catalogue.datasets.manifest import is_outdated, is_prepared, spoilt_files
from optbench.cells.identity import data_roots, data_values, digest
from optbench.cells.slices import Slices
from optbench.cells.source import save_cache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from optbench.core.errors import CorruptFileError
    from optbench.study.study import Study


def data_digests(study: Study) -> dict[str, str]:
    """Eight digits for each data set of a study over all that decides which numbers its arrays hold.

    Its entry, the user's own files, and the code that reads and cuts them: data that was prepared under
    another digest is prepared again.

    Raises:
        UserError: a file does not parse.
    """
    slices = Slices(study.folder)
    found = {
        name: digest({"data": data_values(spec), "code": slices.code(*data_roots(spec)).sha256})
        for name, spec in study.datasets.items()
    }
    save_cache()
    return found


def outdated_data(study: Study) -> dict[str, str]:
    """The data sets of a study that lie there but were read or cut otherwise, and their digests of today.

    Raises:
        UserError: a file does not parse.
    """
    return {
        name: found
        for name, found in data_digests(study).items()
        if is_outdated(study.datasets[name], study.data_folder, found)
    }


def spoilt_data(study: Study, name: str) -> Iterator[CorruptFileError]:
    """What is wrong with each file of a study's data set that is not as it was prepared.

    Raises:
        OSError: a file may not be read.
    """
    return spoilt_files(name, study.data_folder)


def data_to_prepare(study: Study) -> dict[str, str]:
    """The data sets of a study that the next run would prepare, and why, in a line each.

    Raises:
        UserError: a file does not parse.
        OSError: a file may not be read.
    """
    found = {}
    for name, today in data_digests(study).items():
        spec = study.datasets[name]
        problems = list(spoilt_data(study, name))
        if problems:
            more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
            found[name] = f"what lies there is corrupt: {problems[0]}{more}"
        elif is_outdated(spec, study.data_folder, today):
            found[name] = "what lies there was prepared from other files or by other code"
        elif not is_prepared(spec, study.data_folder, today):
            found[name] = "it is not there"
    return found
