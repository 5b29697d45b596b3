"""Versions that a dataset records."""

GENERATOR_VERSION = 1
"""Raised whenever the pixels or masks of a seed change."""
