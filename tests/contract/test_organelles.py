"""What every registered organelle must keep to, also those of other packages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from installed import install
from worlds import assert_exact, make, replayed, same

from synthem import SIX, SynthemError
from synthem.organelles import registry
from synthem.organelles.base import Organelle
from synthem.organelles.registry import BUILT_IN, kinds, organelle
from synthem.raster.render import render
from synthem.recipe import Recipe, json_schema
from synthem.seeds import stream
from synthem.tiles.dataset import TileDataset
from synthem.tiles.generate import generate
from synthem.tiles.schema import ORGANELLES

KINDS = [*BUILT_IN, "lysosome"]


@pytest.fixture(scope="module", autouse=True)
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder where the test package is installed, on the path while these tests run."""
    folder = install(tmp_path_factory.mktemp("site-packages"))
    sys.path.insert(0, str(folder))
    registry.kinds.cache_clear()
    yield folder
    sys.path.remove(str(folder))
    sys.modules.pop("synthem_lysosome", None)
    registry.kinds.cache_clear()


def alone(kind: str, **values: Any) -> Recipe:
    """A recipe of nothing but this organelle in its cells."""
    return Recipe.build({"name": kind, "size": 192, "organelles": [{"kind": kind, "count": 3, **values}]})


def test_datasets_count_every_built_in_organelle():
    assert tuple(BUILT_IN) == ORGANELLES


def test_the_test_package_is_registered():
    assert list(kinds()) == KINDS


@pytest.mark.parametrize("kind", KINDS)
class TestEvery:
    def test_its_defaults_are_a_recipe_that_survives_yaml(self, kind: str, tmp_path: Path):
        recipe = Recipe.build({"organelles": [{"kind": kind}]})
        path = tmp_path / "one.yaml"
        path.write_text(recipe.to_yaml())
        assert Recipe.load(path) == recipe.model_copy(update={"name": "recipe"})

    def test_its_parameters_are_described(self, kind: str):
        cls = organelle(kind)
        assert cls.__doc__
        for model in (cls, type(cls().look)):
            own = model.model_fields.keys() - Organelle.model_fields.keys()
            assert [name for name in own if not model.model_fields[name].description] == []
        assert kind in str(json_schema()["$defs"]["organelle"])

    def test_its_classes_are_declared(self, kind: str):
        recipe = alone(kind)
        assert recipe.classes.names[:6] == SIX.names
        assert set(organelle(kind).classes) <= set(recipe.classes.names)
        allowed = {*organelle(kind).classes, "membrane"}
        for index in range(4):
            tile = make(recipe, 0, index)[1]
            held = {name for name, plane in zip(recipe.classes.names, tile.masks, strict=True) if plane.any()}
            assert held <= allowed

    def test_it_finds_places_and_shows(self, kind: str):
        shown = placed = 0
        for index in range(4):
            scene, tile = make(alone(kind), 0, index)
            placed += scene.placed[kind]
            shown += any(tile.masks[tile.classes.index(name)].any() for name in organelle(kind).classes)
        assert placed >= 4
        assert shown >= 3 or not organelle(kind).classes

    @pytest.mark.parametrize("nm_per_px", [2.5, 5.0, 16.0])
    def test_its_masks_are_exact(self, kind: str, nm_per_px: float):
        recipe = alone(kind).with_values({"nm_per_px": nm_per_px})
        for index in range(3):
            assert_exact(*make(recipe, 3, index))

    def test_its_scene_is_painted_again_to_the_pixel(self, kind: str):
        for index in range(3):
            scene, tile = make(alone(kind), 0, index)
            same(render(replayed(scene)), tile)

    def test_its_look_changes_no_mask(self, kind: str):
        look = type(organelle(kind)().look)
        other = {name: 33 for name in look.ranged if name.endswith("_grey")}
        other |= {name: 0 for name in look.ranged if name.startswith(("blur", "border", "around"))}
        scene, tile = make(alone(kind))
        painted = render(scene, alone(kind, look=other))
        np.testing.assert_array_equal(painted.stored, tile.stored)
        np.testing.assert_array_equal(painted.instances, tile.instances)

    def test_its_outline_is_closed_finite_and_its_own(self, kind: str):
        for k in range(20):
            drawn = organelle(kind)().draw(stream(0, kind, k))
            outline = drawn.outline(stream(1, kind, k))
            np.testing.assert_array_equal(outline, drawn.outline(stream(1, kind, k)))
            assert outline.ndim == 2
            assert outline.shape[1] == 2
            assert np.isfinite(outline).all()
            assert np.ptp(outline, axis=0).min() > 0

    def test_its_smallest_outline_is_no_promise_too_many(self, kind: str):
        """No outline that is drawn is smaller than what recipes are refused by."""
        item = organelle(kind)()
        for k in range(100):
            drawn = item.draw(stream(0, kind, k))
            across = np.ptp(drawn.outline(stream(1, kind, k)), axis=0).max()
            assert across >= 0.99 * item.smallest_nm()

    def test_its_presence_changes_nobodys_draws(self, kind: str):
        others = [{"kind": other, "count": 1} for other in BUILT_IN if other != kind]
        with_it = Recipe.build({"organelles": [*others, {"kind": kind, "count": 2}]})
        without = Recipe.build({"organelles": others})
        before = {body.organelle.label: body.organelle for body in make(without)[0].bodies}
        for body in make(with_it)[0].bodies:
            assert body.organelle.kind == kind or before.get(body.organelle.label, body.organelle) == body.organelle


