"""Which whole segments were taken for which class, where a study counts them (`evaluation.segments`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthem.report.tables import Table, table
from synthem.report.view import View, nice
from synthem.sweep.table import Cell

SEGMENTS = (
    "<p>A segment is a connected piece of what was found; its class is the one that most of its pixels have. Numbers "
    "of segments over the test layers and repeats: found as the row's class, labelled as the column's.</p>"
)


def segments_tables(view: View) -> str:
    """One table for each cell; empty where no segments were counted."""
    results = {outcome.entry.run: outcome.result for outcome in view.outcomes if outcome.result is not None}
    parts = []
    for cell in {str(cell.at): cell for cell in view.cells}.values():
        counted = [held for row in cell.rows if (held := results[row["run"]]["evaluation"].get("segments"))]
        if counted:
            parts.append(_table(view, cell, counted))
    return "".join(parts)


def _table(view: View, cell: Cell, counted: list[dict[str, Any]]) -> str:
    names = counted[0]["classes"]
    total = np.sum([held["confusion"] for held in counted], axis=0)
    right = int(np.trace(total[:-1, :-1]))
    rows = [[nice(name), *(str(n) for n in row)] for name, row in zip(names, total.tolist(), strict=True)]
    of = int(total[:-1].sum())
    share = f": {right} of {of} found as a class are of it" if of else ""
    caption = f"{view.title}: {view.describe(cell)}{share}"
    return table(Table(caption, ["found as", *map(nice, names)], rows))
