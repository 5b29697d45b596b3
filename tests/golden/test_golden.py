"""Tiles that were drawn before are drawn again: masks exactly, grey levels within what processors differ by."""

from __future__ import annotations

import json

import numpy as np
import pytest
from make import GOLDEN, HERE, planes

from synthem.organelles.registry import BUILT_IN
from synthem.tiles import codec
from synthem.version import GENERATOR_VERSION


@pytest.mark.parametrize("name", GOLDEN)
def test_the_same_seed_gives_the_tile_of_before(name: str):
    before = {
        plane: codec.decode((HERE / f"{name}.{plane}.png").read_bytes()) for plane in ("image", "mask", "instances")
    }
    now = planes(name)
    for plane in ("mask", "instances"):
        wrong = int((now[plane] != before[plane]).sum())
        assert wrong == 0, f"{plane} of {name}: {wrong} pixels differ; if they are meant to, run tests/golden/make.py"
    apart = np.abs(now["image"].astype(int) - before["image"])
    assert (apart > 1).mean() <= 0.001, f"image of {name} differs; if it is meant to, run tests/golden/make.py"
    assert apart.max() <= 8
    assert len(np.unique(before["image"])) > 60


def test_every_organelle_has_a_golden_tile_that_shows_it():
    assert set(BUILT_IN) | {"membranes"} == set(GOLDEN)
    wanted = {"axon": 1, "mitochondrion": 2 | 4, "psd": 8, "vesicles": 16, "membranes": 32}
    for name, bits in wanted.items():
        stored = codec.decode((HERE / f"{name}.mask.png").read_bytes())
        assert int(np.bitwise_or.reduce(stored, axis=None)) & bits == bits


def test_the_golden_tiles_are_of_this_version_of_the_generator():
    assert json.loads((HERE / "made.json").read_text()) == {"generator_version": GENERATOR_VERSION}
