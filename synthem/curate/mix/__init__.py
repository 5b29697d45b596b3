"""Exact, nested mixes of real layers and synthetic tiles: an index of windows, and its reader.

`mix(...)` writes a folder: `mix.json` (sources by relative path with their fingerprints, rules, seed, summary) and the
index as a Hugging Face dataset of (source, row, y, x, size). `Mix.open(folder)` reads it; pixels stay where they are.
"""

from synthem.curate.mix.build import Mode, mix
from synthem.curate.mix.reader import Item, Mix

__all__ = ["Item", "Mix", "Mode", "mix"]
