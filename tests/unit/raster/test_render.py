"""From a scene to grey levels: appearance, scale, optics and artefacts, each by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage
from worlds import CROWDED, assert_exact, make, same

from synthem.raster.render import render
from synthem.recipe import Recipe
from synthem.scene.scene import compose

FLAT = Recipe.build(
    {
        "size": 256,
        "membranes": None,
        "cytoplasm": dict.fromkeys(("cell_spread", "grain", "clump", "cloud", "strokes", "dots"), 0) | {"grey": 120},
        "optics": {"psf_nm": 0, "gain_noise": 0, "floor_noise": 0, "correlated": 0},
        "artefacts": {"background": 0, "brightness": 0},
    }
)
"""Nothing but one grey level: what is added shows by itself."""


def image(recipe: Recipe = FLAT, index: int = 0, **values: Any) -> np.ndarray:
    changes = {key.replace("__", "."): value for key, value in values.items()}
    return make(recipe.with_values(changes), 0, index)[1].image.astype(float)


def test_nothing_added_is_one_grey_level():
    assert (image() == 120).all()


def test_another_appearance_changes_no_mask():
    looks = Recipe.load("ac4").with_values({"organelles.axon.count": 0, "artefacts.drift_nm": 20})
    for index in range(3):
        scene, tile = make(CROWDED, 0, index)
        for appearance in (looks, Recipe.build({"membranes": None}), Recipe()):
            other = render(scene, appearance)
            np.testing.assert_array_equal(other.stored, tile.stored)
            np.testing.assert_array_equal(other.instances, tile.instances)
            assert (other.image != tile.image).mean() > 0.5


def test_a_recipes_own_appearance_changes_nothing():
    scene, tile = make(CROWDED)
    same(render(scene, CROWDED), tile)


@pytest.mark.parametrize("nm_per_px", [2.5, 10.0, 15.0])
def test_another_scale_shows_the_same_masks(nm_per_px: float):
    still = CROWDED.with_values({"artefacts.drift_nm": 0, "size": 240})
    for index in range(3):
        scene, tile = make(still, 0, index)
        other = render(scene, nm_per_px=nm_per_px)
        assert_exact(scene, other)
        rows, columns = (((np.arange(240) + 0.5) * 5 / nm_per_px).astype(int) for _ in range(2))
        again = other.masks[:, rows[:, None], columns]
        inner = scipy.ndimage.minimum_filter(tile.masks == again, (1, 3, 3))
        assert inner.mean() > 0.7
        for name, one, two in zip(tile.classes.names, tile.masks, again, strict=True):
            if one.sum() > 400:
                assert (one & two).sum() / (one | two).sum() > (0.85 if nm_per_px < 5 else 0.6), name


def test_the_contract_of_depth_is_one_raster():
    """Where a mask holds a class, the image has that class's grey level, to the pixel."""
    plain = {
        **FLAT.to_json(),
        "organelles": [{"kind": "psd", "count": 3, "style": "solid", "look": {
            "dark_grey": 10, "cloud_grey": 10, "fringe_nm": 0, "zone_nm": 0, "blur_nm": 0, "border_blur_nm": 0,
            "faint_blur_nm": 0, "around_blur_nm": 0}}],
    }  # fmt: skip
    recipe = Recipe.build(plain).with_values({"cytoplasm.grey": 200})
    _, tile = make(recipe)
    np.testing.assert_array_equal(tile.image == 10, tile.masks[tile.classes.index("psd")])
    assert (tile.image == 10).any()


@pytest.mark.parametrize(("gain", "floor"), [(0, 8), (0.25, 0), (0.5, 5)])
def test_noise_has_the_variance_that_is_asked_for(gain, floor):
    """Shot noise is in proportion to the signal, floor noise is not."""
    for correlated in (0, 0.6):
        values = {"optics__gain_noise": gain, "optics__floor_noise": floor, "optics__correlated": correlated}
        noisy = np.stack([image(index=i, **values) for i in range(3)])
        assert noisy.mean() == pytest.approx(120, abs=0.5)
        assert noisy.var() == pytest.approx(gain * 120 + floor**2, rel=0.06)


