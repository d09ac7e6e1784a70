"""What everything stands on.

The package's words as frozen values, errors, files, processes, provenance, and words for numbers.
"""
