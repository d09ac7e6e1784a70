"""What a study may name: every data set has its reader."""

from optbench.catalogue.datasets.entries import DATASETS
from optbench.catalogue.datasets.prepare import prepare
from optbench.core.factories import load_factory as load_reader
from optbench.core.specs import DatasetSpec


def test_embedded_data_takes_no_folder(tmp_path):
    manifest = prepare(DatasetSpec("digits", root=str(tmp_path)), tmp_path)
    assert manifest["reason"] == "digits comes with an installed package and is not read from a folder"


def test_every_catalogued_data_set_has_a_reader():
    assert all(callable(load_reader(entry.reader)) for entry in DATASETS.values())
