"""`synthem sweep` and `synthem report` as commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sweeping
import yaml

from synthem.cli import run


@pytest.fixture
def study(tmp_path: Path) -> Path:
    content = sweeping.content(Path("real"), title="A study", quick={"grid": {"training.seed": [0]}})
    sweeping.layers(tmp_path / "real")  # the study names it relative to its own place
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def summary(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def test_a_study_is_run_reported_and_found_done(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["sweep", str(study), "--out", str(tmp_path / "sweep")]
    assert run(arguments) == 0
    said = capsys.readouterr()
    assert "A study: 2 cells, 4 runs, 4 of them to do" in said.err
    assert "[4/4] training.seed=1 synthetic.n=2: Dice axon" in said.err
    assert f"{tmp_path / 'sweep'}: 4 done" in said.out
    assert f"Open {tmp_path / 'sweep' / 'report.html'}" in said.out
    for name in ("report.html", "results.parquet", "table.csv"):
        assert (tmp_path / "sweep" / name).stat().st_size
    assert run([*arguments, "--json"]) == 0
    assert summary(capsys)["points"] == {"done": 4}


def test_a_folder_goes_on_by_itself(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sweep", str(study), "--out", str(tmp_path / "a"), "--plan", "--json"]) == 0
    planned = summary(capsys)
    assert (planned["runs"], planned["to_do"]) == (4, 4)
    assert planned["estimate_s"] > 0
    study.unlink()
    (tmp_path / "a").rename(tmp_path / "b")
    assert run(["sweep", str(tmp_path / "b"), "--json"]) == 0
    assert summary(capsys)["points"] == {"done": 4}
    assert run(["sweep", str(tmp_path / "b"), "--quick"]) == 2
    assert "--quick: " in capsys.readouterr().err


def test_quick_and_set(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--quick", "--set", "grid.synthetic.n=[2]", "--set", "training.steps=2"]
    assert run(["sweep", str(study), "--out", str(tmp_path / "sweep"), *options, "--json"]) == 0
    assert summary(capsys)["runs"] == 1
    assert run(["sweep", str(study), "--out", str(tmp_path / "sweep")]) == 2
    assert "holds a sweep of tiny at its quick size" in capsys.readouterr().err


def test_a_failed_run_makes_the_exit_code_1(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--quick", "--set", "training.loss=bce", "--set", "grid.training.lr=[0.001, 1.0e+30]"]
    assert run(["sweep", str(study), "--out", str(tmp_path / "sweep"), *options, "--json"]) == 1
    told = summary(capsys)
    assert told["points"] == {"done": 2, "failed": 2}
    assert all("the loss is" in reason for reason in told["failed"].values())
    assert Path(told["report"]).is_file()


def test_a_report_over_two_sweeps(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        store = ["--store", str(tmp_path / "store")]
        assert run(["sweep", str(study), "--quick", "--out", str(tmp_path / name), *store]) == 0
    capsys.readouterr()
    page = tmp_path / "pages" / "both.html"
    assert run(["report", str(tmp_path / "one"), str(tmp_path / "two"), "--out", str(page), "--json"]) == 0
    told = summary(capsys)
    assert told["out"] == str(page)
    assert set(told["sweeps"]) == {str(tmp_path / "one"), str(tmp_path / "two")}
    assert page.is_file()
    assert len(list((tmp_path / "store" / "runs").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["sweep", "quikstart", "--out", "x"], "study 'quikstart': there is none; did you mean 'quickstart'"),
        (["sweep", "quickstart"], "--out: name the folder of the sweep"),
        (["sweep", "quickstart", "--out", "x", "--engine", "ray"], "engine 'ray': there is none"),
        (["sweep", "quickstart", "--out", "x", "--device", "tpu"], "device 'tpu': there is none"),
        (["sweep", "quickstart", "--out", "x", "--workers", "-1"], "workers: -1"),
        (["sweep", "quickstart", "--out", "x", "--set", "training.lr"], "--set training.lr: write PATH=VALUE"),
        (["report", "nowhere", "--out", "page.html"], "nowhere: holds no sweep"),
    ],
)
def test_faults_are_one_line_and_write_nothing(
    arguments: list[str],
    fault: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    told = capsys.readouterr()
    assert fault in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""
    assert list(tmp_path.iterdir()) == []
