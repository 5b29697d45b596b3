"""Scores at other resolutions, from the study to the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import sweeping
import torch
from pyarrow import parquet

from synthem.report import report
from synthem.report.view import View
from synthem.sweep import Plan, carry_out
from synthem.tiles.dataset import TileDataset
from synthem.train import Run

SIZES = [[64, 64], [32, 64], [64, 32], [96, 48]]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("resolutions")
    plan = sweeping.plan(
        sweeping.layers(folder / "real"),
        folder / "sweep",
        training={"steps": 20, "lr": 1e-2},
        evaluation={"resolutions": SIZES, "window": None},
        grid={"training.seed": [0], "synthetic.n": None},
    )
    carry_out(plan)
    return plan


def dice_of(done: Plan) -> dict[tuple[Any, ...], float | None]:
    rows = parquet.read_table(done.folder / "results.parquet").to_pylist()
    return {(r["class"], r["r1"], r["r2"]): r["dice"] for r in rows if r["pooling"] == "pooled"}


def test_every_resolution_has_its_rows(done: Plan) -> None:
    sizes = {(r1, r2) for _, r1, r2 in dice_of(done)}
    assert sizes == {(None, None), *map(tuple, SIZES)}


def test_the_layers_own_size_scores_the_same(done: Plan) -> None:
    found = dice_of(done)
    for name in ("membrane", "mitochondrion", "psd"):
        assert found[name, 64, 64] == found[name, None, None]


@pytest.mark.parametrize(("r1", "r2"), SIZES)
def test_dice_is_that_of_images_at_r1_and_masks_at_r2(done: Plan, r1: int, r2: int) -> None:
    """Computed here once more: bilinear, and any mask value above 0 counts as 1."""
    (run,) = done.items
    stored = Run.open(done.run_folder(run) / "training").load()
    data = TileDataset.open(done.folder.parent / "real")
    c, tp, wrong = stored.classes.index("membrane"), 0, 0
    for layer in sweeping.TEST:
        row = data.column("layer").index(layer)
        image = cv2.resize(data.image(row).astype(np.float32), (80 * r1 // 64, r1), interpolation=cv2.INTER_LINEAR)
        seen = torch.from_numpy(np.round(image) / 255)[None, None]
        height, width = (-(-side // 4) * 4 for side in seen.shape[-2:])  # this model halves twice
        assert (height, width) == tuple(seen.shape[-2:])
        with torch.inference_mode():
            found = stored.model(seen)[0, c].sigmoid().numpy() >= 0.5
        size = (80 * r2 // 64, r2)
        masks = [m.astype(np.float32) for m in (found, data.masks(row)[c])]
        ours, true = (cv2.resize(m, size, interpolation=cv2.INTER_LINEAR) > 0 for m in masks)
        tp += int((ours & true).sum())
        wrong += int((ours ^ true).sum())
    assert dice_of(done)["membrane", r1, r2] == pytest.approx(2 * tp / (2 * tp + wrong), abs=2e-3)


def test_the_page_has_a_plot_and_a_table(done: Plan, tmp_path: Path) -> None:
    view = View(done.folder)
    (line,) = view.along("membrane", "resolution")
    assert [cell.resolution for cell in line.cells] == sorted(map(tuple, SIZES))
    text = report([done.folder], tmp_path / "page.html").read_text()
    assert 'id="dice-resolution-membrane"' in text
    assert "32 → 64" in text[text.index('id="resolutions"') :]
