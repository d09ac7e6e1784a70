"""A sign for each verdict, and links to what was drawn."""

from __future__ import annotations

from lab.claims import REFUTED, SUPPORTED, check
from optbench.theory.textbook.file import UNMEASURED


def test_the_page_has_a_sign_for_each_verdict_and_links_what_was_drawn() -> None:
    from optbench.report.page.sections.claims import claims, prose

    found = [check(name, SUPPORTED[name]) for name in ("B1", "D3")] + [check("E2", REFUTED["E2"])]
    table = claims(found, {"regimes": "Batch regimes"})
    assert table is not None
    assert table.lead == "Of 3 claims: 2 supported, 1 refuted (E2)."
    assert [row.glyph for row in table.rows] == ["✓", "✓", "✕"]
    assert [row.figure for row in table.rows] == ["regimes", "", ""]
    assert "2.86818×10⁻⁵ at 0.8" in table.rows[1].measured
    lacking = check("B1", SUPPORTED["B1"]) | {"id": "B7", "measured": f"{UNMEASURED}: no cell"}
    rest = claims([*found, lacking], {})
    assert rest is not None
    assert rest.lead == table.lead
    assert rest.rest.startswith("B7 is not judged here: this study lacks some of the cells")
    assert claims([], {}) is None
    assert prose("3.6e-04 and 1e+06, but e-mail 2e") == "3.6×10⁻⁴ and 1×10⁶, but e-mail 2e"
