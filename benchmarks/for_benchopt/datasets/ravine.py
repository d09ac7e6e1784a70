"""The ravine as a data set of benchopt."""

from benchmark_utils.problem import ravine
from benchopt import BaseDataset


class Dataset(BaseDataset):
    """The problem of this name."""

    name = "ravine"

    def get_data(self) -> dict:
        """Return the problem."""
        return {"problem": ravine()}
