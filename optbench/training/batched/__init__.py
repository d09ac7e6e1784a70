"""The seeds of a configuration trained as one model."""
