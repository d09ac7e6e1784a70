"""The built-in names as data (layer 1: no torch): what a study gets when it names an entry."""
