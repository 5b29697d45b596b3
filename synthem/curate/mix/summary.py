"""What a mix holds, in numbers, and the weights of classes that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np

from synthem.classes import Classes
from synthem.curate.mix.cuts import Cuts
from synthem.curate.mix.index import Index
from synthem.curate.mix.sources import Sources
from synthem.errors import SynthemError

Balance = Literal["equal", "area", "sqrt-area"]
"""Weights of classes: all the same, inverse to their share of the area, or to its square root."""

Summary = dict[str, Any]


def summarise(sources: Sources, cuts: Cuts) -> Summary:
    """Rows, windows, organelles (components within each window) and area of each class: real, synthetic, total.

    A class that none of the sources labelled counts as None.
    """
    real = np.isin(cuts.index.source, [s for s, source in enumerate(sources) if source.kind == "real"])
    return {
        "real": _part(sources, cuts.take(real), "layers"),
        "synthetic": _part(sources, cuts.take(~real), "tiles"),
        "total": _part(sources, cuts, "rows"),
    }


def _part(sources: Sources, cuts: Cuts, rows: str) -> Summary:
    names, index = sources.classes.names, cuts.index
    used = np.unique(index.source)
    unknown = [bool(len(used)) and not sources.known[used, c].any() for c in range(len(names))]

    def table(values: Any) -> dict[str, int | None]:
        return {name: None if u else int(v) for name, v, u in zip(names, values, unknown, strict=True)}

    return {
        rows: _rows(index),
        "windows": len(index),
        "count": table(cuts.count.sum(axis=0)),
        "area_px": table(cuts.area_px.sum(axis=0)),
    }


def _rows(index: Index) -> int:
    return len(np.unique(np.stack([index.source, index.row]), axis=1).T)


def class_weights(
    balance: str | Mapping[str, float], classes: Classes, area_px: Mapping[str, int | None]
) -> dict[str, float]:
    """One weight for each class, adding up to 1: the α of a Dice loss.

    By area, a class with no pixel weighs as much as the rarest that has some.

    Raises:
        SynthemError: an unknown rule or class, or a weight below 0.
    """
    if isinstance(balance, str) and balance in get_args(Balance):
        area = np.array([float(area_px[name] or 0) for name in classes.names])
        area[area == 0] = area[area > 0].min(initial=np.inf) if area.any() else 1.0
        weights = area ** {"equal": 0.0, "area": -1.0, "sqrt-area": -0.5}[balance]
    else:
        given = parse_weights(balance) if isinstance(balance, str) else dict(balance)
        for name, weight in given.items():
            classes.index(name)
            if not 0 <= weight < np.inf:
                raise SynthemError(f"--balance {name}={weight:g}: a weight is 0 or more")
        weights = np.array([given.get(name, 1.0) for name in classes.names])
        if not weights.any():
            raise SynthemError("--balance: all weights are 0; leave one above it")
    return {name: float(w) for name, w in zip(classes.names, weights / weights.sum(), strict=True)}


def parse_weights(text: str) -> dict[str, float]:
    """`axon=3,psd=2` as a table.

    Raises:
        SynthemError: neither that nor the name of a rule.
    """
    try:
        pairs = [part.split("=") for part in text.split(",")]
        return {name.strip(): float(value) for name, value in pairs}
    except ValueError:
        raise SynthemError(
            f"--balance {text!r}: neither a rule ({', '.join(get_args(Balance))}) nor weights such as axon=3,psd=2"
        ) from None
