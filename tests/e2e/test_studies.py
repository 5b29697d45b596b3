"""The shipped studies on real layers, each from its file to its page, smaller than `--quick`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
    "transfer": {"model": TINY, "synthetic.pool": 60, "grid.real.subsample.train": [1]},
}
"""What is smaller than `--quick` beside the number of steps."""
WANTED = {
    "capacity": ["dice-mitochondrion", "curves-mitochondrion"],
    "label-bias": ["dice-mitochondrion"],
    "skip-paths": ["iou-membrane", "iou-share-membrane", "curves-membrane"],
    "losses": ["iou-mitochondrion", "curves-mitochondrion"],
    "transfer": ["dice-organelle", "dice-share-organelle", "dice-resolution-organelle"],
}
"""The study's own plots."""


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
    changes = {"training.steps": 2, "training.batch": 2, **CUTS[name]}
    options = [part for key, value in changes.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    out = tmp_path / name
    assert run(["sweep", name, "--quick", "--out", str(out), "--store", str(store), *options, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["points"]) == {"done"}
    page = (out / "report.html").read_text()
    for plot in WANTED[name]:
        assert f'id="{plot}"' in page
    rows = parquet.read_table(out / "results.parquet").to_pylist()
    assert any(row["dice"] is not None for row in rows)
    for item in Plan.open(out).items.values():  # --quick looks at no layer of the test volume
        assert all(layer.startswith("training") for layer in item.test.names)
