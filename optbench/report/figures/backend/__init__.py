"""From axes to files: panels, processes, style, SVG and PDF."""
