"""From a study file to a `Study`: keys and types, built-ins filled in, names and ranges checked. No torch."""
