"""`synthem export`: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from making import layers, tiles

from synthem.cli import run


@pytest.mark.parametrize("format", ["folders", "coco", "nnunet", "tiff", "npz"])
def test_every_format(tmp_path: Path, format: str, capsys: pytest.CaptureFixture[str]):
    tiles(tmp_path / "tiles", 2)
    out = tmp_path / "out"
    assert run(["export", str(tmp_path / "tiles"), "--format", format, "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith(f"{out}: 2 rows as {format}, classes axon, mitochondrion,")
    assert (out / "rows.csv").is_file()


def test_the_summary_is_one_json_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    layers(tmp_path / "d", ["a"], (32, 32), unknown_classes=["axon"])
    out = tmp_path / "out"
    assert run(["export", str(tmp_path / "d"), "--format", "npz", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "out": str(out),
        "format": "npz",
        "rows": 1,
        "classes": ["mitochondrion", "mitochondrial_boundary", "psd", "vesicle", "membrane"],
        "left_out": ["axon"],
    }


def test_classes_that_nobody_labelled_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    layers(tmp_path / "d", ["a"], (32, 32), unknown_classes=["axon"])
    assert run(["export", str(tmp_path / "d"), "--format", "npz", "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.endswith("left out, for nobody labelled them here: axon\n")


@pytest.mark.parametrize(
    ("format", "out", "text"),
    [
        ("nnunetv2", "out", "format 'nnunetv2': there is none; did you mean 'nnunet'?"),
        ("npz", "tiles", "holds something already; name an empty or a new folder"),
        ("npz", "tiles/README.md", "is a file; name a folder"),
    ],
)
def test_errors_are_one_line(tmp_path: Path, format: str, out: str, text: str, capsys: pytest.CaptureFixture[str]):
    tiles(tmp_path / "tiles", 1)
    assert run(["export", str(tmp_path / "tiles"), "--format", format, "--out", str(tmp_path / out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert text in error
    assert not (tmp_path / "out").exists()
