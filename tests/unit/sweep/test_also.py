"""Scores on what was learned from and watched on, beside those on the test layers."""

from __future__ import annotations

from pathlib import Path

import pytest
import sweeping
from pyarrow import parquet

from synthem.curate.mix import Mix
from synthem.errors import SynthemError
from synthem.evaluate import SCORES
from synthem.report import report
from synthem.report.view import View
from synthem.sweep import Plan, carry_out
from synthem.sweep.estimate import cost

GRID = {"training.seed": [0], "synthetic.n": None, "training.loss": ["dice", "bce"]}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("also")
    also = ["training", "validation"]
    plan = sweeping.plan(sweeping.layers(folder / "real"), folder / "sweep", also=also, grid=GRID)
    carry_out(plan)
    return plan


def test_every_score_follows_from_the_pixels_of_what_was_scored(done: Plan) -> None:
    rows = parquet.read_table(done.folder / "results.parquet").to_pylist()
    assert [sum(row["on"] == on for row in rows) for on in ("test", "training", "validation")] == [2 * 6 * 2] * 3
    pooled = [row for row in rows if row["pooling"] == "pooled"]
    for row in pooled:
        tp, fp, fn = (row[key] for key in ("tp", "fp", "fn"))
        if tp + fp + fn:
            assert row["dice"] == pytest.approx(2 * tp / (2 * tp + fp + fn))
            assert row["f1"] == row["dice"]
            assert row["iou"] == pytest.approx(tp / (tp + fp + fn))
        if tp + fp:
            assert row["precision"] == pytest.approx(tp / (tp + fp))
        if tp + fn:
            assert row["recall"] == pytest.approx(tp / (tp + fn))


def test_training_is_the_windows_of_the_mix(done: Plan) -> None:
    rows = parquet.read_table(done.folder / "results.parquet").to_pylist()
    for run, item in done.items.items():
        held = {(r["on"], r["class"]): r for r in rows if r["run"] == run and r["pooling"] == "pooled"}
        area = Mix.open(done.store / item.mix).summary["total"]["area_px"]
        for name, pixels in area.items():
            assert held["training", name]["tp"] + held["training", name]["fn"] == pixels


def test_what_is_scored_beside_is_part_of_the_run(done: Plan) -> None:
    item = next(iter(done.items.values()))
    plain = type(item).from_json({**item.to_json(), "also": []})
    assert plain.id != item.id
    assert cost(plain) < cost(item)
    older = {k: v for k, v in plain.to_json().items() if k != "also"}
    assert type(item).from_json(older).id == plain.id


def test_the_page_has_a_table_of_all_scores(done: Plan, tmp_path: Path) -> None:
    view = View(done.folder)
    assert len(view.cells) == 2 * 6 * 2
    text = report([done.folder], tmp_path / "page.html").read_text()
    assert "Training, validation and test" in text
    section = text[text.index('id="also"') :]
    section = section[: section.index("</section>")]
    assert section.count('<th scope="row">') == 6 * 2 * 3
    assert all(f">{name}<" in section for name in ("Dice", "IoU", "F1", "precision", "recall", "accuracy"))
    assert len(SCORES) == 6


def test_validation_that_is_not_there(done: Plan, tmp_path: Path) -> None:
    with pytest.raises(SynthemError, match="also: there are no validation layers to score"):
        sweeping.plan(done.folder.parent / "real", tmp_path, also=["validation"], validation=None)
