"""The nested order of layers."""

from __future__ import annotations

import pytest

from synthem import SynthemError
from synthem.tiles.importers.order import Layer, locate, nested


def slices(*zs: int, volume: str = "v", split: str = "train") -> list[Layer]:
    return [Layer(f"{volume}{z}", split, volume, z) for z in zs]


def test_what_is_declared_comes_first_and_the_farthest_next():
    order = nested(slices(0, 1, 2, 3, 4, 5, 6, 7, 8), ["v4"])
    assert order == ["v4", "v0", "v8", "v2", "v6", "v1", "v3", "v5", "v7"]


def test_nothing_declared_begins_with_the_lowest():
    assert nested(slices(3, 9, 1), []) == ["v1", "v9", "v3"]


def test_another_volume_is_farther_than_any_slice():
    layers = slices(0, 50, 100) + slices(0, 1, volume="w")
    assert nested(layers, ["v0"]) == ["v0", "w0", "v100", "v50", "w1"]


def test_layers_of_test_stay_out():
    assert nested(slices(0, 5) + slices(1, split="test"), []) == ["v0", "v5"]
    with pytest.raises(SynthemError, match="order: no layer 'v1' outside test"):
        nested(slices(0, 5) + slices(1, split="test"), ["v1"])


def test_layers_without_z_follow_in_a_seeded_order():
    layers = [Layer(name, "train", "", None) for name in "abcdefgh"]
    order = nested(layers, ["c"])
    assert order[0] == "c"
    assert sorted(order) == list("abcdefgh")
    assert order == nested(layers, ["c"])
    assert order[1:] != sorted(order[1:])


def test_names_are_taken_apart():
    assert locate("training0055x", "train", r"(\d+)x?$") == Layer("training0055x", "train", "training", 55)
    with pytest.raises(SynthemError, match="finds no number in layer 'abc'"):
        locate("abc", "train", r"(b)")
