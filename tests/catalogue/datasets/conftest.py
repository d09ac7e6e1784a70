"""Data that comes with packages, prepared once; there is no network."""

from __future__ import annotations

import socket

import pytest

from optbench.catalogue.datasets.prepare import prepare
from optbench.core.specs import DatasetSpec


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    def refuse(*_):
        raise OSError("the network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="session")
def embedded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return folder, {
        name: prepare(DatasetSpec(name), folder) for name in ("digits", "breast_cancer", "mnist5k", "asv")
    }
