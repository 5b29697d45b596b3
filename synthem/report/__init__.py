"""Plots, and one self-contained page for each sweep."""
