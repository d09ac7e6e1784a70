"""The figures of each section of the page, a module a section."""
