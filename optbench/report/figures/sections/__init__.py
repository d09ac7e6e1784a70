"""The figures of each section of the page: a module a section, and modules of figures that they share."""
