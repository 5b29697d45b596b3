"""The table of counts on disk: one row for each layer and class, at the layers' own resolution and at others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from synthem.errors import SynthemError
from synthem.evaluate.counts import Counts
from synthem.evaluate.scores import SCORES
from synthem.models.files import write_through

Resolution = tuple[int, int]
"""(R1, R2), heights in px; see `synthem.evaluate.resolution.counts_at`."""


def write_table(path: Path, tables: Mapping[Resolution | None, Counts]) -> None:
    """Write counts and the scores of each layer; None stands for the layers' own resolution, its rows come first."""
    import pyarrow as pa
    from pyarrow import parquet

    parts = []
    for resolution, counts in sorted(tables.items(), key=lambda part: part[0] or (0, 0)):
        n, k = counts.tp.shape
        r1, r2 = resolution or (None, None)
        columns: dict[str, Any] = {
            "layer": np.repeat(np.array(counts.layers, object), k),
            "class": np.tile(np.array(counts.classes, object), n),
            "r1": pa.array([r1] * (n * k), pa.int32()),
            "r2": pa.array([r2] * (n * k), pa.int32()),
            "known": counts.known.ravel(),
        }
        columns |= {name: getattr(counts, name).ravel() for name in ("tp", "fp", "fn", "tn")}
        for name, score in SCORES.items():
            values = score(counts.tp, counts.fp, counts.fn, counts.tn).ravel()
            columns[name] = pa.array(values, mask=np.isnan(values))
        parts.append(pa.table(columns))
    write_through(path, lambda temporary: parquet.write_table(pa.concat_tables(parts), temporary))


def read_table(
    path: Path, layers: tuple[str, ...], classes: tuple[str, ...], resolution: Resolution | None = None
) -> Counts:
    """The counts of one resolution.

    Raises:
        SynthemError: the table is damaged or missing, or holds no such resolution.
    """
    from pyarrow import parquet

    try:
        rows = parquet.read_table(path).to_pylist()
    except (OSError, ValueError):
        raise SynthemError(f"{path}: is damaged or missing; delete the folder and evaluate again") from None
    rows = [row for row in rows if (row.get("r1"), row.get("r2")) == (resolution or (None, None))]
    shape = (len(layers), len(classes))
    if len(rows) != shape[0] * shape[1]:
        what = f"has no counts at {resolution}; name a resolution that was asked for" if resolution else "is damaged"
        raise SynthemError(f"{path}: {what}")
    tp, fp, fn, tn = (np.array([row[k] for row in rows], np.int64).reshape(shape) for k in ("tp", "fp", "fn", "tn"))
    return Counts(layers, classes, tp, fp, fn, tn, np.array([row["known"] for row in rows], bool).reshape(shape))
