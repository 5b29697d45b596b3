"""`synthem corrupt` as a command."""

from __future__ import annotations

import json
from pathlib import Path

import making
import pytest

from synthem.cli import run
from synthem.tiles.dataset import TileDataset


def test_errors_are_applied_in_the_order_of_the_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiles = str(making.tiles(tmp_path / "tiles", 3).folder)
    arguments = ["--leave-out", "0.5", "--grow", "2", "--classes", "axon, psd", "--systematic", "--seed", "4"]
    assert run(["corrupt", tiles, *arguments, "--json", "--out", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 3
    record = TileDataset.open(tmp_path / "out").meta["corruption"]
    assert [step["kind"] for step in record["steps"]] == ["grow", "leave-out"]
    assert record["steps"][0] == record["steps"][0] | {"strength": 2.0, "classes": ["axon", "psd"], "systematic": True}
    assert record["seed"] == 4


def test_the_line_says_how_far_the_labels_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiles = str(making.tiles(tmp_path / "tiles", 3, splits=["train", "test", "test"]).folder)
    assert run(["corrupt", tiles, "--swap", "1", "--of", "all", "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "3 of 3 rows changed" in shown
    assert "Dice against the true labels: axon" in shown
    assert run(["corrupt", tiles, "--out", str(tmp_path / "none")]) == 2
    assert run(["corrupt", tiles, "--leave-out", "2", "--out", str(tmp_path / "none")]) == 2
    assert not (tmp_path / "none").exists()
