"""The only source of randomness: one independent stream for each path, the same on every machine.

A stream is numpy's Philox keyed by a BLAKE2 digest of the seed and the path. Philox is a counter-based generator
(Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): any key gives an independent stream, so no
state is shared between tiles, instances or workers, and making one takes about 10 µs.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt


def stream(seed: int, *path: str | int) -> np.random.Generator:
    """A generator that depends on nothing but the seed and the path, such as `stream(0, "tile", 12, "axon", 0)`.

    Numbers and texts differ: `stream(0, 1)` is not `stream(0, "1")`. Seed 0 is a seed like any other.
    """
    return np.random.Generator(np.random.Philox(key=_key(_digest(seed), path)))


class Streams:
    """The streams that begin with one path, one at a time: opening the next ends the one before.

    Gives the same numbers as `stream` in a quarter of its time, for work that needs many in turn.
    """

    def __init__(self, seed: int, *path: str | int) -> None:
        self._prefix = _digest(seed)
        _extend(self._prefix, path)
        self._bits = np.random.Philox(key=0)
        self._state = self._bits.state
        self._generator = np.random.Generator(self._bits)

    def open(self, *path: str | int) -> np.random.Generator:
        """`stream(seed, *prefix, *path)`, valid until the next call."""
        self._state["state"]["key"] = _key(self._prefix.copy(), path)
        self._bits.state = self._state  # counter 0 and an empty buffer, as of a new generator
        return self._generator


def _digest(seed: int) -> Any:
    return hashlib.blake2b(b"i%de" % int(seed), digest_size=16)


def _extend(digest: Any, path: tuple[str | int, ...]) -> None:
    """Each step in bencode, texts as `3:abc` and numbers as `i12e`, so that no two paths look alike."""
    for step in path:
        if isinstance(step, str):
            raw = step.encode()
            digest.update(b"%d:%s" % (len(raw), raw))
        else:
            digest.update(b"i%de" % int(step))


def _key(digest: Any, path: tuple[str | int, ...]) -> npt.NDArray[np.uint64]:
    _extend(digest, path)
    return np.frombuffer(digest.digest(), "<u8")
