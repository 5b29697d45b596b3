"""Stages: runs that begin with the weights of others, trained once for all that share them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import sweeping
import torch

from synthem.curate.mix import Mix
from synthem.errors import SynthemError
from synthem.models.store import read_tensors
from synthem.sweep import Plan, Study, carry_out, outcomes, unfinished
from synthem.sweep.runs import result
from synthem.train import initial

FIRST = {"real.layers": 0, "synthetic.n": 2, "training.steps": 3}
STARTS: dict[str, Any] = {
    "grid": {
        "training.seed": [0],
        "synthetic.n": None,
        "start": {"random": {}, "tiles": {"stages": [FIRST, {}]}, "tiles, lower": {"stages": [FIRST, {}]}},
        "training.lr": [1e-3, 1e-4],
    }
}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sweeping.layers(tmp_path_factory.mktemp("stages") / "real")


@pytest.fixture(scope="module")
def done(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    grid = {"start": {"random": {}, "tiles": {"stages": [FIRST, {}]}}, "training.seed": [0], "synthetic.n": None}
    plan = sweeping.plan(real, tmp_path_factory.mktemp("done"), grid=grid | {"training.batch": [2, 1]})
    carry_out(plan)
    return plan


def weights(plan: Plan, run: str) -> dict[str, torch.Tensor]:
    return read_tensors(plan.run_folder(run) / "training" / "model.safetensors")[0]


def test_a_first_stage_is_a_run_that_comes_before_its_second(done: Plan) -> None:
    assert [o.status for o in outcomes(done)] == ["done"] * 4
    assert [len(wave) for wave in done.waves] == [4, 2]
    for entry in done.entries[2:]:
        item = done.items[str(entry.run)]
        (first,) = item.after
        assert item.training["init"] == f"runs/{first}"
        assert Mix.open(done.store / done.items[first].mix).summary["real"]["layers"] == 0
        assert list(done.items).index(first) < list(done.items).index(str(entry.run))


def test_a_later_stage_begins_with_the_weights_of_the_one_before(done: Plan, tmp_path: Path) -> None:
    entry = done.entries[2]
    item = done.items[str(entry.run)]
    given = done.run_folder(item.after[0]) / "training"
    identity = (done.run_folder(str(entry.run)) / "training" / "run.json").read_text()
    assert initial.fingerprint(str(given)) in identity
    random = weights(done, str(done.entries[0].run))
    assert any(not torch.equal(a, random[name]) for name, a in weights(done, str(entry.run)).items())


def test_cells_with_the_same_first_stage_train_it_once(real: Path, tmp_path: Path) -> None:
    plan = sweeping.plan(real, tmp_path, **STARTS)
    assert len(plan.entries) == 6
    firsts = {first for item in plan.items.values() for first in item.after}
    assert len(firsts) == 2  # one for each learning rate
    assert len(plan.items) == 2 + 2 + 2  # the two named starts are the same runs
    assert {plan.label(first) for first in firsts} == {
        f"before training.seed=0 start=tiles training.lr={lr}" for lr in (1e-3, 1e-4)
    }


def test_a_first_stage_alone_is_the_same_run(real: Path, tmp_path: Path) -> None:
    arms = {"arm": {"alone": FIRST, "both": {"stages": [FIRST, {}]}}, "synthetic.n": None, "training.seed": [0]}
    plan = sweeping.plan(real, tmp_path, grid=arms)
    assert plan.items[str(plan.entries[1].run)].after == [plan.entries[0].run]
    assert len(plan.items) == 2


def test_a_first_stage_that_fails_fails_what_follows_with_one_line(real: Path, tmp_path: Path) -> None:
    broken = {**FIRST, "training.lr": 1e30, "training.loss": "bce"}
    arms = {"broken": {"stages": [broken, {}, {"training.steps": 5}]}, "sound": {}}
    plan = sweeping.plan(real, tmp_path, grid={"arm": arms, "synthetic.n": None, "training.seed": [0]})
    found = carry_out(plan)
    assert [o.status for o in found] == ["failed", "done"]
    assert found[0].reason.startswith("the stage before, run ")
    assert "the loss is" in found[0].reason
    assert "\n" not in found[0].reason
    assert [p.name for p in plan.run_folder(str(found[0].entry.run)).iterdir() if p.name[0] != "."] == ["failed.json"]


def test_a_first_stage_that_was_lost_is_trained_again(done: Plan, tmp_path: Path) -> None:
    shutil.copytree(done.folder, tmp_path / "copy")
    plan = Plan.open(tmp_path / "copy")
    last = str(plan.entries[2].run)
    (first,) = plan.items[last].after
    before = weights(plan, last)
    for run in (first, last):
        shutil.rmtree(plan.run_folder(run))
    assert unfinished(plan) == [first, last]
    carry_out(plan)
    assert result(plan.run_folder(first)) is not None
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(plan, last).items())


def test_a_first_stage_that_is_damaged_is_trained_again_by_the_next_sweep(done: Plan, tmp_path: Path) -> None:
    shutil.copytree(done.folder, tmp_path / "copy")
    plan = Plan.open(tmp_path / "copy")
    last = str(plan.entries[2].run)
    (first,) = plan.items[last].after
    shutil.rmtree(plan.run_folder(last))
    model = plan.run_folder(first) / "training" / "model.safetensors"
    model.write_bytes(model.read_bytes()[:100])
    reasons = {outcome.reason for outcome in carry_out(plan)}
    assert f"the stage before, run {first}: its model is damaged; sweep the study again" in reasons
    assert unfinished(plan) == [first, last]
    assert {outcome.status for outcome in carry_out(plan)} == {"done"}


def test_processes_wait_for_what_they_begin_with(done: Plan, tmp_path: Path) -> None:
    shutil.copytree(done.folder, tmp_path / "apart", ignore=shutil.ignore_patterns("runs"))
    plan = Plan.open(tmp_path / "apart")
    last = str(plan.entries[2].run)
    keep = {key: plan.items[key] for key in [*plan.items[last].after, last]}
    lines: list[str] = []
    found = carry_out(
        Plan(plan.folder, plan.about, plan.store, plan.entries[2:3], keep),
        engine="process",
        workers=2,
        say=lines.append,
    )
    assert [o.status for o in found] == ["done"]
    assert [line.split("]")[0] for line in lines] == ["[1/2", "[2/2"]


@pytest.mark.parametrize(
    ("stages", "fault"),
    [
        ([{"training.init": "before"}, {}], "stage 1: there is no stage before the first"),
        ([{}, {"training.sed": 1}], "stage 2: training: setting 'sed': there is none"),
        ([{"stages.0": 1}], "stage 1: stages: has no settings"),
        ("two", "stages: "),
    ],
)
def test_faults(real: Path, stages: Any, fault: str) -> None:
    with pytest.raises(SynthemError) as caught:
        Study.build(sweeping.content(real, stages=stages))
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_stage_without_data_cannot_be_trained(real: Path, tmp_path: Path) -> None:
    plan = sweeping.plan(real, tmp_path, stages=[{"real.layers": 0}, {}], grid={"training.seed": [0]})
    assert [entry.run is None for entry in plan.entries] == [True, False]
