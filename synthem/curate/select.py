"""Selection by rule: which windows are worth having."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from synthem.classes import Classes
from synthem.errors import SynthemError
from synthem.seeds import stream


@dataclass(frozen=True)
class Rules:
    """What a window must meet; the rules that aren't given don't count."""

    present: tuple[str, ...] = ()
    """It holds at least one of these classes."""
    min_area_px: Mapping[str, int] = field(default_factory=dict)
    """It holds at least so many pixels of each of these classes."""
    drop_empty: bool = False
    """It holds any class at all."""
    max_per_layer: int | None = None
    """Of those that meet the rest, at most so many of a layer, chosen by the seed; more contain fewer."""

    def to_json(self) -> dict[str, Any]:
        """As `mix.json` records it."""
        return asdict(self) | {"present": list(self.present), "min_area_px": dict(self.min_area_px)}


def select(
    area_px: npt.NDArray[np.int64], layers: Sequence[str], classes: Classes, rules: Rules, seed: int
) -> npt.NDArray[np.bool_]:
    """(n,): the windows that meet the rules.

    Args:
        area_px: (n, class), pixels of each class in each window.
        layers: the layer of each window.
        classes: names of the columns.
        rules: see there.
        seed: of the choice among the windows of a layer.

    Raises:
        SynthemError: an unknown class, or fewer than one window a layer.
    """
    if rules.max_per_layer is not None and rules.max_per_layer < 1:
        raise SynthemError(f"--max-per-layer {rules.max_per_layer}: 1 or more")
    chosen = np.ones(len(area_px), bool)
    if rules.present:
        chosen &= area_px[:, [classes.index(name) for name in rules.present]].any(axis=1)
    for name, least in rules.min_area_px.items():
        chosen &= area_px[:, classes.index(name)] >= least
    if rules.drop_empty:
        chosen &= area_px.any(axis=1)
    if rules.max_per_layer is not None:
        names = np.asarray(layers)
        for layer in dict.fromkeys(layers):
            there = np.flatnonzero(names == layer)
            order = there[stream(seed, "select", layer).permutation(len(there))]
            chosen[order[chosen[order]][rules.max_per_layer :]] = False
    return chosen
