"""Measurements inside training, in weight space."""
