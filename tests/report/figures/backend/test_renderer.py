"""PDFs embed their fonts and repeat; drawing is silent about letters, and about nothing else."""

from __future__ import annotations

import warnings

import pytest
from matplotlib.artist import Artist

from lab.figures import one_figure
from optbench.report.figures.backend.renderer import to_svg, write_pdf
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


def test_a_letter_that_the_font_lacks_is_nobodys_business_and_any_other_warning_is(tmp_path):
    with drawing():
        figure = one_figure("\u4f18\u5316\U0001f680")
        figure.axes[0].set_title("\u4f18\u5316\U0001f680")
        assert "\u4f18" in to_svg(figure)
        write_pdf([figure], tmp_path / "x.pdf")
        figure.axes[0].add_artist(WarningArtist())
        with pytest.warns(UserWarning, match="own fault"):
            to_svg(figure)


class WarningArtist(Artist):
    def draw(self, renderer):
        warnings.warn("own fault", UserWarning, stacklevel=1)
