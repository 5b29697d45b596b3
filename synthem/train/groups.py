"""Learning other classes than the samples have: some of them, in another order, or several as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from synthem.classes import Classes
from synthem.errors import SynthemError, unknown_name
from synthem.tiles.samples import Samples

Groups = tuple[tuple[str, tuple[str, ...]], ...]
"""Name of each class to learn, with the classes of the samples whose union it is."""


def parse_groups(given: Any) -> Groups:
    """Groups from a mapping of names to members, a list of names or of (name, members), or text.

    `{"organelle": ["mitochondrion", "psd"]}`, `["psd", "axon"]`, `"axon,organelle=mitochondrion+psd"`. A name alone
    stands for itself; none at all means the samples' own classes.

    Raises:
        SynthemError: something else, a name that stands twice, or a class without members.
    """
    if isinstance(given, str):
        parts = [part.partition("=") for part in given.split(",") if part.strip()]
        pairs: list[Any] = [(name.strip(), members.split("+") if eq else [name]) for name, eq, members in parts]
    elif isinstance(given, Mapping):
        pairs = list(given.items())
    elif isinstance(given, Sequence):
        pairs = [(item, [item]) if isinstance(item, str) else item for item in given]
    else:
        raise SynthemError(f"training: classes={given}: give names, or names with the classes that each is made of")
    groups = []
    for pair in pairs:
        try:
            name, members = pair
            listed = [members] if isinstance(members, str) else [str(member).strip() for member in members]
        except (TypeError, ValueError):
            raise SynthemError(f"training: classes: {pair!r}: give a name and the classes that it is made of") from None
        if not name or not all(listed) or not listed:
            raise SynthemError(f"training: classes: {name or pair} is made of nothing; name at least one class")
        groups.append((str(name), tuple(listed)))
    names = [name for name, _ in groups]
    if len(set(names)) < len(names):
        raise SynthemError(f"training: classes: a name stands twice in {', '.join(names)}; make the names differ")
    return tuple(groups)


def regroup(samples: Samples, groups: Groups, *, lacking: bool = False) -> Samples:
    """The samples with the classes of some groups; without groups, as they are.

    A class is known in a sample where all its members are. Samples that hold a group's name and none of its members are
    taken to hold it already.

    Args:
        samples: with any classes.
        groups: see `Groups`.
        lacking: whether a class that can't be made is unknown everywhere; otherwise it is an error.

    Raises:
        SynthemError: a member that the samples lack.
    """
    theirs = samples.classes
    if not groups or groups == parse_groups(theirs.names):
        return samples
    members = []
    for name, wanted in groups:
        found = [theirs.index(member) for member in wanted if member in theirs.names]
        if not found and name in theirs.names:
            found = [theirs.index(name)]
        elif len(found) < len(wanted):
            if not lacking:
                missing = next(member for member in wanted if member not in theirs.names)
                raise unknown_name("training: classes: class", missing, theirs.names)
            found = []
        members.append(found)
    colours = tuple(theirs.colours[found[0]] if found else (128, 128, 128) for found in members)
    ours = Classes(tuple(name for name, _ in groups), colours, "bits" if len(groups) <= 16 else "index")
    values = np.arange(int(samples.stored.max(initial=0)) + 1)
    held = theirs.unpack(values)
    table = ours.pack(np.stack([held[found].any(axis=0) for found in members])[:, None])[0]
    known = np.stack([samples.known[:, found].all(axis=1) & bool(found) for found in members], axis=1)
    return replace(samples, stored=table[samples.stored], classes=ours, known=known)
