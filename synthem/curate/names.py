"""Splits whose names mean something here; any other name is as good for a part of a dataset."""

TRAIN = "train"
"""The only split that enters a mix."""

UNUSED = "unused"
"""Left out of every part; it can neither leak nor be leaked to."""
