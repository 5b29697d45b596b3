"""The shipped studies on real layers, each from its file to its page, smaller than `--quick`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import making
import pytest
from pyarrow import parquet

from synthem.cli import run
from synthem.sweep import Plan

TINY = "tiny-unet:widths=4-4-8"
CUTS: dict[str, dict[str, Any]] = {
    "capacity": {"grid.model": [TINY, "tiny-unet:widths=4-8-8"], "grid.real.subsample.train": [1, 2]},
    "label-bias": {
        "grid.synthetic.n": [0, 2],
        "synthetic.pool": 2,
        "model": TINY,
        "grid.real.corrupt.strength": [0, 8],
    },
    "skip-paths": {},
    "losses": {"grid.training.loss": ["bce", "bce+iou+dice"]},
    "transfer": {"model": TINY, "grid.real.subsample.train": [1]},
    "two-stage": {},
}
"""What is smaller than `--quick` beside the number of steps."""
WANTED = {
    "capacity": ["dice-mitochondrion", "curves-mitochondrion"],
    "label-bias": ["dice-mitochondrion"],
    "skip-paths": ["iou-membrane", "iou-share-membrane", "curves-membrane"],
    "losses": ["iou-mitochondrion", "curves-mitochondrion"],
    "transfer": ["dice-organelle", "dice-share-organelle", "dice-resolution-organelle"],
    "two-stage": ["dice-mitochondrion", "confusion-mitochondrion-psd"],
}
"""The study's own plots."""


def options(changes: dict[str, Any]) -> list[str]:
    """Of the command: fewer steps, and the changes."""
    listed = {"training.steps": 2, "training.batch": 2, **changes}
    return [part for key, value in listed.items() for part in ("--set", f"{key}={json.dumps(value)}")] + ["--json"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Imported once for all."""
    return tmp_path_factory.mktemp("studies")


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", CUTS)
def test_a_study_runs_to_its_page(
    name: str,
    store: Path,
    real_layers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SYNTHEM_DATA", str(real_layers))
    out = tmp_path / name
    assert run(["sweep", name, "--quick", "--out", str(out), "--store", str(store), *options(CUTS[name])]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["points"]) == {"done"}
    page = (out / "report.html").read_text()
    for plot in WANTED[name]:
        assert f'id="{plot}"' in page
    rows = parquet.read_table(out / "results.parquet").to_pylist()
    assert any(row["dice"] is not None for row in rows)
    for item in Plan.open(out).items.values():  # --quick looks at no layer of the test volume
        assert all(layer.startswith("training") for layer in item.test.names)


@pytest.mark.parametrize("name", ["skip-paths", "losses", "label-bias"])
def test_a_study_runs_on_any_folder(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layers = [f"picture{i}" for i in range(6)]
    making.layers(tmp_path / "mine", layers, (256, 320), splits=["train"] * 6)
    other = {
        "real.data": str(tmp_path / "mine"),
        "real.subsample": {"train": 3, "validate": 1, "test": 2},
        "grid": {"training.seed": [0]},
        "report.x": None,
        "model": TINY,
    }
    out = tmp_path / "sweep"
    assert run(["sweep", name, "--quick", "--out", str(out), *options(other)]) == 0
    assert json.loads(capsys.readouterr().out)["points"] == {"done": 1}
    (item,) = Plan.open(out).items.values()
    assert (len(item.test.names), set(item.test.names) <= set(layers)) == (2, True)


def test_a_model_trained_on_tiles_goes_on_on_any_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    making.layers(tmp_path / "mine", [f"picture{i}" for i in range(6)], (256, 320), splits=["train"] * 6)
    other = {
        "real.data": str(tmp_path / "mine"),
        "grid.real.subsample.seed": [0, 1],
        "grid.real.subsample.train": [1, 2],
        "mix.window": 64,
        "evaluation": {"window": 64},
        "model": TINY,
    }
    out = tmp_path / "sweep"
    assert run(["sweep", "transfer", "--quick", "--out", str(out), *options(other)]) == 0
    assert json.loads(capsys.readouterr().out)["points"] == {"done": 12}
    assert len(Plan.open(out).items) == 13  # all that begin with tiles begin with the same run
