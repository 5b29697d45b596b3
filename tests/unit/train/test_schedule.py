"""Settings, and what follows from the epochs so far."""

from __future__ import annotations

from typing import Any

import pytest

from synthem.errors import SynthemError
from synthem.train.config import TrainConfig
from synthem.train.schedule import best_epoch, epochs_and_steps, learning_rate, should_stop


def history(*losses: float | None) -> list[dict[str, Any]]:
    return [{"validation_loss": loss} for loss in losses]


def test_budget_in_epochs_or_in_steps() -> None:
    assert epochs_and_steps(TrainConfig(epochs=3, batch=4), 10) == (3, 2, 6)
    assert epochs_and_steps(TrainConfig(steps=5, batch=4), 10) == (3, 2, 5)
    assert epochs_and_steps(TrainConfig(epochs=3, batch=16), 10) == (3, 1, 3)


def test_learning_rates() -> None:
    constant, cosine = TrainConfig(lr=0.1), TrainConfig(lr=0.1, schedule="cosine")
    assert [learning_rate(constant, i, 4, ()) for i in (0, 3)] == [0.1, 0.1]
    assert [learning_rate(cosine, i, 4, ()) for i in (0, 2, 4)] == pytest.approx([0.1, 0.05, 0])
    plateau = TrainConfig(lr=1, schedule="plateau", plateau_patience=2, plateau_factor=0.1)
    assert learning_rate(plateau, 0, 9, history(5, 4, 4)) == 1
    assert learning_rate(plateau, 0, 9, history(5, 4, 4, 4.5)) == pytest.approx(0.1)
    assert learning_rate(plateau, 0, 9, history(5, 4, 4, 4.5, 3, 3)) == pytest.approx(0.1)
    assert learning_rate(plateau, 0, 9, history(5, 4, None, 4, 4.5, 5, 5)) == pytest.approx(0.01)


def test_best_epoch_and_stopping() -> None:
    assert best_epoch(history()) is None
    assert best_epoch(history(None, None)) is None
    assert best_epoch(history(3, None, 1, 2, 1)) == 2
    patient = TrainConfig(patience=2)
    assert not should_stop(patient, history(1, 2))
    assert not should_stop(patient, history(1, None, None, 2))
    assert should_stop(patient, history(3, 1, 2, None, 1))
    assert not should_stop(TrainConfig(), history(1, *[2] * 50))


def test_settings_go_through_json() -> None:
    config = TrainConfig(class_weights={"a": 2}, augment="study,noise=0.1", freeze=["encoder.*"], steps=7)  # type: ignore[arg-type]
    assert TrainConfig.parse(config.to_json()) == config
    assert TrainConfig.parse({}) == TrainConfig()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"epoch": 3}, "did you mean 'epochs'"),
        ({"epochs": 0}, "must be 1 or more"),
        ({"epochs": 1.5}, "epochs=1.5: must be a whole number"),
        ({"steps": 4.5}, "steps=4.5: must be a whole number"),
        ({"seed": "x"}, "seed='x': must be a whole number"),
        ({"deterministic": "yes"}, "deterministic='yes': must be true or false"),
        ({"lr": "5e-3"}, "lr='5e-3': must be a number; in YAML 5.0e-3, not 5e-3"),
        ({"loss": "dise"}, "did you mean 'dice'"),
        ({"augment": {"noise": "much"}}, "augmentation: noise='much': must be a number"),
        ({"steps": 0}, "steps=0: must be 1 or more"),
        ({"lr": 0}, "lr=0: must be above 0"),
        ({"lr": "fast"}, "must be a number"),
        ({"freeze": 1}, "wrong type"),
        ({"weight_decay": -1}, "must be 0 or more"),
        ({"recalibrate": 1}, "recalibrate=1: must be 0, or 2 or more"),
        ({"recalibrate": -1}, "must be 0, or 2 or more"),
        ({"plateau_factor": 1}, "between 0 and 1"),
        ({"optimizer": "adams"}, "did you mean 'adam"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"precision": "float16"}, "precision 'float16'"),
        ({"augment": "no"}, "augmentation 'no'"),
        ({"nm_per_px": 0}, "must be above 0"),
    ],
)
def test_errors_are_one_line(given: dict[str, Any], line: str) -> None:
    with pytest.raises(SynthemError, match=line) as caught:
        TrainConfig.parse(given)
    assert "\n" not in str(caught.value)
