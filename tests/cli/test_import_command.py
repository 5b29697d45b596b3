"""`synthem import`: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from raw import binary, blob, grey, save

from synthem.cli import run
from synthem.tiles.dataset import TileDataset


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three layers, one mask too many."""
    for i, name in enumerate(["a", "b", "c"]):
        save(tmp_path / "data" / "images" / f"{name}.png", grey(i))
        save(tmp_path / "data" / "cells" / f"{name}.png", binary(blob(i)))
    save(tmp_path / "data" / "cells" / "z.png", binary(blob(9)))
    (tmp_path / "data.yaml").write_text(
        "name: data\nimages: images\nlabels: {kind: masks, classes: {cell: cells}}\nnm_per_px: 5\n"
    )
    return tmp_path / "data"


def call(*arguments: object) -> int:
    return run(["import", *map(str, arguments)])


def test_a_descriptor_and_its_data(root: Path, capsys: pytest.CaptureFixture[str]):
    out = root.parent / "out"
    assert call(root.parent / "data.yaml", "--root", root, "--out", out) == 0
    text = capsys.readouterr().out
    assert text.splitlines() == [
        "1 × mask without a layer → left out",
        "    cells/z.png",
        f"{out}: 3 layers (3 train), written",
    ]
    assert TileDataset.open(out).column("nm_per_px") == [5, 5, 5]
    assert call(root.parent / "data.yaml", "--root", root, "--out", out) == 0
    assert capsys.readouterr().out.endswith("3 layers (3 train), holds them already\n")


def test_the_summary_is_one_json_value(root: Path, capsys: pytest.CaptureFixture[str]):
    assert call(root.parent / "data.yaml", "--root", root, "--out", root.parent / "out", "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["layers"] == 3
    assert summary["splits"] == {"train": 3}
    assert summary["problems"] == [{"file": "cells/z.png", "what": "mask without a layer", "done": "left out"}]


def test_strict_prints_the_table_and_refuses(root: Path, capsys: pytest.CaptureFixture[str]):
    assert call(root.parent / "data.yaml", "--root", root, "--out", root.parent / "out", "--strict") == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.splitlines() == [
        "1 × mask without a layer → left out",
        "    cells/z.png",
        "error: cells/z.png: mask without a layer, problem 1 of 1; mend the files, or leave out --strict",
    ]
    assert not (root.parent / "out").exists()


def test_guess_writes_a_descriptor_that_imports(root: Path, capsys: pytest.CaptureFixture[str]):
    written = root / "guessed.yaml"
    assert call(root, "--guess", "--out", written) == 0
    assert yaml.safe_load(written.read_text())["labels"] == {"kind": "masks", "classes": {"cells": "cells"}}
    assert call(root, "--guess", "--out", written) == 2
    assert "exists already; name a new file" in capsys.readouterr().err
    assert call(written, "--out", root.parent / "out") == 0
    assert len(TileDataset.open(root.parent / "out")) == 3


def test_a_folder_without_descriptor_shows_what_it_looks_like(root: Path, capsys: pytest.CaptureFixture[str]):
    assert call(root, "--out", root.parent / "out") == 0
    streams = capsys.readouterr()
    assert "has no descriptor; this is what it looks like:" in streams.err
    assert "images: images" in streams.err
    assert TileDataset.open(root.parent / "out").classes.names == ("cells",)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["none.yaml"], "none.yaml: there is no such file"),
        (["none"], "none: there is no such file or folder"),
        (["data.yaml", "--root", "nowhere"], "nowhere: there is no such folder; name the data's folder with --root"),
        (["data.yaml", "--guess"], "data.yaml: is a descriptor already; leave out --guess"),
        (["data.yaml"], "images: there is no such file or folder; check the descriptor and --root"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(
    root: Path, arguments: list[str], text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(root.parent)
    assert call(*arguments, "--out", "out") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert text in error
    assert not (root.parent / "out").exists()
