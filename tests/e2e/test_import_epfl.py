"""The real layers, imported by the descriptor that ships, messy as they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from making import write
from PIL import Image

from synthem.tiles.dataset import TileDataset
from synthem.tiles.exporters import export
from synthem.tiles.importers import Imported, import_dataset
from synthem.tiles.measure import measure
from synthem.tiles.windows import Windows

DESCRIPTOR = Path(__file__).resolve().parents[2] / "datasets" / "epfl-itmm.yaml"
STRAYS = ["0014x", "0074x", "0076x", "0104x", "0106x"]

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def imported(real_layers: Path, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    return import_dataset(DESCRIPTOR, real_layers, tmp_path_factory.mktemp("epfl") / "layers")


@pytest.fixture(scope="module")
def dataset(imported: Imported) -> TileDataset:
    return TileDataset.open(imported.folder)


def test_63_and_5_layers_in_grey_at_5_nm(dataset: TileDataset):
    assert dataset.column("split") == ["train"] * 63 + ["test"] * 5
    assert {dataset.size(i) for i in range(68)} == {(768, 1024)}
    assert {dataset.image(i).ndim for i in range(68)} == {2}
    assert set(dataset.column("nm_per_px")) == {5.0}
    assert set(dataset.column("source")) == {"real"}
    assert dataset.classes.names == ("axon", "mitochondrion", "mitochondrial_boundary", "psd", "vesicle", "membrane")


def test_the_five_masks_without_a_slice_are_listed(imported: Imported):
    stray = [p.file for p in imported.problems if p.what == "mask without a layer"]
    assert stray == [f"train/mitochondrial boundaries/training{name}.png" for name in STRAYS]


def test_grey_edges_are_cut_at_128_and_listed(imported: Imported, dataset: TileDataset, real_layers: Path):
    cut = [p.file for p in imported.problems if p.kind == "mask isn't binary"]
    assert len(cut) > 200
    name = next(file for file in cut if file.startswith("train/membranes"))
    grey = np.asarray(Image.open(real_layers / name).convert("L"))
    row = dataset.column("layer").index(Path(name).stem)
    np.testing.assert_array_equal(dataset.masks(row)[5], grey >= 128)


def test_area_shares_are_those_of_the_facts(dataset: TileDataset):
    shares = np.zeros(6)
    for row in range(63):
        shares += dataset.masks(row).mean(axis=(1, 2)) / 63
    np.testing.assert_allclose(shares * 100, [0.09, 8.3, 3.3, 0.48, 4.1, 22.1], rtol=0.05)


def test_order_and_selections_are_those_of_the_ratio_study(imported: Imported):
    meta = json.loads((imported.folder / "synthem.json").read_text())
    five = [f"training{z}" for z in ("0024", "0047", "0076", "0106", "0135")]
    ten = five + [f"training{z}" for z in ("0010", "0055", "0091", "0120", "0163")]
    assert meta["order"][:10] == ten
    assert sorted(meta["order"]) == sorted(layer.name for layer in imported.layers if layer.split == "train")
    assert meta["selections"]["study-5"] == five
    assert meta["selections"]["study-10"] == ten
    assert meta["selections"]["validate"] == [f"training{z}" for z in ("0000", "0004", "0008", "0012", "0016")]
    assert meta["licences"] == {"images": None, "labels": "MIT"}


def test_the_twice_shown_slice_has_one_z(imported: Imported):
    z = {layer.name: (layer.volume, layer.z) for layer in imported.layers}
    assert z["training0055"] == z["training0055x"] == ("training", 55)
    assert z["testing0162"] == ("testing", 162)


def test_datasets_opens_the_folder(dataset: TileDataset):
    rows = dataset.to_datasets()
    assert len(rows) == 68
    assert rows[0]["image"].size == (1024, 768)


def test_importing_again_finds_it_done(imported: Imported, real_layers: Path):
    before = (imported.folder / "synthem.json").read_bytes()
    again = import_dataset(DESCRIPTOR, real_layers, imported.folder)
    assert again.existed
    assert again.fingerprint == imported.fingerprint
    assert (imported.folder / "synthem.json").read_bytes() == before


@pytest.mark.parametrize(("selection", "windows", "axons"), [("study-5", 585, 12), ("study-10", 1170, 28)])
def test_windows_and_axons_are_those_of_the_ratio_study(dataset: TileDataset, selection: str, windows: int, axons: int):
    held = dataset.column("layer")
    rows = [held.index(name) for name in dataset.meta["selections"][selection]]
    index = Windows(dataset, rows, size=256, stride=64)
    assert len(index) == windows
    assert sum(measure(stored, dataset.classes)[0]["axon"] for _, stored in index) == axons


@pytest.mark.parametrize("format", ["folders", "coco", "nnunet", "tiff"])
def test_a_real_layer_survives_export_and_import(dataset: TileDataset, tmp_path: Path, format: str):
    row = dataset.column("layer").index("training0010")
    one = write(tmp_path / "one", [(dataset.image(row), dataset.stored(row))], source="real", layers=["training0010"])
    export(one, format, tmp_path / "out")
    back = TileDataset.open(import_dataset(tmp_path / "out" / "descriptor.yaml", None, tmp_path / "back").folder)
    np.testing.assert_array_equal(back.image(0), dataset.image(row))
    np.testing.assert_array_equal(back.stored(0), dataset.stored(row))
