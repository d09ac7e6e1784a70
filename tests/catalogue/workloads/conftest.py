"""The data of the workloads that need no network, prepared once."""

from __future__ import annotations

import pytest

from lab.workloads import OFFLINE
from optbench.catalogue.datasets.prepare import prepare
from optbench.catalogue.workloads.entries import WORKLOADS
from optbench.core.specs import DatasetSpec


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("data")
    for name in {WORKLOADS[name].dataset.name for name in OFFLINE if WORKLOADS[name].dataset}:
        assert prepare(DatasetSpec(name), path)["status"] == "ready"
    return path
