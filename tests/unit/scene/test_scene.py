"""Scenes: who is drawn how, who found a place, and what the record gives back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from shapely.geometry import Polygon
from worlds import CROWDED, make, replayed, same

from synthem import SynthemError
from synthem.organelles.base import Body, Room
from synthem.organelles.psd import PSD
from synthem.raster.render import render
from synthem.recipe import Recipe
from synthem.scene.scene import Scene, compose, recompose

LABELS = [item.label for item in CROWDED.organelles]


def without(recipe: Recipe, *labels: str) -> Recipe:
    kept = tuple(item for item in recipe.organelles if item.label not in labels)
    return recipe.model_copy(update={"organelles": kept})


def drawn(scene: Scene) -> dict[tuple[str, int], Any]:
    return {(body.organelle.label, body.index): body.organelle for body in scene.bodies}


def scenes(recipe: Recipe, n: int = 8) -> Iterator[Scene]:
    return (compose(recipe, 0, index) for index in range(n))


@pytest.mark.parametrize("gone", LABELS)
def test_another_organelles_presence_changes_nobodys_draws(gone: str):
    compared = 0
    for full, less in zip(scenes(CROWDED), scenes(without(CROWDED, gone)), strict=True):
        assert less.membranes == full.membranes
        assert less.requested == {label: n for label, n in full.requested.items() if label != gone}
        there = drawn(full)
        for key, organelle in drawn(less).items():
            if key in there:
                assert organelle == there[key]
                compared += 1
    assert compared >= 20


def test_the_order_in_a_recipe_changes_nobodys_draws():
    backwards = CROWDED.model_copy(update={"organelles": CROWDED.organelles[::-1]})
    for one, other in zip(scenes(CROWDED), scenes(backwards), strict=True):
        assert other.requested == one.requested
        there = drawn(one)
        assert all(organelle == there[key] for key, organelle in drawn(other).items() if key in there)


def test_fixing_one_parameter_changes_no_other_in_a_scene():
    fixed = CROWDED.with_values({"organelles.mitochondrion.elongation": 1.5, "membranes.stretch": 1.2})
    for one, other in zip(scenes(CROWDED), scenes(fixed), strict=True):
        assert one.membranes is not None
        assert other.membranes == one.membranes.model_copy(update={"stretch": 1.2})
        there = drawn(one)
        for key, organelle in drawn(other).items():
            wanted = {"elongation": 1.5} if key[0] == "mitochondrion" else {}
            assert key not in there or organelle == there[key].model_copy(update=wanted)


def test_tiles_and_seeds_differ_and_repeat():
    texts = {
        (seed, index): compose(CROWDED, seed, index).to_json() for seed in (-1, 0, 1) for index in (0, 1, 999, 1000)
    }
    assert len(set(texts.values())) == len(texts)
    assert compose(CROWDED, 0, 1).to_json() == texts[0, 1]


def test_a_count_for_an_area_grows_with_the_tile_and_one_for_a_tile_does_not():
    recipe = Recipe.build(
        {
            "size": 512,
            "organelles": [
                {"kind": "debris", "count": 2, "per": "area"},
                {"kind": "psd", "count": 2, "per": "tile"},
                {"kind": "vesicles", "count": {"poisson": 0.75}, "per": "area"},
            ],
        }
    )
    asked = [scene.requested for scene in scenes(recipe, 60)]
    assert {(counts["debris"], counts["psd"]) for counts in asked} == {(8, 2)}
    assert np.mean([counts["vesicles"] for counts in asked]) == pytest.approx(3, abs=4 * np.sqrt(3 / 60))


def test_three_means_one_to_three_and_each_as_often():
    recipe = Recipe.build({"size": 64, "organelles": [{"kind": "axon", "count": "1..3"}]})
    asked = [scene.requested["axon"] for scene in scenes(recipe, 150)]
    assert set(asked) == {1, 2, 3}
    assert all(30 <= asked.count(n) <= 70 for n in (1, 2, 3))


def test_what_found_no_place_is_recorded():
    recipe = Recipe.build({"size": 128, "organelles": [{"kind": "axon", "count": 20, "radius_nm": 150}]})
    scene = compose(recipe, 0, 0)
    assert scene.requested == {"axon": 20}
    assert 1 <= scene.placed["axon"] < 20
    record = json.loads(scene.to_json())
    assert (record["requested"], record["placed"]) == (scene.requested, scene.placed)


def test_organelles_do_not_overlap():
    """Outlines are kept apart on a grid of 10 nm: their common area is that of slivers, if any."""
    for scene in scenes(CROWDED):
        solid = [
            body
            for body in scene.bodies
            if "discs" not in body.detail and body.organelle.kind != "debris" and not body.organelle.open
        ]
        shapes = [Polygon(body.outline).buffer(0) for body in solid]
        for k, one in enumerate(shapes):
            for other in shapes[:k]:
                assert one.intersection(other).area < 0.02 * min(one.area, other.area)


@pytest.mark.parametrize(("holds", "stand_inside"), [("nothing", False), ("others", True)])
def test_others_stand_only_in_processes_that_have_room_for_them(holds: str, stand_inside: bool):
    recipe = Recipe.build(
        {
            "organelles": [
                {"kind": "process", "count": 1, "radius_nm": 500, "edge_nm": 400, "holds": holds},
                {"kind": "mitochondrion", "count": 6, "area_nm2": 60000},
            ]
        }
    )
    inside = 0
    for scene in scenes(recipe):
        process, *others = scene.bodies
        shape = Polygon(process.outline).buffer(0)
        inside += sum(shape.contains(Polygon(other.outline)) for other in others)
    assert inside > 0 if stand_inside else inside == 0


def test_vesicles_keep_their_distance():
    for scene in scenes(Recipe.load("dense"), 3):
        for body in scene.bodies:
            if body.organelle.label == "vesicles":
                y, x, radius = body.detail["discs"].T
                apart = np.hypot(y[:, None] - y, x[:, None] - x) - radius[:, None] - radius
                assert apart[np.triu_indices(len(y), 1)].min(initial=np.inf) > body.organelle.gap_nm - 0.01


def test_psds_lie_on_membranes():
    recipe = Recipe.build({"organelles": [{"kind": "psd", "count": 3, "length_nm": "150..250"}]})
    placed = 0
    for index in range(6):
        scene, tile = make(recipe, 0, index)
        bare = render(compose(without(recipe, "psd"), 0, index))
        under = bare.masks[bare.classes.index("membrane")][tile.masks[tile.classes.index("psd")]]
        placed += scene.placed["psd"]
        assert not len(under) or under.mean() > 0.15
    assert placed >= 10


@pytest.mark.parametrize("name", ["crowded", "dense", "epfl"])
def test_the_record_gives_the_same_scene(name: str):
    recipe = CROWDED if name == "crowded" else Recipe.load(name)
    for scene in scenes(recipe, 3):
        again = replayed(scene)
        assert again.to_json() == scene.to_json()
        assert [body.cell for body in again.bodies] == [body.cell for body in scene.bodies]
        same(render(again), render(scene))


def test_what_settles_by_chance_on_a_membrane_is_replayed(monkeypatch: pytest.MonkeyPatch):
    settle, draws = PSD.settle, []

    def by_chance(self: PSD, body: Body, room: Room, rng: np.random.Generator) -> bool:
        u = float(rng.random())
        draws.append(u)
        body.y_nm += 1e-6 * u
        return settle(self, body, room, rng) and body.x_nm > 400  # some places are refused

    monkeypatch.setattr(PSD, "settle", by_chance)
    for scene in scenes(CROWDED, 4):
        at = [body.y_nm for body in scene.bodies]
        assert [body.y_nm for body in replayed(scene).bodies] == at
    assert len(draws) > 2 * len(set(draws))  # several places were tried with one draw


def test_the_record_of_a_dense_tile_is_small_and_holds_no_outlines():
    for scene in scenes(Recipe.load("dense"), 10):
        text = scene.to_json()
        assert len(text.encode()) <= 24 * 1024
        record = json.loads(text)
        assert record["generator_version"] >= 1
        assert all(not isinstance(v, list) for body in record["instances"] for v in body["drawn"].values())


def test_a_record_that_does_not_fit_is_refused():
    text = compose(CROWDED, 0, 0).to_json()
    with pytest.raises(SynthemError, match=r"tile 0: .* which the recipe lacks"):
        recompose(text, without(CROWDED, "axon"), 0, 0)
    record = json.loads(text) | {"generator_version": 0}
    with pytest.raises(SynthemError, match="version 0"):
        recompose(json.dumps(record), CROWDED, 0, 0)
