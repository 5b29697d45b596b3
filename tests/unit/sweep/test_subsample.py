"""Repeated random sub-sampling: which layers a draw gives, and what a plan makes of them."""

from __future__ import annotations

import csv
import json
import statistics
from pathlib import Path
from typing import Any

import making
import pytest
import sweeping
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from synthem.curate.mix import Mix
from synthem.errors import SynthemError
from synthem.sweep import carry_out
from synthem.sweep.setup import Subsample
from synthem.sweep.subsample import draw
from synthem.tiles.dataset import TileDataset

NAMES = tuple(f"slice{z:02d}" for z in (0, 1, 2, 5, 6, 9, 12, 13, 20, 21))


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("subsample") / "held"
    layers = [{"name": name, "volume": "v", "z": int(name[5:])} for name in NAMES]
    making.layers(folder, (*NAMES, "other"), (32, 32), splits=["train"] * 10 + ["test"])
    meta = json.loads((folder / "synthem.json").read_text())
    (folder / "synthem.json").write_text(json.dumps(meta | {"layers": layers}))
    return folder


def wanted(train: int, validate: int, test: int, **more: Any) -> Subsample:
    return Subsample(train=train, validate=validate, test=test, **more)


@given(st.integers(1, 3), st.integers(0, 3), st.integers(1, 3), st.integers(0, 99))
def test_parts_are_disjoint_and_of_the_split(held: Path, train: int, validate: int, test: int, seed: int) -> None:
    parts = draw(TileDataset.open(held), wanted(train, validate, test, seed=seed))
    assert [len(part) for part in parts] == [train, validate, test]
    names = [name for part in parts for name in part]
    assert len(set(names)) == len(names)
    assert set(names) <= set(NAMES)
    more = draw(TileDataset.open(held), wanted(train + 1, validate, test, seed=seed))
    assert (more[0][:train], more[1:]) == (parts[0], parts[1:])


@given(st.integers(0, 99), st.integers(1, 3))
def test_a_gap_keeps_neighbours_apart(held: Path, seed: int, gap: int) -> None:
    parts = draw(TileDataset.open(held), wanted(1, 1, 1, seed=seed, gap=gap))
    z = [{int(name[5:]) for name in part} for part in parts]
    assert all(abs(a - b) > gap for i in range(3) for j in range(i) for a in z[i] for b in z[j])


def test_draws_differ_by_their_seed(held: Path) -> None:
    assert len({draw(TileDataset.open(held), wanted(3, 2, 2, seed=seed)) for seed in range(8)}) == 8


def test_a_plan_learns_from_watches_and_scores_what_was_drawn(held: Path, tmp_path: Path) -> None:
    real = {"data": str(held), "layers": None, "subsample": {"train": 3, "validate": 1, "test": 2}}
    grid = {"training.seed": [0], "synthetic.n": None, "real.subsample.seed": [0, 1], "real.subsample.train": [2, 3]}
    plan = sweeping.plan(held, tmp_path, real=real, grid=grid, report={"repeats": ["real.subsample.seed"]})
    assert [len(cell) for cell in plan.cells()] == [2, 2]
    for entry in plan.entries:
        item = plan.items[str(entry.run)]
        train, watched, scored = draw(
            TileDataset.open(held),
            wanted(entry.at["real.subsample.train"], 1, 2, seed=entry.at["real.subsample.seed"]),
        )
        assert tuple(Mix.open(plan.store / item.mix).meta["request"]["real_layers"]) == train
        assert item.validation is not None
        assert (item.validation.names, item.test.names) == (watched, scored)


def test_means_over_the_draws_are_those_of_the_counts(held: Path, tmp_path: Path) -> None:
    """From the pixels of each layer to the mean and Student's interval over three draws, computed here once more."""
    real = {"data": str(held), "layers": None, "subsample": {"train": 2, "validate": 1, "test": 2}}
    grid = {"training.seed": None, "synthetic.n": None, "real.subsample.seed": [0, 1, 2]}
    plan = sweeping.plan(held, tmp_path, real=real, grid=grid, report={"repeats": ["real.subsample.seed"]})
    carry_out(plan)
    (line,) = [
        row
        for row in csv.DictReader((plan.folder / "table.csv").read_text().splitlines())
        if (row["class"], row["pooling"]) == ("membrane", "pooled")
    ]
    scores = []
    for entry in plan.entries:
        rows = parquet.read_table(plan.run_folder(str(entry.run)) / "test" / "metrics.parquet").to_pylist()
        tp, fp, fn = (sum(r[key] for r in rows if r["class"] == "membrane") for key in ("tp", "fp", "fn"))
        scores.append(2 * tp / (2 * tp + fp + fn))
    half = 4.302652729911275 * statistics.stdev(scores) / 3**0.5  # 97.5 % of Student's t with 2 degrees of freedom
    mean = statistics.mean(scores)
    found = [float(line[f"dice{end}"]) for end in ("", "_low", "_high")]
    assert found == pytest.approx([mean, mean - half, mean + half], rel=1e-4)
    assert line["n"] == "3"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"train": 9}, "real.subsample.train: 9 layers, but 8 are left of the 10"),
        ({"gap": 30}, "real.subsample.train: 3 layers, but 0 are left"),
        ({"split": "tset"}, "no split 'tset'"),
    ],
)
def test_faults(held: Path, changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(SynthemError) as caught:
        draw(TileDataset.open(held), Subsample(**{"train": 3, "test": 2, **changes}))
    assert fault in str(caught.value)
