"""`synthem stats` as a command."""

from __future__ import annotations

import json
from pathlib import Path

import making
import pytest

from synthem.cli import run


def test_table_json_and_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [str(making.tiles(tmp_path / name, 4, seed=seed).folder) for seed, name in enumerate(("a", "b"))]
    assert run(["stats", folders[0]]) == 0
    shown = capsys.readouterr().out
    assert "mitochondrion" in shown
    assert "grey levels of" not in shown
    assert run(["stats", *folders, "--json", "--out", str(tmp_path / "out")]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [held["pictures"] for held in summary["datasets"]] == [4, 4]
    assert summary["grey_distance"][0]["score"]["all"] > 0
    assert {p.parent.name for p in (tmp_path / "out").glob("*/stats.html")} == {"0-a", "1-b"}
    assert run(["stats", str(tmp_path / "nowhere")]) == 2
    assert "there is no such folder" in capsys.readouterr().err
