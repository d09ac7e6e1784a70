"""The textbook's claims A1 ... E4 as small declared checks, computed from a study's tables.

`evidence` finds cells by what they are, `measure` has the formulas, `verdict` what a claim and an outcome
are, the modules beside them the claims themselves, and `check` runs them all. docs/reference/textbook.md
tells what each one checks and what came out.
"""
