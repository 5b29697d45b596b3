"""Sweeps from end to end: killed at the worst moments, moved, gone on with elsewhere, and on real layers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sweeping
import yaml
from pyarrow import parquet

from synthem.cli import run
from synthem.sweep import Plan, outcomes

KILLED = """
import os, signal, sys

moment, *arguments = sys.argv[1:]

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def dying(function, calls):
    def called(*given, **named):
        calls.append(1)
        if len(calls) == AT[moment]:
            kill()
        return function(*given, **named)
    return called

# the estimate trains 12 steps; the first run has 16; a checkpoint of the second is written after 8
AT = {"training": 12 + 16 + 10, "evaluation": 3}
if moment == "training":
    from synthem.train.step import Step
    Step.__call__ = dying(Step.__call__, [])
elif moment == "evaluation":
    from synthem.evaluate import evaluation
    evaluation.count = dying(evaluation.count, [])
elif moment == "table":
    from pyarrow import parquet
    write = parquet.write_table
    def half(table, path):
        write(table, path)
        if "results" in str(path):
            with open(path, "r+b") as file:
                file.truncate(100)
            kill()
    parquet.write_table = half

from synthem.cli import run
sys.exit(run(arguments))
"""

ABSENT = """
import sys

for name in ("pydantic", "yaml", "shapely", "datasets", "segmentation_models_pytorch", "noise", "skimage", "tifffile"):
    sys.modules[name] = None

from synthem.report import report
from synthem.sweep import Plan, carry_out
print({outcome.status for outcome in carry_out(Plan.open(sys.argv[1]))})
report([sys.argv[1]], sys.argv[2])
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    training = {"steps": 16, "batch": 2, "precision": "float32"}
    content = sweeping.content(sweeping.layers(folder / "real"), training=training, real={"layers": 2})
    (folder / "tiny.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder / "tiny.yaml"


@pytest.fixture(scope="module")
def uninterrupted(study: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Results of the study, done in one go."""
    out = tmp_path_factory.mktemp("uninterrupted")
    assert run(["sweep", str(study), "--out", str(out)]) == 0
    return table(out)


def table(folder: Path) -> list[dict[str, Any]]:
    """Results without what a clock says."""
    rows = parquet.read_table(folder / "results.parquet").to_pylist()
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("moment", "finished"), [("training", 1), ("evaluation", 1), ("table", 4)])
def test_killed_moved_and_gone_on_with(
    moment: str, finished: int, study: Path, uninterrupted: list[dict[str, Any]], tmp_path: Path
) -> None:
    killed = python(KILLED, moment, "sweep", str(study), "--out", str(tmp_path / "here"))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "here" / "results.parquet").exists()
    plan = Plan.open(tmp_path / "here")
    statuses = {o.entry.run: o.status for o in outcomes(plan)}
    assert list(statuses.values()).count("done") == finished
    if moment == "training":
        second = plan.run_folder(list(plan.items)[1])
        assert (second / "training" / "checkpoint.safetensors").is_file()
    (tmp_path / "here").rename(tmp_path / "there")
    assert run(["report", str(tmp_path / "there"), "--out", str(tmp_path / "half.html")]) == 0
    assert run(["sweep", str(tmp_path / "there")]) == 0
    assert table(tmp_path / "there") == uninterrupted
    assert run(["sweep", str(study), "--out", str(tmp_path / "there")]) == 0
    assert table(tmp_path / "there") == uninterrupted


def test_a_plan_is_carried_out_where_only_training_is_installed(
    study: Path, uninterrupted: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert run(["sweep", str(study), "--out", str(tmp_path / "sweep"), "--plan"]) == 0
    done = python(ABSENT, str(tmp_path / "sweep"), str(tmp_path / "page.html"))
    assert (done.returncode, done.stdout) == (0, "{'done'}\n"), done.stderr
    assert (tmp_path / "page.html").is_file()
    scores = [(row["run"], row["class"], row["pooling"]) for row in table(tmp_path / "sweep")]
    assert scores == [(row["run"], row["class"], row["pooling"]) for row in uninterrupted]


@pytest.mark.real
@pytest.mark.slow
def test_the_quickstart_on_real_layers(
    real_layers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SYNTHEM_DATA", str(real_layers))
    assert run(["sweep", "quickstart", "--quick", "--out", str(tmp_path / "sweep"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["points"], told["notes"]) == ({"done": 2}, [])
    rows = table(tmp_path / "sweep")
    assert {(row["synthetic.n"], row["windows_real"], row["windows_synthetic"]) for row in rows} == {
        (0, 175, 0),  # 5 × 7 windows of 128 px, stride 64, on each of five layers of 384 × 512 px
        (20, 175, 20),
    }
    assert not any(row["stand_in"] for row in rows)
    plan = Plan.open(tmp_path / "sweep")
    for item in plan.items.values():
        assert item.test.names == tuple(f"testing{z}" for z in ("0000", "0001", "0002", "0162", "0163"))
        assert item.test.nm_per_px == 10
    membrane = [row["dice"] for row in rows if (row["class"], row["pooling"]) == ("membrane", "pooled")]
    assert all(score > 0.3 for score in membrane)  # 22 % of the pixels: predicting it everywhere gives 0.36
    assert (tmp_path / "sweep" / "report.html").stat().st_size < 5e6


def test_the_quickstart_where_there_are_no_real_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("synthem.sweep.sources.find_root", lambda name, root: None)
    small = ["real.stand_in.set={size: 256}", "training.steps=2", "grid.synthetic.n=[2]", "synthetic.pool=2"]
    options = [part for change in small for part in ("--set", change)]
    assert run(["sweep", "quickstart", "--quick", "--out", str(tmp_path / "sweep"), *options, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (note,) = told["notes"]
    assert note.startswith("No real layers of epfl-itmm were found")
    assert all(row["stand_in"] for row in table(tmp_path / "sweep"))
    assert note in (tmp_path / "sweep" / "report.html").read_text()
    results = [json.loads(path.read_text()) for path in (tmp_path / "sweep" / "runs").glob("*/result.json")]
    assert [held["stand_in"] for held in results] == [True]
