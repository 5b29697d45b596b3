"""Snapshots: the model as it was on the way, whole after any interruption, and evaluated like a run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from learnable import discs
from torch import Tensor

from synthem.errors import SynthemError
from synthem.evaluate import EvaluateConfig, evaluate
from synthem.models import build_model
from synthem.models.store import read_tensors
from synthem.train import Run, TrainConfig, train

TINY = "tiny-unet:widths=4-8,dropout=0.2"
CONFIG = {
    "epochs": 4,
    "batch": 4,
    "lr": 1e-2,
    "precision": "float32",
    "snapshots": (1, 0, 0.25, 0.4, 0.3),
    "device": "cpu",
}


def weights(run: Run) -> dict[str, Tensor]:
    return read_tensors(run.weights)[0]


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_model_is_kept_before_during_and_after_training(tmp_path: Path) -> None:
    run = train(discs(9), None, TINY, CONFIG, tmp_path / "run")
    assert run.snapshots == (0, 0.25, 0.3, 0.4, 1)
    assert equal(weights(run.at(0)), dict(build_model(TINY, 1, 2).state_dict()))
    assert equal(weights(run.at(1)), weights(run))
    assert equal(weights(run.at(0.25)), weights(run.at(0.3)))  # both the second of 8 steps
    short = train(discs(9), None, TINY, {**CONFIG, "snapshots": (), "steps": 3}, tmp_path / "short")
    assert equal(weights(run.at(0.4)), weights(short))
    assert run.at(0.4).load().extra["share"] == 0.4
    assert short.snapshots == ()
    with pytest.raises(SynthemError, match=r"keeps no model at 0.5 of the steps; kept are 0, 0.25, 0.3, 0.4, 1"):
        run.at(0.5)


def test_an_interrupted_run_keeps_the_same_models(tmp_path: Path) -> None:
    whole = train(discs(9), None, TINY, CONFIG, tmp_path / "whole")
    for stop in (1, 3, 4):
        seen = 0

        def advance(n: int, stop: int = stop) -> None:
            nonlocal seen
            seen += n
            if seen >= stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(discs(9), None, TINY, CONFIG, tmp_path / "cut", advance=advance)
    cut = train(discs(9), None, TINY, CONFIG, tmp_path / "cut")
    assert cut.snapshots == whole.snapshots
    for share in whole.snapshots:
        assert whole.at(share).weights.read_bytes() == cut.at(share).weights.read_bytes()


def test_training_that_stops_early_keeps_what_it_reached(tmp_path: Path) -> None:
    config = {**CONFIG, "epochs": 200, "lr": 1e-9, "patience": 1, "snapshots": (0, 0.005, 1), "augment": "none"}
    run = train(discs(4), discs(2, seed=1), TINY, config, tmp_path / "run")
    assert run.summary["epochs"] < 200
    assert run.snapshots == (0, 0.005)


def test_a_snapshot_is_evaluated_like_a_run(tmp_path: Path) -> None:
    run = train(discs(9), None, TINY, CONFIG, tmp_path / "run")
    config = EvaluateConfig(window=32, precision="float32", device="cpu")
    first = evaluate(run.at(0), discs(2, seed=5), tmp_path / "first", config)
    last = evaluate(run, discs(2, seed=5), tmp_path / "last", config)
    assert (first.result["share"], last.result["share"]) == (0, None)
    assert first.result["identity"]["weights"] != last.result["identity"]["weights"]
    by_file = evaluate(run.at(0).weights, discs(2, seed=5), tmp_path / "first", config)
    assert by_file.result == first.result


@pytest.mark.parametrize("shares", [(1.2,), (-0.1, 0.5), (float("nan"),)])
def test_shares_lie_from_0_to_1(shares: tuple[float, ...]) -> None:
    with pytest.raises(SynthemError, match=r"snapshots=.*: must be shares of the steps, 0 to 1"):
        TrainConfig(snapshots=shares)
