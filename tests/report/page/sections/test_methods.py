"""The methods name what made the numbers, and nobody's home."""

from __future__ import annotations


def test_methods_say_which_cells_were_trained_together(mixed):
    _, page = mixed
    assert "1 cell alone (Muon is odd); 2 cells batched" in page.source


def test_provenance_is_complete_and_names_no_home(mixed):
    _, page = mixed
    for text in ("Example CPU", "2.9.0", "CC BY 4.0", "ab" * 32, "seeds: 4", "<not a tag> & kept as it is",
                 "2 different machines", "with uncommitted changes"):  # fmt: skip
        assert text in page.text
    assert "alice" not in page.source
    assert "~/lab/my_lab.py" in page.text
    assert "<script>alert('step 10')</script>" in page.text
    assert "<script>alert" not in page.source
