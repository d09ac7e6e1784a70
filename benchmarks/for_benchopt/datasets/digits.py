"""The digits as a data set of benchopt."""

from benchmark_utils.problem import digits
from benchopt import BaseDataset


class Dataset(BaseDataset):
    """The problem of this name."""

    name = "digits"

    def get_data(self) -> dict:
        """Return the problem."""
        return {"problem": digits()}
