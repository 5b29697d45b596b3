"""Labels with errors in them as a source of a study: learned from, never scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sweeping

from synthem.curate.corrupt import Corruption, corrupt
from synthem.curate.mix import Mix
from synthem.errors import SynthemError
from synthem.report import report
from synthem.sweep import Plan, carry_out
from synthem.tiles.dataset import TileDataset

GROW = {"kind": "grow", "strength": 2, "systematic": True}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sweeping.layers(tmp_path_factory.mktemp("corrupt") / "real")


def planned(layers: Path, out: Path, **over: Any) -> Plan:
    grid = {"training.seed": [0], "synthetic.n": None, **over.pop("grid", {})}
    return sweeping.plan(layers, out, grid=grid, **over)


def source(plan: Plan, run: str) -> TileDataset:
    return Mix.open(plan.store / plan.items[run].mix).sources[0].dataset


def test_training_layers_are_corrupted_and_what_is_scored_stays_true(real: Path, tmp_path: Path) -> None:
    grid = {"real.corrupt": [None, GROW], "real.layers": [1, 2]}
    plan = planned(real, tmp_path / "sweep", grid=grid)
    clean, _, wrong, both = (source(plan, str(entry.run)) for entry in plan.entries)
    assert wrong.column("layer") == ["a"]
    assert both.column("layer") == ["a", "b"]
    true = TileDataset.open(real)
    assert np.array_equal(clean.stored(0), true.stored(0))
    corrupt(real, tmp_path / "whole", [Corruption("grow", 2, systematic=True)])
    for i in range(2):  # the same errors, whichever layers go along
        assert np.array_equal(both.stored(i), TileDataset.open(tmp_path / "whole").stored(i))
    assert not np.array_equal(both.stored(0), true.stored(0))
    assert {item.test.fingerprint for item in plan.items.values()} == {true.fingerprint}


def test_strength_has_one_axis_for_kinds_in_px_and_in_shares(real: Path, tmp_path: Path) -> None:
    kinds = {
        "grown": {"real.corrupt": GROW},
        "left out": {"real.corrupt": {"kind": "leave-out", "strength": 0, "scale": 0.25}},
    }
    plan = planned(real, tmp_path, grid={"kind": kinds, "real.corrupt.strength": [0, 2]})
    none = {entry.run for entry in plan.entries if entry.at["real.corrupt.strength"] == 0}
    assert len(none) == 1  # without errors all kinds are one run
    steps = [source(plan, str(e.run)).meta.get("corruption", {}).get("steps") for e in plan.entries]
    assert steps[0] is steps[2] is None
    assert [step[0]["strength"] for step in (steps[1], steps[3])] == [2, 0.5]


def test_tiles_can_have_errors_too(real: Path, tmp_path: Path) -> None:
    plan = planned(real, tmp_path, real={"layers": 0}, synthetic={"n": 2, "corrupt": [GROW]})
    (item,) = plan.items.values()
    meta = Mix.open(plan.store / item.mix).sources[0].dataset.meta
    assert meta["corruption"]["agreement"]["axon"] < 1


def test_a_layer_is_not_scored_where_it_was_learned_with_errors(real: Path, tmp_path: Path) -> None:
    with pytest.raises(SynthemError, match="test: layer a is also trained on"):
        planned(real, tmp_path, real={"corrupt": GROW}, test={"split": None, "layers": "a"})


def test_the_plan_tells_how_wrong_the_labels_are(real: Path, tmp_path: Path) -> None:
    plan = planned(real, tmp_path, real={"corrupt": GROW})
    (told,) = [data for data in plan.about["data"] if "label_dice" in data]
    assert 0 < told["label_dice"]["membrane"] < 1
    assert told["errors"] == "grow 2, systematic"
    carry_out(plan)
    text = report([plan.folder], tmp_path / "page.html").read_text()
    assert "wrong labels (grow 2, systematic): their Dice with the true ones axon" in text


@pytest.mark.parametrize(
    ("errors", "fault"),
    [
        ({"kind": "grown", "strength": 1}, "real.corrupt"),
        ({"kind": "swap", "strength": 3}, "0 to 1"),
        ({**GROW, "classes": ["axn"]}, "axn"),
        ([GROW, {**GROW, "seed": 1}], "corrupt: seeds 0, 1"),
    ],
)
def test_faults(real: Path, tmp_path: Path, errors: Any, fault: str) -> None:
    with pytest.raises(SynthemError) as caught:
        planned(real, tmp_path, real={"corrupt": errors})
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)
