"""`synthem mix` as a command."""

from __future__ import annotations

import json
from pathlib import Path

import making
import pytest

from synthem.cli import run


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    making.layers(tmp_path / "real", ("a", "b", "c"))
    making.tiles(tmp_path / "tiles", 6)
    return [
        "--real",
        str(tmp_path / "real"),
        "--synthetic",
        str(tmp_path / "tiles"),
        "--window",
        "64",
        "--stride",
        "32",
    ]


def test_it_prints_the_summary(sources: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["mix", *sources, "--real-layers", "2", "--n-synthetic", "3", "--out", str(tmp_path / "mix")]) == 0
    shown = capsys.readouterr().out
    assert "27 windows" in shown
    assert "synthetic" in shown
    assert "vesicle" in shown


def test_json_is_one_line(sources: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(["mix", *sources, "--real-layers", "a,c", "--until", "psd=3", "--json", "--out", str(tmp_path / "m")]) == 0
    )
    summary = json.loads(capsys.readouterr().out)
    assert summary["real"]["layers"] == 2
    assert summary["total"]["count"]["psd"] >= 3


def test_rules_are_passed_on(sources: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = ["--present", "psd,axon", "--min-area", "membrane=1", "--max-per-layer", "2", "--drop-empty"]
    assert run(["mix", *sources, *rules, "--json", "--out", str(tmp_path / "m")]) == 0
    assert json.loads(capsys.readouterr().out)["real"]["windows"] <= 6
    wanted = {"present": ["psd", "axon"], "min_area_px": {"membrane": 1}, "max_per_layer": 2, "drop_empty": True}
    assert json.loads((tmp_path / "m" / "mix.json").read_text())["request"]["rules"] == wanted


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--until", "axon"], "such as axon=180"),
        (["--real-layers", "-1"], "ask for 0..3"),
        (["--n-synthetic", "7"], "generate more"),
        (["--balance", "nerve=2"], "class 'nerve'"),
        (["--min-area", "axon=many"], "--min-area axon=many"),
        (["--present", "nerve"], "class 'nerve'"),
    ],
)
def test_errors_are_one_line(
    sources: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    assert run(["mix", *sources, *arguments, "--out", str(tmp_path / "mix")]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
    assert not (tmp_path / "mix").exists()
