"""Built-in data sets.

`entries` names them, `sources` reads publishers' files, `prepare` splits, `load` is what training reads.
"""
