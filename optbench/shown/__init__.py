"""What figures and page share (layer 3): a study's tables as they are shown, the palette, records of figures.

Nothing here draws, so that the page is rendered without matplotlib.
"""