def test_correlated_noise_is_correlated():
    def neighbours(correlated: float) -> float:
        noisy = image(optics__floor_noise=10, optics__correlated=correlated) - 120
        return float((noisy[:, 1:] * noisy[:, :-1]).mean() / noisy.var())

    assert abs(neighbours(0)) < 0.02
    assert neighbours(0.5) > 0.2
    assert neighbours(1) > 0.7


def test_the_point_spread_blurs_by_its_width():
    values = {"optics__floor_noise": 0, "cytoplasm__dots": 400, "cytoplasm__dot_depth": 60}
    sharp, soft = image(**values), image(optics__psf_nm=10, **values)
    expected = scipy.ndimage.gaussian_filter(sharp, 2, mode="mirror")
    assert np.abs(soft - expected).max() < 2


def test_contrast_turns_about_the_cytoplasm_and_brightness_adds():
    textured = {"cytoplasm__grain": 10, "cytoplasm__clump": 10}
    before = image(**textured)
    after = image(**textured, artefacts__contrast=1.5, artefacts__brightness=20)
    np.testing.assert_allclose(after, 120 + 1.5 * (before - 120) + 20, atol=1.3)


def test_grey_levels_are_clipped_not_wrapped():
    assert (image(artefacts__brightness=60, cytoplasm__grey=250) == 255).all()
    assert (image(artefacts__brightness=-60, cytoplasm__grey=20) == 0).all()


def test_a_curtain_runs_along_y():
    striped = image(artefacts__curtain=10)
    assert np.ptp(striped, axis=0).max() <= 1
    assert striped[0].std() == pytest.approx(10, rel=0.25)


def test_an_uneven_background_changes_slowly():
    uneven = np.stack([image(index=i, artefacts__background=10, artefacts__background_nm=200) for i in range(4)])
    assert uneven.std() == pytest.approx(7, abs=4)
    assert np.abs(np.diff(uneven, axis=2)).max() <= 3


def test_streaks_brighten_parts_of_lines():
    streaked = image(artefacts__streaks=5, artefacts__streak_lift=20) - 120
    lit = (streaked > 0).any(axis=1)
    assert 1 <= lit.sum() <= 15
    assert streaked.min() == 0
    assert 15 <= streaked.max() <= 25


def test_drift_moves_image_and_masks_alike():
    still = CROWDED.with_values({"artefacts": {"background": 0, "brightness": 0}, "optics.floor_noise": 0,
                                 "optics.gain_noise": 0, "optics.psf_nm": 0})  # fmt: skip
    _, before = make(still)
    _, after = make(still.with_values({"artefacts.drift_nm": 15}))
    moved = 0
    for y in range(160):
        shifts = [s for s in range(-20, 21) if (np.roll(before.stored[y], -s)[20:-20] == after.stored[y][20:-20]).all()]
        assert shifts, "each line is moved as a whole"
        moved += 0 not in shifts
        fits = [np.abs(np.roll(before.image[y].astype(int), -s) - after.image[y])[20:-20].mean() for s in shifts]
        assert min(fits) < 25
    assert moved > 40


def test_texture_is_as_strong_as_asked_for():
    for name in ("grain", "clump", "cloud"):
        values = {f"cytoplasm__{name}": 12, "cytoplasm__cloud_nm": 40}
        assert np.stack([image(index=i, **values) for i in range(4)]).std() == pytest.approx(12, rel=0.2), name


def test_cells_differ_in_brightness():
    recipe = FLAT.with_values({"membranes": {"thickness_nm": 0, "blotch_share": 0}, "cytoplasm.cell_spread": 8})
    scene, tile = make(recipe)
    levels = {grey for grey, n in zip(*np.unique(tile.image, return_counts=True), strict=True) if n > 50}
    assert len(levels) > 5
    assert 3 < tile.image.std() < 14
    assert compose(recipe, 0, 0).to_json() == scene.to_json()
