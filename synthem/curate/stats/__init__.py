"""What a dataset or a mix holds: organelles, areas, grey levels, as a table, as JSON and as a page with pictures."""

from synthem.curate.stats.gather import ClassStats, Stats, grey_distance, stats
from synthem.curate.stats.page import page, write
from synthem.curate.stats.table import lines

__all__ = ["ClassStats", "Stats", "grey_distance", "lines", "page", "stats", "write"]
