"""The oracle: closed forms beside what a study's tables hold (docs/reference/oracle.md).

`forms` are the formulas, `runs` what is read off the tables; a `fact` pairs one of each; `dynamics` and
`steps` list them, `table` gives the verdicts.
"""
