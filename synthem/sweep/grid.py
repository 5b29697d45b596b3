"""The grid of a study: axes, and their product point by point."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthem.errors import SynthemError

Label = int | float | str | bool | None
"""What stands for a value in tables and plots: the value itself, or its text where it is a list or a mapping."""

# fmt: off
TAKEN = frozenset({
    "study", "run", "cell", "class", "pooling", "at", "on", "r1", "r2", "dice", "iou", "precision", "recall",
    "f1", "accuracy", "threshold", "tp", "fp", "fn", "windows", "windows_real", "windows_synthetic",
    "layers_real", "tiles_synthetic", "count", "count_real", "count_synthetic", "steps", "epochs", "parameters",
    "seconds", "machine", "stand_in",
})
# fmt: on
"""Columns of the table of results that no axis may be called; see `synthem.sweep.table`."""


@dataclass(frozen=True)
class Axis:
    """One axis: its labels, and what each of them sets."""

    name: str
    labels: tuple[Label, ...]
    changes: tuple[Mapping[str, Any], ...]
    """For each label values by dotted path."""


@dataclass(frozen=True)
class Point:
    """One point of a grid."""

    at: Mapping[str, Label]
    """Label by axis."""
    changes: Mapping[str, Any]
    """Values by dotted path, in the order in which they are set."""

    def __str__(self) -> str:
        return " ".join(f"{name}={'none' if label is None else label}" for name, label in self.at.items())


Values = Sequence[Any] | Mapping[str, Mapping[str, Any] | None] | None


def axes_of(grid: Mapping[str, Values], place: str) -> tuple[Axis, ...]:
    """The axes that a study's grid declares, without those and the labels that are null.

    Raises:
        SynthemError: an axis without values, or with one twice: its runs would count twice; or one of a name that is
            taken.
    """
    found = []
    for name, values in grid.items():
        if values is None:
            continue
        if name in TAKEN or name.startswith("on_"):
            raise SynthemError(f"{place}: grid: {name}: is a column of the table of results; call the axis otherwise")
        if isinstance(values, Mapping):
            held = {text: changes for text, changes in values.items() if changes is not None}
            axis = Axis(name, tuple(held), tuple(held.values()))
        else:
            axis = Axis(name, tuple(label(value) for value in values), tuple({name: value} for value in values))
        if not axis.labels:
            raise SynthemError(f"{place}: grid: {name}: has no values; name one at least, or null to leave it out")
        twice = [str(a) for i, a in enumerate(axis.labels) if a in axis.labels[:i]]
        if twice:
            raise SynthemError(f"{place}: grid: {name}: names {twice[0]} twice; name every value once")
        found.append(axis)
    return tuple(found)


def points(axes: Sequence[Axis]) -> Iterator[Point]:
    """Every point, the first axis slowest; one point without changes where there are no axes."""
    for chosen in itertools.product(*(zip(axis.labels, axis.changes, strict=True) for axis in axes)):
        at = {axis.name: text for axis, (text, _) in zip(axes, chosen, strict=True)}
        yield Point(at, {path: value for _, changes in chosen for path, value in changes.items()})


def label(value: Any) -> Label:
    """See `Label`."""
    if value is None or isinstance(value, int | float | str):
        return value
    return json.dumps(value, ensure_ascii=False)
