"""PDFs embed their fonts and repeat."""

from __future__ import annotations

from lab.figures import one_figure
from optbench.report.figures.backend.renderer import write_pdf
from optbench.report.figures.backend.style import drawing


def test_pdf_embeds_fonts_and_repeats(tmp_path):
    files = [tmp_path / "once.pdf", tmp_path / "again.pdf"]
    with drawing():
        for file in files:
            write_pdf([one_figure(), one_figure()], file)
    pdf, again = (file.read_bytes() for file in files)
    assert pdf == again
    assert b"/FontFile2" in pdf
    assert b"/CreationDate" not in pdf
    assert b"/Count 2" in pdf
