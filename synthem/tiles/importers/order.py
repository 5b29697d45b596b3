"""Where layers lie in their volume, and the order in which sets of them are nested."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from synthem.errors import SynthemError
from synthem.seeds import stream


@dataclass(frozen=True)
class Layer:
    """One layer, as `synthem.json` lists it under `layers`."""

    name: str
    split: str
    volume: str
    """Layers of one volume are compared by z; those of two are never neighbours."""
    z: int | None
    """Index of the slice in its volume; None where layers aren't slices of one."""


def locate(name: str, split: str, pattern: str) -> Layer:
    """The layer of that name, its z found by a regular expression with one group.

    Raises:
        SynthemError: the pattern isn't found in the name, or what it finds is no number.
    """
    found = re.search(pattern, name)
    if not found or not found[1].isdigit():
        raise SynthemError(f"z: {pattern!r} finds no number in layer {name!r}; mend the expression")
    return Layer(name, split, name[: found.start(1)], int(found[1]))


def nested(layers: Sequence[Layer], declared: Sequence[str]) -> list[str]:
    """All layers outside `test`: first those declared, then by rule those that the declaration leaves out.

    Where every layer has a z, the next is always the one farthest in z from all before it in its volume (the lowest
    z and then the first name where several are); elsewhere they follow in a seeded order.

    Raises:
        SynthemError: a declared layer that doesn't exist, belongs to `test`, or stands twice.
    """
    free = {layer.name: layer for layer in layers if layer.split != "test"}
    order: list[Layer] = []
    for name in declared:
        if name not in free:
            raise SynthemError(f"order: no layer {name!r} outside test (or it stands twice); correct the list")
        order.append(free.pop(name))
    rest = list(free.values())
    if any(layer.z is None for layer in rest):
        shuffled = stream(0, "order").permutation(len(rest))
        return [layer.name for layer in order] + [rest[i].name for i in shuffled]
    apart = [min((_apart(layer, chosen) for chosen in order), default=float("inf")) for layer in rest]
    while rest:
        best = min(range(len(rest)), key=lambda i: (-apart[i], rest[i].z or 0, rest[i].name))
        chosen = rest.pop(best)
        apart.pop(best)
        order.append(chosen)
        apart = [min(before, _apart(layer, chosen)) for before, layer in zip(apart, rest, strict=True)]
    return [layer.name for layer in order]


def _apart(one: Layer, other: Layer) -> float:
    if one.volume != other.volume or one.z is None or other.z is None:
        return float("inf")
    return abs(one.z - other.z)
