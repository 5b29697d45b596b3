"""Carrying out a plan: every run once, failures apart, damage mended, tables that are exactly the runs."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sweeping
import torch
from pyarrow import parquet

from synthem.errors import SynthemError
from synthem.evaluate import SCORES, Evaluation, t_interval
from synthem.sweep import Plan, carry_out, outcomes, unfinished, write_tables
from synthem.sweep.engine import Failure
from synthem.sweep.estimate import estimate
from synthem.sweep.grid import TAKEN
from synthem.sweep.runs import history, result
from synthem.sweep.table import cells
from synthem.sweep.table import rows as rows_of
from synthem.tiles.pool import usable_cores
from synthem.train import Run


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A finished sweep; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("done")
    grid = {"real.layers": [0, 1], "synthetic.n": [0, 2], "training.seed": [0, 1]}
    plan = sweeping.plan(sweeping.layers(folder / "real"), folder / "sweep", grid=grid)
    carry_out(plan)
    return plan


@pytest.fixture
def copy(done: Plan, tmp_path: Path) -> Plan:
    shutil.copytree(done.folder, tmp_path / "copy")
    return Plan.open(tmp_path / "copy")


def table(plan: Plan) -> list[dict[str, Any]]:
    """Rows without what a clock says."""
    rows = parquet.read_table(plan.folder / "results.parquet").to_pylist()
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def test_the_table_has_one_row_for_each_point_class_and_pooling(done: Plan) -> None:
    rows = table(done)
    keys = {(row["run"], row["class"], row["pooling"]) for row in rows}
    assert len(rows) == len(keys) == len(done.items) * 6 * 2
    assert {(r["training.seed"], r["real.layers"], r["synthetic.n"]) for r in rows} == {
        (s, *cell) for s in (0, 1) for cell in ((0, 2), (1, 0), (1, 2))
    }


def test_no_axis_may_have_the_name_of_another_column(done: Plan) -> None:
    columns = {name for row in table(done) for name in row if not name.startswith("on_")}
    assert columns - set(done.axes) == TAKEN - {"seconds"}


def test_every_score_is_that_of_the_evaluation(done: Plan) -> None:
    for row in table(done):
        folder = done.run_folder(row["run"])
        evaluation, training = Evaluation.open(folder / "test"), Run.open(folder / "training")
        scores = evaluation.result[row["pooling"]][row["class"]]
        assert {score: row[score] for score in SCORES} == scores
        c = evaluation.counts.classes.index(row["class"])
        assert [row["tp"], row["fp"], row["fn"]] == [int(n[c]) for n in evaluation.counts.pooled()[:3]]
        confused = [row[f"on_{name}"] for name in evaluation.counts.classes]
        assert confused == evaluation.result["confusion"][c]
        assert row["steps"] == training.summary["steps"] == 4


def test_the_table_says_what_is_in_the_mix(done: Plan) -> None:
    for row in table(done):
        assert row["layers_real"] == row["real.layers"]
        assert row["tiles_synthetic"] == row["synthetic.n"]
        assert row["windows"] == row["windows_real"] + row["windows_synthetic"]
        assert row["count"] == row["count_real"] + row["count_synthetic"]


def test_table_csv_averages_over_the_seeds(done: Plan) -> None:
    rows = table(done)
    listed = list(csv.DictReader((done.folder / "table.csv").read_text().splitlines()))
    assert len(listed) == 3 * 6 * 2
    for line in listed:
        key = (int(line["real.layers"]), int(line["synthetic.n"]), line["class"], line["pooling"])
        same = [r for r in rows if (r["real.layers"], r["synthetic.n"], r["class"], r["pooling"]) == key]
        assert len(same) == 2
        for score in SCORES:
            held = [r[score] for r in same if r[score] is not None]
            wanted = t_interval(held)
            found = [float(line[score + end] or "nan") for end in ("", "_low", "_high")]
            np.testing.assert_allclose(found, wanted[:3], rtol=1e-5, atol=1e-9)
        assert int(line["n"]) == sum(r["dice"] is not None for r in same)


def test_a_finished_sweep_is_found_done(copy: Plan) -> None:
    def written() -> dict[Path, int]:
        files = [p for p in (copy.folder / "runs").rglob("*") if p.is_file() and p.name != ".lock"]
        return {p: p.stat().st_mtime_ns for p in files}

    before = written()
    lines: list[str] = []
    rows = table(copy)
    carry_out(copy, say=lines.append)
    assert lines == []
    assert table(copy) == rows
    assert written() == before


def test_processes_give_the_same_results(done: Plan, tmp_path: Path) -> None:
    """With as many threads, which change the order of sums and so the last digits of every weight."""

    def of_two_runs(name: str) -> Plan:
        shutil.copytree(done.folder, tmp_path / name, ignore=shutil.ignore_patterns("runs"))
        plan = Plan.open(tmp_path / name)
        items = {key: plan.items[key] for key in list(plan.items)[:2]}
        return Plan(plan.folder, plan.about, plan.store, plan.entries, items)

    here, apart = of_two_runs("here"), of_two_runs("apart")
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, usable_cores() // 2))
    try:
        carry_out(here)
    finally:
        torch.set_num_threads(threads)
    lines: list[str] = []
    carry_out(apart, engine="process", workers=2, say=lines.append)
    assert len(lines) == 2
    ours, theirs = ({(r["run"], r["class"], r["pooling"]): r["dice"] for r in table(plan)} for plan in (here, apart))
    assert ours == theirs


@pytest.mark.parametrize(
    "damage",
    [
        "result.json",
        "training/model.safetensors",
        "training/training.json",
        "test/result.json",
        "test/metrics.parquet",
    ],
)
@pytest.mark.parametrize("cut", [True, False])
def test_what_is_damaged_is_done_again_and_counts_once(copy: Plan, done: Plan, damage: str, cut: bool) -> None:
    folder = copy.run_folder(next(iter(copy.items)))
    path = folder / damage
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if cut else b"")
    (folder / "result.json").write_text("{")
    assert [o.status for o in outcomes(copy)].count("missing") == 1
    assert unfinished(copy) == [next(iter(copy.items))]
    carry_out(copy)
    assert table(copy) == table(done)


def test_a_result_without_its_parts_is_no_result(copy: Plan) -> None:
    folder = copy.run_folder(next(iter(copy.items)))
    (folder / "result.json").write_text(json.dumps({"mix": {}}))
    assert result(folder) is None


def test_a_failing_run_is_listed_and_stops_nobody(done: Plan, tmp_path: Path) -> None:
    real = done.folder.parent / "real"
    losses = {"grid": {"training.lr": [1e-3, 1e30], "synthetic.n": [0], "training.seed": [0]}}
    plan = sweeping.plan(real, tmp_path, training={"loss": "bce"}, **losses)
    found = carry_out(plan)
    assert [o.status for o in found] == ["done", "failed"]
    assert "the loss is" in found[1].reason
    assert "on samples" in found[1].reason
    assert {row["training.lr"] for row in table(plan)} == {1e-3}
    assert [o.status for o in outcomes(Plan.open(plan.folder))] == ["done", "failed"]
    assert unfinished(plan) == [plan.entries[1].run]


def test_a_failed_run_that_succeeds_later_is_no_longer_listed(copy: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthem.sweep import runs

    shutil.rmtree(copy.run_folder(next(iter(copy.items))))
    with monkeypatch.context() as patched:
        patched.setattr(runs, "train", _full_disk)
        statuses = [o.status for o in carry_out(copy)]
    assert statuses.count("failed") == 1
    assert "No space left" in next(o.reason for o in outcomes(copy) if o.status == "failed")
    assert "failed" not in [o.status for o in carry_out(copy)]


def _full_disk(*_: Any, **__: Any) -> None:
    raise OSError(28, "No space left on device")


def test_a_mix_that_is_not_the_planned_one_is_refused(copy: Plan) -> None:
    key, item = next(iter(copy.items.items()))
    shutil.rmtree(copy.run_folder(key))
    shutil.rmtree(copy.store / item.mix)
    failed = [o for o in carry_out(copy) if o.status == "failed"]
    assert len(failed) == 1
    assert "there is no such folder" in failed[0].reason


def test_tables_follow_the_plan_not_the_store(copy: Plan) -> None:
    """A run that another study left in the store is nobody else's."""
    key = next(iter(copy.items))
    shutil.copytree(copy.run_folder(key), copy.run_folder("0" * 16))
    rows = table(copy)
    write_tables(copy)
    assert table(copy) == rows


