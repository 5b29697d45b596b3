"""Plans: what names a run, and reading them back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sweeping import ITEM

from synthem.errors import SynthemError
from synthem.evaluate import EvaluateConfig
from synthem.models import ModelSpec
from synthem.models.files import locked
from synthem.sweep.plan import FILE, Entry, Plan
from synthem.train import TrainConfig


@pytest.mark.parametrize(
    "change",
    [
        {"mix_fingerprint": "f3"},
        {"model": ModelSpec.parse("tiny-unet-quarter").to_json()},
        {"training": TrainConfig(seed=1).to_json()},
        {"validation": None},
        {"choose_thresholds": True},
        {"test": replace(ITEM.test, fingerprint="f4")},
        {"test": replace(ITEM.test, names=("s",))},
        {"test": replace(ITEM.test, nm_per_px=5.0)},
        {"evaluation": vars(EvaluateConfig(flips=True))},
        {"training": TrainConfig(init="weights/aa.safetensors").to_json()},
    ],
)
def test_whatever_determines_the_result_changes_the_id(change: dict[str, Any]) -> None:
    assert replace(ITEM, **change).id != ITEM.id


@pytest.mark.parametrize(
    "change",
    [
        {"mix": "mixes/elsewhere"},
        {"training": TrainConfig(device="cpu", compile=True).to_json()},
        {"evaluation": vars(EvaluateConfig(device="cpu", batch=1))},
        {"test": replace(ITEM.test, folder="data/elsewhere", pixels=7)},
    ],
)
def test_where_and_how_fast_it_is_computed_does_not(change: dict[str, Any]) -> None:
    assert replace(ITEM, **change).id == ITEM.id


def test_initial_weights_count_by_their_content_not_their_place() -> None:
    here, there = (replace(ITEM, training=TrainConfig(init=f"{d}/aa.safetensors").to_json()) for d in ("x", "y"))
    assert here.id == there.id


def test_runs_from_before_a_setting_was_there_keep_their_names() -> None:
    older = {k: v for k, v in ITEM.training.items() if k not in ("snapshots", "classes", "first")}
    assert replace(ITEM, training=older).id == ITEM.id
    assert replace(ITEM, training=TrainConfig(snapshots=(0.5,)).to_json()).id != ITEM.id
    assert replace(ITEM, training=TrainConfig(first="runs/aa").to_json()).id != ITEM.id


def plan(folder: Path, store: Path) -> Plan:
    folder.mkdir(parents=True)
    axes = {"training.seed": [0, 1], "synthetic.n": [0, 2]}
    about = {"name": "p", "axes": axes, "report": {"repeats": ["training.seed"]}}
    entries = [
        Entry({"training.seed": s, "synthetic.n": n}, ITEM.id if n else None, "") for s in (0, 1) for n in (0, 2)
    ]
    made = Plan(folder, about, store, entries, {ITEM.id: ITEM})
    made.write()
    return made


def test_a_plan_is_read_back_wherever_its_folder_lies(tmp_path: Path) -> None:
    made = plan(tmp_path / "here" / "sweep", tmp_path / "here" / "store")
    (tmp_path / "here").rename(tmp_path / "there")
    read = Plan.open(tmp_path / "there" / "sweep")
    assert read.store == tmp_path / "there" / "store"
    assert (read.about, read.entries, read.items) == (made.about, made.entries, made.items)
    assert list(read.items) == [read.items[ITEM.id].id]


def test_cells_gather_the_repeats(tmp_path: Path) -> None:
    cells = plan(tmp_path / "s", tmp_path / "s").cells()
    assert [[entry.at["training.seed"] for entry in cell] for cell in cells] == [[0, 1], [0, 1]]
    assert [cell[0].at["synthetic.n"] for cell in cells] == [0, 2]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"entries": 3}', '{"items": {"a": {}}, "entries": [], "store": "."}'])
def test_a_damaged_plan_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(SynthemError, match="is damaged; run `synthem sweep` with the study again"):
        Plan.open(tmp_path)


def test_no_plan(tmp_path: Path) -> None:
    with pytest.raises(SynthemError, match="holds no sweep"):
        Plan.open(tmp_path)


def test_only_one_process_is_in(tmp_path: Path) -> None:
    path = tmp_path / "deep" / ".lock"
    with locked(path), pytest.raises(SynthemError, match="busy"), locked(path, "busy"):
        pass
    with locked(path, "busy"):
        pass
