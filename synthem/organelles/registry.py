"""Organelles by name: the built-in ones, and those that other packages declare.

A package adds an organelle with an entry point in the group `synthem.organelles`, whose name is the organelle's kind
and whose value is its class.
"""

from __future__ import annotations

import difflib
import importlib
from functools import cache
from importlib.metadata import entry_points

from synthem.errors import SynthemError
from synthem.organelles.base import Organelle

BUILT_IN = {
    "axon": "synthem.organelles.axon:Axon",
    "mitochondrion": "synthem.organelles.mitochondrion:Mitochondrion",
    "psd": "synthem.organelles.psd:PSD",
    "vesicles": "synthem.organelles.vesicles:Vesicles",
    "debris": "synthem.organelles.debris:Debris",
    "process": "synthem.organelles.process:Process",
}
GROUP = "synthem.organelles"


@cache
def kinds() -> dict[str, type[Organelle]]:
    """All organelles by kind, the built-in ones first, the others by name.

    Raises:
        SynthemError: a package's organelle can't be loaded, or takes a name that is taken.
    """
    found: dict[str, type[Organelle]] = {}
    for kind, place in BUILT_IN.items():
        module, _, name = place.partition(":")
        found[kind] = getattr(importlib.import_module(module), name)
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        if point.name in found:
            raise SynthemError(f"organelle {point.name!r} of {point.value}: the name is taken; rename its entry point")
        try:
            loaded = point.load()
        except Exception as error:
            raise SynthemError(f"organelle {point.name!r}: {point.value} can't be loaded ({error}); mend it") from error
        if not (isinstance(loaded, type) and issubclass(loaded, Organelle)):
            raise SynthemError(f"organelle {point.name!r}: {point.value} is no subclass of Organelle; make it one")
        kind = loaded.model_fields["kind"].default
        if kind != point.name:
            raise SynthemError(f"organelle {point.name!r}: {point.value} is of kind {kind!r}; give both the same name")
        found[point.name] = loaded
    return found


def organelle(kind: str) -> type[Organelle]:
    """The class of an organelle.

    Raises:
        SynthemError: there is none of that name.
    """
    known = kinds()
    if kind not in known:
        near = difflib.get_close_matches(kind, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        raise SynthemError(f"no organelle {kind!r}; {hint}")
    return known[kind]