def test_points_that_share_a_run_each_have_their_rows(tmp_path: Path) -> None:
    grid = {"synthetic.recipe": ["axons", "mitochondria"], "synthetic.n": [0], "training.seed": [0]}
    plan = sweeping.plan(sweeping.layers(tmp_path / "real"), tmp_path / "sweep", grid=grid)
    assert len(plan.items) == 1
    carry_out(plan)
    rows = table(plan)
    assert len({row["run"] for row in rows}) == 1
    assert {(row["synthetic.recipe"], row["class"], row["pooling"]) for row in rows} == {
        (recipe, row["class"], pooling)
        for recipe in ("axons", "mitochondria")
        for row in rows
        for pooling in ("pooled", "mean")
    }
    assert len(rows) == 2 * 6 * 2


def test_a_run_that_repeats_share_is_one_measurement(tmp_path: Path) -> None:
    real = sweeping.layers(tmp_path / "real")
    grid = {"training.seed": None, "synthetic.seed": [0, 1]}
    plan = sweeping.plan(real, tmp_path / "sweep", grid=grid, report={"repeats": ["synthetic.seed"]})
    assert len(plan.items) == 3  # without tiles their seed makes no difference
    listed = cells(plan, rows_of(plan, carry_out(plan)))
    assert {(cell.at["synthetic.n"], len(cell.rows)) for cell in listed} == {(0, 1), (2, 2)}


