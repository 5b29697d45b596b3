"""Batch norms set for prediction: as an independent computation says, and nothing else moved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from learnable import discs
from torch import nn

from synthem.models import load_model
from synthem.models.machine import Machine
from synthem.train import TrainConfig, train
from synthem.train.data import Resident
from synthem.train.norms import recalibrate

CPU = Machine.pick("cpu", "float32")


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, 3, 3), nn.ReLU(), nn.BatchNorm2d(3)
    )


def test_statistics_are_those_of_the_samples_without_dropout() -> None:
    model, data = network(), Resident(discs(20, 16), torch.device("cpu"))
    recalibrate(model, data, (), TrainConfig(), CPU)
    seen, _, _ = data.batch(torch.arange(20))
    with torch.no_grad():
        first = model[0](seen)
        normed = model[1].eval()(first)
        second = model[4](model[3](normed))
    for norm, before in ((model[1], first), (model[5], second)):
        values = before.numpy().astype(float)
        assert norm.running_mean.numpy() == pytest.approx(values.mean((0, 2, 3)), abs=2e-4)
        assert norm.running_var.numpy() == pytest.approx(values.var((0, 2, 3), ddof=1), rel=0.02)


def test_many_samples_are_averaged_over_batches_and_a_few_are_a_seeded_choice() -> None:
    data = Resident(discs(70, 16), torch.device("cpu"))
    means = []
    for samples, seed in ((70, 0), (8, 0), (8, 0), (8, 1)):
        model = network()
        recalibrate(model, data, (), TrainConfig(recalibrate=samples, seed=seed), CPU)
        means.append(model[1].running_mean.numpy().copy())
    seen, _, _ = data.batch(torch.arange(70))
    with torch.no_grad():
        assert means[0] == pytest.approx(network()[0](seen).numpy().mean((0, 2, 3)), abs=2e-3)
    assert np.array_equal(means[1], means[2])
    assert not np.array_equal(means[1], means[3])


def test_modes_momentum_randomness_and_frozen_statistics_are_left_alone() -> None:
    model, data = network().train(), Resident(discs(4, 16), torch.device("cpu"))
    model[2].eval()
    state = torch.random.get_rng_state()
    recalibrate(model, data, (model[1],), TrainConfig(), CPU)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [module.training for module in model] == [True, True, False, True, True, True]
    assert (model[1].momentum, model[5].momentum) == (0.1, 0.1)
    assert torch.equal(model[1].running_mean, torch.zeros(4))
    assert not torch.equal(model[5].running_mean, torch.zeros(3))


def test_training_goes_on_as_it_would_have(tmp_path: Path) -> None:
    samples = discs(12, 32)
    kept = {}
    for n in (0, 12):
        config = TrainConfig(epochs=3, batch=4, recalibrate=n, snapshots=(0.5,), device="cpu", precision="float32")
        run = train(samples, samples, "tiny-unet:widths=4-8-8", config, tmp_path / str(n))
        weights = load_model(run.folder / "model.safetensors").model.state_dict()
        kept[n] = ([row["train_loss"] for row in run.history], weights)
    assert kept[0][0] == kept[12][0]
    for name, values in kept[0][1].items():
        assert torch.equal(values, kept[12][1][name]) != ("running" in name or "tracked" in name), name


def test_two_samples_are_enough_where_the_deepest_layer_is_one_pixel(tmp_path: Path) -> None:
    config = TrainConfig(epochs=1, batch=4, recalibrate=2, device="cpu", precision="float32")
    run = train(discs(4, 16), None, "tiny-unet:widths=4-4-4-4-4", config, tmp_path / "run")
    assert all(values.isfinite().all() for values in load_model(run.weights).model.state_dict().values())
