"""The only source of randomness: one independent stream for each path, the same on every machine.

A stream is numpy's Philox keyed by a BLAKE2 digest of the seed and the path. Philox is a counter-based generator
(Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): any key gives an independent stream, so no
state is shared between tiles, instances or workers, and making one takes about 10 µs.
"""

from __future__ import annotations

import hashlib

import numpy as np

_LOW = 2**64 - 1


def stream(seed: int, *path: str | int) -> np.random.Generator:
    """A generator that depends on nothing but the seed and the path, such as `stream(0, "tile", 12, "axon", 0)`.

    Numbers and texts differ: `stream(0, 1)` is not `stream(0, "1")`. Seed 0 is a seed like any other.
    """
    return np.random.Generator(np.random.Philox(key=_key(seed, path)))


class Streams:
    """The streams that begin with one path, one at a time: opening the next ends the one before.

    Gives the same numbers as `stream` in a quarter of its time, for work that needs many in turn.
    """

    def __init__(self, seed: int, *path: str | int) -> None:
        self._seed, self._path = seed, path
        self._bits = np.random.Philox(key=0)
        self._state = self._bits.state
        self._generator = np.random.Generator(self._bits)

    def open(self, *path: str | int) -> np.random.Generator:
        """`stream(seed, *prefix, *path)`, valid until the next call."""
        key = _key(self._seed, (*self._path, *path))
        self._state["state"]["key"] = np.array([key & _LOW, key >> 64], np.uint64)
        self._bits.state = self._state  # counter 0 and an empty buffer, as of a new generator
        return self._generator


def _key(seed: int, path: tuple[str | int, ...]) -> int:
    steps = (str(step) if isinstance(step, str) else int(step) for step in path)  # numpy's scalars as Python's
    text = repr((int(seed), *steps)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "little")
