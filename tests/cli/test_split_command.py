"""`synthem split` as a command."""

from __future__ import annotations

import json
from pathlib import Path

import making
import pytest

from synthem.cli import run


def test_it_lists_the_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real = str(making.layers(tmp_path / "real", "abcdef", (32, 32)).folder)
    assert run(["split", real, "--sizes", "train=3,test=2", "--out", str(tmp_path / "one")]) == 0
    assert "3 train, 2 test, 1 unused" in capsys.readouterr().out
    assert run(["split", real, "--folds", "3", "--json", "--out", str(tmp_path / "folds")]) == 0
    assert len(json.loads(capsys.readouterr().out)["splits"]) == 3
    assert run(["split", real, "--sizes", "3,2", "--out", str(tmp_path / "bad")]) == 2
    assert "write train=15" in capsys.readouterr().err
    assert not (tmp_path / "bad").exists()
