"""Recipes and tiles for tests of the generator, and what must hold for each of them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import scipy.ndimage
from hypothesis import strategies as st

from synthem.classes import SIX
from synthem.geometry import fill, quantise
from synthem.organelles.axon import Axon
from synthem.raster.render import Tile, render
from synthem.recipe import Recipe
from synthem.scene.scene import Scene, compose, recompose
from synthem.tiles.measure import measure

EIGHT = np.ones((3, 3), int)
"""8-connectivity."""

CROWDED = Recipe.build(
    {
        "name": "crowded",
        "size": 160,
        "organelles": [
            {"kind": "axon", "count": 1, "radius_nm": "150..220", "inside": "ring"},
            {"kind": "mitochondrion", "count": 2, "area_nm2": "15000..40000"},
            {"kind": "psd", "count": 2},
            {"kind": "vesicles", "count": 3},
            {"kind": "vesicles", "name": "lone", "count": 1, "scattered": True, "facing": 0, "number": 4},
            {"kind": "debris", "count": 3},
            {"kind": "process", "count": 1, "radius_nm": "100..160", "holds": {"choice": ["nothing", "others"]}},
        ],
        "artefacts": {"drift_nm": 4, "curtain": 2, "streaks": 2},
    }
)
"""A little of everything in a small tile, artefacts on."""

counts = st.integers(0, 3)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Recipes of any size and scale whose parameters go to the ends of what makes sense, and a bit beyond."""
    nm_per_px = draw(st.sampled_from([2.5, 4.0, 5.0, 7.3, 10.0, 14.0, 20.0]))
    size = (draw(st.integers(64, 200)), draw(st.integers(64, 200)))

    def organelle(kind: str, **ranges: Any) -> dict[str, Any]:
        return {"kind": kind, "count": draw(counts), **ranges}

    organelles = [
        organelle(
            "axon", radius_nm=draw(st.sampled_from([120, "150..400", 700])), wobble=draw(st.sampled_from([0, 0.3]))
        ),
        organelle("mitochondrion", gap_nm=draw(st.sampled_from([0, 12])), edge_nm=draw(st.sampled_from([-200, 0]))),
        organelle("psd", length_nm=draw(st.sampled_from([60, "80..500"])), cloud_nm=draw(st.sampled_from([0, 60]))),
        organelle(
            "vesicles",
            gap_nm=draw(st.sampled_from([0, 3])),
            wall_nm=draw(st.sampled_from([0, 12])),
            radius_nm=draw(st.sampled_from([8, "20..27", 60])),
            scattered=draw(st.booleans()),
        ),
        organelle("debris"),
        organelle(
            "process",
            radius_nm=draw(st.sampled_from([60, "150..400"])),
            membrane_nm=draw(st.sampled_from([0, 25])),
            holds=draw(st.sampled_from(["nothing", "others"])),
        ),
    ]
    membranes: dict[str, Any] | None = {
        "spacing_nm": draw(st.sampled_from([120, 260, 2000])),
        "thickness_nm": draw(st.sampled_from([0, 10, 38, 120])),
        "tear_share": draw(st.sampled_from([0, 0.3])),
        "rays": draw(st.sampled_from([0, 4])),
    }
    content = {
        "size": f"{size[0]}x{size[1]}",
        "nm_per_px": nm_per_px,
        "organelles": draw(st.permutations(organelles)),
        "membranes": draw(st.sampled_from([membranes, None])),
        "artefacts": {"drift_nm": draw(st.sampled_from([0, 8]))},
    }
    return Recipe.build(content)


def make(recipe: Recipe, seed: int = 0, index: int = 0) -> tuple[Scene, Tile]:
    scene = compose(recipe, seed, index)
    return scene, render(scene)


def same(one: Tile, other: Tile) -> None:
    """Every pixel of image, masks and instances agrees."""
    np.testing.assert_array_equal(one.stored, other.stored)
    np.testing.assert_array_equal(one.instances, other.instances)
    np.testing.assert_array_equal(one.image, other.image)


def assert_exact(scene: Scene, tile: Tile) -> None:
    """What every tile must keep, whatever the recipe."""
    assert_masks_are_disjoint(tile)
    assert_instances_agree_with_masks(tile)
    assert_count_and_area_are_right(tile)
    assert_axons_hold_nothing_else(scene, tile)
    assert_the_scene_is_whole(scene, tile)


def assert_masks_are_disjoint(tile: Tile) -> None:
    names = tile.classes.names
    masks = dict(zip(names, tile.masks, strict=True))
    assert tile.image.shape == tile.stored.shape == tile.instances.shape
    assert tile.stored.max(initial=0) < 1 << len(names), "a bit that belongs to no class"
    assert not (masks["mitochondrial_boundary"] & ~masks["mitochondrion"]).any()
    held = sum(masks[name].astype(int) for name in names if name != "mitochondrial_boundary")
    assert held.max() <= 1


def assert_instances_agree_with_masks(tile: Tile) -> None:
    ids, stored = tile.instances, tile.stored
    membrane = 1 << tile.classes.index("membrane")
    assert not ids[(stored == 0) | (stored == membrane)].any(), "no id on membranes, cytoplasm and what is of no class"
    assert ids[(stored != 0) & (stored != membrane)].all(), "an id on every other pixel of a class"
    boundary = 1 << SIX.index("mitochondrial_boundary")
    for number in np.unique(ids[ids > 0]):
        classes = np.unique(stored[ids == number] & ~np.array(boundary, stored.dtype))
        assert len(classes) == 1, f"instance {number} is of several classes"


def assert_count_and_area_are_right(tile: Tile) -> None:
    count, area = measure(tile.stored, tile.classes)
    for name, plane in zip(tile.classes.names, tile.masks, strict=True):
        assert area[name] == int(plane.sum())
        assert count[name] == scipy.ndimage.label(plane, EIGHT)[1]


def assert_axons_hold_nothing_else(scene: Scene, tile: Tile) -> None:
    """Inside an axon's outline lie axon and lumen, and membrane in its opening; drifted lines are left out."""
    if scene.recipe.artefacts.drift_nm:
        return
    axon, membrane = (1 << tile.classes.index(name) for name in ("axon", "membrane"))
    for body in scene.bodies:
        if isinstance(body.organelle, Axon):
            inside = np.zeros(tile.stored.shape, np.int32)
            fill(inside, quantise(body.outline, tile.nm_per_px), 1, -1)
            inner = scipy.ndimage.binary_erosion(inside == 1, border_value=1)
            open_sheath = body.organelle.opening and body.organelle.inside == "sheath"
            assert np.isin(tile.stored[inner], (0, axon, membrane) if open_sheath else (0, axon)).all()


def assert_the_scene_is_whole(scene: Scene, tile: Tile) -> None:
    placed = dict.fromkeys(scene.placed, 0)
    for body in scene.bodies:
        placed[body.organelle.label] += 1
    assert placed == scene.placed
    assert all(n <= scene.requested[label] for label, n in scene.placed.items())
    single = sum("discs" not in body.detail and bool(body.organelle.classes) for body in scene.bodies)
    vesicles = sum(len(body.detail["discs"]) for body in scene.bodies if "discs" in body.detail)
    assert tile.instances.max(initial=0) <= single + vesicles


def replayed(scene: Scene) -> Scene:
    """The scene that its record gives."""
    text = scene.to_json()
    json.loads(text)
    return recompose(text, scene.recipe, scene.seed, scene.index)
