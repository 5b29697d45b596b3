"""Splits: whole layers, exact numbers, gaps along z, nothing else changed."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import making
import numpy as np
import pytest

from synthem.curate.check import check
from synthem.curate.mix import mix
from synthem.curate.split import UNUSED, Parts, split
from synthem.errors import SynthemError
from synthem.tiles.dataset import TileDataset

NAMES = [f"v{z:02d}" for z in range(20)] + ["w00", "t00"]
SPLITS = ["train"] * 21 + ["test"]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> TileDataset:
    declared = [{"name": n, "volume": n[0], "z": int(n[1:]), "split": s} for n, s in zip(NAMES, SPLITS, strict=True)]
    folder = tmp_path_factory.mktemp("split") / "real"
    return making.layers(folder, NAMES, (32, 32), splits=SPLITS, declared=declared, order=NAMES, shard_bytes=6_000)


def numbers(parts: Parts) -> dict[str, int]:
    return {name: len(layers) for name, layers in parts.items()}


def test_exact_numbers_and_the_rest_unused(real: TileDataset, tmp_path: Path) -> None:
    (made,) = split(real, tmp_path / "out", sizes={"train": 12, "validation": 4})
    assert numbers(made.parts) == {"train": 12, "validation": 4, UNUSED: 5}
    assert sorted(name for layers in made.parts.values() for name in layers) == sorted(NAMES[:-1])
    held = TileDataset.open(made.folder)
    for name, where in zip(held.column("layer"), held.column("split"), strict=True):
        assert name in made.parts.get(where, []) or (name, where) == ("t00", "test")


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"train": 0.8, "validation": 0.2}, [17, 4]),
        ({"train": 0.5, "test": 0.25}, [11, 5]),
        ({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, [7, 7, 7]),
    ],
)
def test_shares(real: TileDataset, tmp_path: Path, sizes: dict[str, float], expected: list[int]) -> None:
    (made,) = split(real, tmp_path / "out", sizes=sizes)
    assert [len(made.parts[name]) for name in sizes] == expected


def test_everything_but_the_split_stays(real: TileDataset, tmp_path: Path) -> None:
    import datasets

    (made,) = split(real, tmp_path / "out", sizes={"train": 12, "test": 4})
    held = TileDataset.open(made.folder)
    assert len(real.meta["shards"]) > 1
    assert held.fingerprint == real.fingerprint
    assert held.table.drop_columns("split").equals(real.table.drop_columns("split"))
    assert held.meta["split"]["parts"] == made.parts
    assert {layer["name"]: layer["split"] for layer in held.meta["layers"]} == dict(
        zip(held.column("layer"), held.column("split"), strict=True)
    )
    assert datasets.load_from_disk(str(made.folder))["split"][:] == held.column("split")
    assert "Divided anew" in (made.folder / "README.md").read_text()
    assert [one for one in check(made.folder) if one.kind == "pixels"] == []


def test_an_old_split_of_a_name_that_is_taken_becomes_unused(real: TileDataset, tmp_path: Path) -> None:
    (made,) = split(real, tmp_path / "out", sizes={"train": 12, "test": 4})
    held = TileDataset.open(made.folder)
    assert held.column("split")[-1] == UNUSED
    assert held.column("split").count("test") == 4


def test_repeats_are_nested_folders_with_a_list_beside_them(real: TileDataset, tmp_path: Path) -> None:
    made = split(real, tmp_path / "out", sizes={"train": 11, "validation": 4, "test": 6}, repeats=10)
    assert [one.folder.name for one in made] == [f"repeat-{i}" for i in range(10)]
    assert all(numbers(one.parts) == {"train": 11, "validation": 4, "test": 6, UNUSED: 0} for one in made)
    assert len({tuple(one.parts["train"]) for one in made}) == 10
    listed = json.loads((tmp_path / "out" / "split.json").read_text())
    assert listed["splits"]["repeat-3"] == made[3].parts
    again = split(real, tmp_path / "again", sizes={"train": 11, "validation": 4, "test": 6}, repeats=10)
    assert [one.parts for one in again] == [one.parts for one in made]


def test_folds_validate_every_layer_once(real: TileDataset, tmp_path: Path) -> None:
    made = split(real, tmp_path / "out", folds=4)
    assert sorted(name for one in made for name in one.parts["validation"]) == sorted(NAMES[:-1])
    for one in made:
        assert set(one.parts["train"]).isdisjoint(one.parts["validation"])
        assert len(one.parts["train"]) + len(one.parts["validation"]) == 21
        assert TileDataset.open(one.folder).column("split")[-1] == "test"


@pytest.mark.parametrize("how", [{"folds": 3}, {"sizes": {"train": 7, "validation": 3, "test": 3}, "repeats": 5}])
@pytest.mark.parametrize("gap", [0, 1, 2])
def test_runs_of_slices_keep_a_gap(real: TileDataset, tmp_path: Path, how: dict[str, Any], gap: int) -> None:
    for one in split(real, tmp_path / "out", by="z", gap=gap, **how):
        for first, second in combinations([name for name in one.parts if name != UNUSED], 2):
            for a in one.parts[first]:
                for b in one.parts[second]:
                    assert a[0] != b[0] or abs(int(a[1:]) - int(b[1:])) > gap
        if "sizes" in how:
            assert {name: len(one.parts[name]) for name in how["sizes"]} == how["sizes"]
        assert not [found for found in check(one.folder, gap=gap) if found.kind in ("neighbours", "same-layer")]


def test_a_mix_takes_the_training_layers_of_a_fold(real: TileDataset, tmp_path: Path) -> None:
    made = split(real, tmp_path / "out", folds=3)[1]
    mixed = mix(tmp_path / "mix", real=made.folder, window=32)
    assert sorted(mixed[i].group for i in range(len(mixed))) == sorted(made.parts["train"])
    with pytest.raises(SynthemError, match="of split 'validation'"):
        mix(tmp_path / "leak", real=made.folder, real_layers=made.parts["validation"][0], window=32)


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ({}, "give either"),
        ({"sizes": {"train": 3}, "folds": 3}, "give either"),
        ({"sizes": {"train": 22}}, "there are 21"),
        ({"sizes": {"train": 0.8, "test": 0.3}}, "add up to 1.1"),
        ({"sizes": {"train": 0, "test": 3}}, "above 0"),
        ({"sizes": {"train": 0.02, "test": 0.5}}, "nothing is left for 'train'"),
        ({"sizes": {"train": 10, "test": 11}, "by": "z", "gap": 3}, "left for 'test' beyond the gap"),
        ({"folds": 22}, "from 2 to the 21"),
        ({"folds": 1}, "from 2"),
        ({"folds": 3, "repeats": 2}, "together with --sizes"),
        ({"folds": 3, "of": "holdout"}, "it has test, train"),
        ({"folds": 3, "by": "y"}, "no such way"),
        ({"folds": 3, "gap": -1}, "0 or more"),
    ],
)
def test_what_a_split_refuses(real: TileDataset, tmp_path: Path, how: dict[str, Any], line: str) -> None:
    with pytest.raises(SynthemError, match=line):
        split(real, tmp_path / "out", **how)
    assert list(tmp_path.iterdir()) == []


def test_layers_without_z_and_folders_that_are_taken(tmp_path: Path) -> None:
    making.layers(tmp_path / "plain", ("a", "b", "c"), (32, 32))
    with pytest.raises(SynthemError, match="layer 'a' has no z"):
        split(tmp_path / "plain", tmp_path / "out", folds=3, by="z")
    with pytest.raises(SynthemError, match="holds something already"):
        split(tmp_path / "plain", tmp_path / "plain", folds=3)


def test_windows_of_one_layer_stay_together(tmp_path: Path) -> None:
    making.layers(tmp_path / "windows", [name for name in "abcdef" for _ in range(3)], (32, 32))
    for one in split(tmp_path / "windows", tmp_path / "out", folds=3):
        held = TileDataset.open(one.folder)
        assert np.unique(np.stack([held.column("layer"), held.column("split")]), axis=1).shape[1] == 6
