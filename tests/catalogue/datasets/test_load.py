"""What training reads: data as it was prepared, or a line that says what to do."""

import pytest

from optbench.catalogue.datasets.load import DataUnavailableError, load_data
from optbench.catalogue.datasets.prepare import prepare
from optbench.core.specs import DatasetSpec


def test_a_changed_file_is_not_loaded(embedded, tmp_path):
    prepare(DatasetSpec("breast_cancer"), tmp_path)
    file = tmp_path / "breast_cancer" / "train_x.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(DataUnavailableError, match=r"train_x\.npy has changed"):
        load_data("breast_cancer", tmp_path)
    assert load_data("breast_cancer", tmp_path, splits=("test",)).train == ()


def test_what_was_never_prepared_says_so(tmp_path):
    with pytest.raises(DataUnavailableError, match="'digits' is not prepared"):
        load_data("digits", tmp_path)
    with pytest.raises(ValueError, match="unknown name 'digit'"):
        prepare(DatasetSpec("digit"), tmp_path)
