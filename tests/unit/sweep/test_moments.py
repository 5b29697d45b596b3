"""Scores of models kept on the way and at other resolutions, from the runs to the page."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sweeping
import torch
from pyarrow import parquet

from synthem.evaluate import SCORES, Evaluation, t_interval
from synthem.models import load_model
from synthem.report import report
from synthem.report.view import View
from synthem.sweep import Plan, carry_out
from synthem.sweep.estimate import cost
from synthem.tiles.dataset import TileDataset

GRID = {"training.seed": [0, 1], "synthetic.n": None, "training.lr": [1e-3, 1e-4]}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("moments")
    training = {"snapshots": [0, 0.5, 1]}
    whole = {"window": None, "precision": "float32"}
    plan = sweeping.plan(
        sweeping.layers(folder / "real"), folder / "sweep", training=training, evaluation=whole, grid=GRID
    )
    carry_out(plan)
    return plan


def table(plan: Plan) -> list[dict[str, Any]]:
    return parquet.read_table(plan.folder / "results.parquet").to_pylist()


def test_every_snapshot_has_the_rows_of_its_evaluation(done: Plan) -> None:
    rows = table(done)
    assert {row["at"] for row in rows} == {None, 0.0, 0.5, 1.0}
    keys = [(r["run"], r["class"], r["pooling"], r["at"]) for r in rows]
    assert len(rows) == len(set(keys)) == len(done.items) * 6 * 2 * 4
    for row in rows:
        folder = done.run_folder(row["run"])
        place = folder / "test" if row["at"] is None else folder / "snapshots" / repr(row["at"])
        evaluation = Evaluation.open(place)
        assert {score: row[score] for score in SCORES} == evaluation.result[row["pooling"]][row["class"]]
        c = evaluation.counts.classes.index(row["class"])
        assert [row["tp"], row["fp"], row["fn"]] == [int(n[c]) for n in evaluation.counts.pooled()[:3]]


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_iou_of_a_snapshot_is_that_of_its_weights(done: Plan, share: float) -> None:
    """From the weights to the score once more: the layer whole, threshold 0.5, pixels of both layers together."""
    run, item = next(iter(done.items.items()))
    stored = load_model(done.run_folder(run) / "training" / "snapshots" / f"{share!r}.safetensors")
    data = TileDataset.open(done.store / item.test.folder)
    both = either = 0
    for layer in item.test.names:
        row = data.column("layer").index(layer)
        with torch.inference_mode():
            found = stored.model(torch.from_numpy(data.image(row) / np.float32(255))[None, None])[0].numpy() >= 0
        c = stored.classes.index("membrane")
        both += int((found[c] & data.masks(row)[c]).sum())
        either += int((found[c] | data.masks(row)[c]).sum())
    key = ("membrane", "pooled", share, run)
    (told,) = [r["iou"] for r in table(done) if (r["class"], r["pooling"], r["at"], r["run"]) == key]
    assert told == pytest.approx(both / either, abs=1e-3)


def test_the_last_snapshot_is_the_model_of_the_end(done: Plan) -> None:
    for run in done.items:
        training = done.run_folder(run) / "training"
        end = load_model(training / "model.safetensors").model.state_dict()
        last = load_model(training / "snapshots" / "1.0.safetensors").model.state_dict()
        assert all((tensor == last[name]).all() for name, tensor in end.items())
    rows = {(r["run"], r["class"], r["pooling"], r["at"]): r["dice"] for r in table(done)}
    assert all(dice == rows[(*key[:3], None)] for key, dice in rows.items() if key[3] == 1.0)


def test_table_csv_averages_each_moment_over_the_seeds(done: Plan) -> None:
    listed = list(csv.DictReader((done.folder / "table.csv").read_text().splitlines()))
    assert len(listed) == 2 * 6 * 2 * 4
    rows = table(done)
    for line in listed:
        at = float(line["at"]) if line["at"] else None
        key = (float(line["training.lr"]), line["class"], line["pooling"], at)
        held = [r["dice"] for r in rows if (r["training.lr"], r["class"], r["pooling"], r["at"]) == key]
        wanted = t_interval([dice for dice in held if dice is not None])
        found = [float(line[f"dice{end}"] or "nan") for end in ("", "_low", "_high")]
        np.testing.assert_allclose(found, wanted[:3], rtol=1e-5, atol=1e-9)


def test_a_damaged_snapshot_is_done_again(done: Plan, tmp_path: Path) -> None:
    shutil.copytree(done.folder, tmp_path / "copy")
    plan = Plan.open(tmp_path / "copy")
    folder = plan.run_folder(next(iter(plan.items)))
    before = [{k: v for k, v in row.items() if k != "seconds"} for row in table(plan)]
    (folder / "snapshots" / "0.5" / "result.json").write_text("{")
    (folder / "training" / "snapshots" / "0.0.safetensors").write_bytes(b"no")
    (folder / "result.json").unlink()
    carry_out(plan)
    assert [{k: v for k, v in row.items() if k != "seconds"} for row in table(plan)] == before


def test_other_readers_see_the_end_only(done: Plan) -> None:
    view = View(done.folder)
    assert len(view.cells) == 2 * 6 * 2
    assert all(cell.plain and len(cell.rows) == 2 for cell in view.cells)
    (first, second) = view.along("axon", "share")
    assert [cell.share for cell in first.cells] == [0.0, 0.5, 1.0]
    assert {first.label, second.label} == {"training.lr = 0.001", "training.lr = 0.0001"}
    assert view.along("axon", "resolution") == []


def test_snapshots_are_predictions_that_take_time(done: Plan) -> None:
    item = next(iter(done.items.values()))
    training = {**item.training, "snapshots": []}
    assert cost(item) > cost(type(item).from_json({**item.to_json(), "training": training}))


def test_the_page_shows_the_way_there(done: Plan, tmp_path: Path) -> None:
    text = report([done.folder], tmp_path / "page.html").read_text()
    assert 'id="dice-share-membrane"' in text
    assert "Dice of membrane after a share of the steps" in text
    assert 'id="resolutions"' not in text