def test_what_is_left_is_shared_by_the_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate is that of the runs that were done; one that failed at once doesn't make the others quick."""
    from synthem.sweep import sweep as module

    real = sweeping.layers(tmp_path / "real")
    plan = sweeping.plan(real, tmp_path / "sweep", grid={"training.seed": [0, 1, 2, 3, 4], "synthetic.n": None})
    done = {"seconds": 600, "evaluation": {"pooled": {}}}
    became = [Failure("the loss is nan"), done, done, done, done]
    monkeypatch.setattr(module, "run", lambda unit, items, engine, workers: enumerate(became[: len(items)]))
    lines: list[str] = []
    carry_out(plan, engine="process", workers=2, say=lines.append)
    assert [line.partition("; ")[2] for line in lines] == [
        "",
        "about 15 min left",
        "about 10 min left",
        "about 5 min left",
        "",
    ]


def test_finished_runs_tell_the_time(done: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    from synthem.sweep import estimate as module

    monkeypatch.setattr(module, "_measure", None)  # nothing is measured
    key = next(iter(done.items))
    held = [result(done.run_folder(k)) for k in done.items]
    seconds = [r["seconds"] for r in held if r is not None]
    assert 0.2 * min(seconds) < estimate(done, [key]) < 5 * max(seconds)


def test_curves_are_at_hand(done: Plan) -> None:
    rows = history(done, next(iter(done.items)))
    assert rows[-1]["step"] == 4
    assert rows[-1]["validation_dice"] is not None


def test_two_processes_do_not_sweep_one_folder(copy: Plan) -> None:
    from synthem.models.files import locked

    with locked(copy.folder / ".lock"), pytest.raises(SynthemError, match="another process sweeps it"):
        carry_out(copy)


def test_an_unknown_device_is_told_before_anything_runs(copy: Plan) -> None:
    with pytest.raises(SynthemError, match="device 'gpu'"):
        carry_out(copy, device="gpu")
