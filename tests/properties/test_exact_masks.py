"""Masks are exact for any recipe, seed, size and scale."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds import CROWDED, assert_exact, make, recipes, replayed, same

from synthem.raster.render import render
from synthem.recipe import Recipe

slowly = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@slowly
@given(recipe=recipes(), seed=st.integers(-3, 1000), index=st.integers(0, 5000))
def test_any_tile_is_exact_and_can_be_painted_again(recipe: Recipe, seed: int, index: int):
    scene, tile = make(recipe, seed, index)
    assert tile.image.shape == recipe.size
    assert_exact(scene, tile)
    same(render(replayed(scene)), tile)


@pytest.mark.parametrize("nm_per_px", [2.5, 5, 20])
@pytest.mark.parametrize(
    "name", ["epfl", "dense", "dense-axons", "axons", "axons-psds-vesicles", "mitochondria", "ac4"]
)
def test_tiles_of_shipped_recipes_are_exact(name: str, nm_per_px: float):
    recipe = Recipe.load(name).with_values({"nm_per_px": nm_per_px, "size": "300x200"})
    for index in range(3):
        assert_exact(*make(recipe, 7, index))


@pytest.mark.parametrize("size", ["64x64", "64x700", "333x97", "701x640"])
def test_any_size_will_do(size: str):
    recipe = Recipe.load("dense").with_values({"size": size, "organelles.axon.radius_nm": "100..150"})
    scene, tile = make(recipe)
    assert "x".join(map(str, tile.image.shape)) == size
    assert_exact(scene, tile)


def test_a_little_of_everything_comes_out():
    """The other tests would pass on empty tiles."""
    held = sum(make(CROWDED, 0, index)[1].masks.any(axis=(1, 2)).astype(int) for index in range(5))
    assert (held >= 2).all()
