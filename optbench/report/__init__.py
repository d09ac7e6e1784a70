"""The page (layer 3): one self-contained HTML file from tables and figures, and nothing else."""

from __future__ import annotations

from optbench.report.build import render

__all__ = ["render"]
