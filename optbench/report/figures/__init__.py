"""Drawing.

From tables to SVG. `sections/` says which figures a section has, `marks/` draws data on axes, `backend/`
makes files of axes.
"""
