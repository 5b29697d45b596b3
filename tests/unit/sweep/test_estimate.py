"""The estimate of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sweeping
from sweeping import ITEM

from synthem.errors import SynthemError
from synthem.evaluate import EvaluateConfig
from synthem.sweep import carry_out
from synthem.sweep import estimate as module
from synthem.sweep.estimate import cost, duration, estimate, steps
from synthem.train import TrainConfig


def test_cost_counts_pixels_trained_and_a_third_of_those_predicted() -> None:
    item = replace(ITEM, training=TrainConfig(epochs=3, batch=4).to_json(), validation=None)
    assert steps(item) == 3 * (10 // 4)
    assert cost(item) == pytest.approx(6 * 4 * 32**2 + 4 * 1000 / 3)
    whole = replace(item, evaluation=vars(EvaluateConfig(window=None)))
    assert cost(whole) == pytest.approx(6 * 4 * 32**2 + 1000 / 3)
    watched = replace(whole, validation=replace(ITEM.test, pixels=300))
    assert cost(watched) == pytest.approx(cost(whole) + 3 * 300 / 3)


def test_fewer_samples_than_a_batch_are_one_step_of_them() -> None:
    item = replace(ITEM, training=TrainConfig(epochs=3, batch=16).to_json(), validation=None)
    assert cost(item) == pytest.approx(3 * 10 * 32**2 + 4 * 1000 / 3)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (89, "89 s"), (150, "2 min"), (5300, "88 min"), (12000, "3 h 20 min"), (200000, "2 d 8 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_few_steps_tell_where_nothing_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = sweeping.plan(sweeping.layers(tmp_path / "real"), tmp_path / "sweep")
    monkeypatch.setattr(module, "_measure", cache_first(module._measure))
    few, all_ = estimate(plan, list(plan.items)[:1]), estimate(plan, list(plan.items))
    assert 0 < few < all_
    assert estimate(plan, []) == 0
    assert not (tmp_path / "sweep" / "runs").exists()


def cache_first(measure: Callable[..., float]) -> Callable[..., float]:
    """Measured once: two measurements of so few steps may differ by more than the runs do."""
    measured: list[float] = []

    def once(*given: Any) -> float:
        if not measured:
            measured.append(measure(*given))
        return measured[0]

    return once


def test_what_happens_once_is_not_counted_for_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first training of a process is slow to start, by more than the steps measured take."""
    started: list[int] = []

    def trained(*given: Any) -> SimpleNamespace:
        started.append(given[3]["steps"])
        return SimpleNamespace(summary={"seconds": (30.0 if len(started) == 1 else 2.0) + 0.5 * started[-1]})

    monkeypatch.setattr(module, "train", trained)
    plan = sweeping.plan(sweeping.layers(tmp_path / "real"), tmp_path / "sweep")
    runs = list(plan.items.values())
    pixels = min(runs[0].training["batch"], runs[0].windows) * runs[0].window ** 2
    assert estimate(plan, plan.items) == pytest.approx(0.5 / pixels * sum(cost(item) for item in runs))


def test_weights_that_are_out_of_reach_keep_nobody_from_the_estimate(tmp_path: Path) -> None:
    """The run itself fails with a line, and the others are done."""
    smp = {"name": "smp:Unet/resnet18", "weights": str(tmp_path / "gone.safetensors")}
    grid = {"training.seed": [0], "synthetic.n": None, "model": [smp, "tiny-unet:widths=4-4-8"]}
    plan = sweeping.plan(sweeping.layers(tmp_path / "real"), tmp_path / "sweep", grid=grid)
    assert estimate(plan, plan.items) > 0
    found = carry_out(plan)
    assert [outcome.status for outcome in found] == ["failed", "done"]
    assert "gone.safetensors" in found[0].reason
    assert "\n" not in found[0].reason


def test_a_run_that_fails_at_once_keeps_nobody_from_the_estimate(tmp_path: Path) -> None:
    bad, good = {"training.loss": "bce", "training.lr": 1e30}, {"model": "tiny-unet:widths=4-8"}
    real = sweeping.layers(tmp_path / "real")
    grid = {"training.seed": [0], "synthetic.n": None, "arm": {"bad": bad, "good": good}}
    plan = sweeping.plan(real, tmp_path / "sweep", grid=grid)
    assert estimate(plan, plan.items) > 0
    assert [outcome.status for outcome in carry_out(plan)] == ["failed", "done"]
    alone = sweeping.plan(real, tmp_path / "alone", grid={**grid, "arm": {"bad": bad}})
    with pytest.raises(SynthemError, match="the loss is nan"):
        estimate(alone, alone.items)