def test_another_packages_class_follows_the_six(tmp_path: Path):
    recipe = Recipe.build({"size": 128, "organelles": [{"kind": "lysosome", "count": 2}, {"kind": "psd", "count": 1}]})
    assert recipe.classes.names == (*SIX.names, "lysosome")
    generate(recipe, 3, tmp_path / "one", workers=1)
    data = TileDataset.open(tmp_path / "one")
    assert data.classes == recipe.classes
    assert any(data.masks(i)[6].any() for i in range(3))
    assert data.column("area_px")[0].keys() == set(recipe.classes.names)
    assert "lysosome" not in data.column("requested")[0], "those of other packages are in the scene"
    assert '"lysosome":2' in data.column("scene")[0]


def test_workers_know_the_organelles_of_other_packages(tmp_path: Path):
    recipe = alone("lysosome").with_values({"size": 64})
    one = generate(recipe, 5, tmp_path / "one", workers=1)
    two = generate(recipe, 5, tmp_path / "two", workers=2)
    assert one.fingerprint == two.fingerprint


def test_the_command_reaches_its_parameters(plugin: Path, tmp_path: Path):
    (tmp_path / "mine.yaml").write_text("size: 96\norganelles: [{kind: lysosome}]\n")
    options = ["--set", "organelles.lysosome.radius_nm=40..50", "--n", "1", "--out", "tiles"]
    environment = {**os.environ, "PYTHONPATH": str(plugin)}
    command = [sys.executable, "-m", "synthem", "generate", "mine.yaml", *options]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert TileDataset.open(tmp_path / "tiles").meta["recipe"]["organelles"][0]["radius_nm"] == "40..50"


def test_more_than_eight_classes_are_stored_in_sixteen_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    names = ("lysosome", "peroxisome", "endosome", "droplet")
    monkeypatch.setattr(organelle("lysosome"), "classes", names)
    recipe = alone("lysosome")
    generate(recipe, 2, tmp_path / "ten", workers=1)
    data = TileDataset.open(tmp_path / "ten")
    assert data.stored(0).dtype == np.uint16
    assert data.to_datasets()[0]["mask"].mode.startswith("I;16")
    np.testing.assert_array_equal(data.masks(1), make(recipe, 0, 1)[1].masks)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("axon = synthem_lysosome:Lysosome", "organelle 'axon' of synthem_lysosome:Lysosome: the name is taken"),
        ("golgi = synthem_golgi:Golgi", "organelle 'golgi': synthem_golgi:Golgi can't be loaded"),
        ("golgi = synthem_lysosome:Golgi", "organelle 'golgi': synthem_lysosome:Golgi can't be loaded"),
        ("golgi = synthem_lysosome:blob", "is no subclass of Organelle; make it one"),
        ("golgi = synthem_lysosome:Lysosome", "is of kind 'lysosome'; give both the same name"),
    ],
)
def test_a_package_that_does_it_wrong_is_told_so(plugin: Path, line: str, told: str):
    points = plugin / "synthem_lysosome-1.0.dist-info" / "entry_points.txt"
    before = points.read_text()
    points.write_text(before + line + "\n")
    kinds.cache_clear()
    try:
        with pytest.raises(SynthemError) as error:
            kinds()
    finally:
        points.write_text(before)
        kinds.cache_clear()
    assert told in str(error.value)
    assert "\n" not in str(error.value)
