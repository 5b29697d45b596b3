"""Grids of runs, identified by content, resumed."""
