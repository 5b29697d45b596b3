"""What follows from the epochs so far: the learning rate, which epoch was best, whether to stop.

All of it is a function of the history, so a training that goes on after a kill decides as it would have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from synthem.train.config import TrainConfig

History = Sequence[Mapping[str, Any]]
"""One row for each epoch; `validation_loss` is None where it wasn't validated."""


def epochs_and_steps(config: TrainConfig, samples: int) -> tuple[int, int, int]:
    """Epochs, steps an epoch, and steps in all; the last epoch is shorter where a budget of steps says so."""
    each = max(1, samples // config.batch)
    total = config.steps or config.epochs * each
    return math.ceil(total / each), each, total


def learning_rate(config: TrainConfig, step: int, total: int, history: History) -> float:
    """Of step 0, 1, … of `total`."""
    if config.schedule == "cosine":
        return config.lr * 0.5 * (1 + math.cos(math.pi * step / total))
    if config.schedule == "plateau":
        return config.lr * config.plateau_factor ** (_lowered(history, config.plateau_patience))
    return config.lr


def best_epoch(history: History) -> int | None:
    """Position of the epoch with the lowest validation loss, the first of equals; None before any validation."""
    losses = {i: row["validation_loss"] for i, row in enumerate(history) if row["validation_loss"] is not None}
    return min(losses, key=lambda i: (losses[i], i)) if losses else None


def should_stop(config: TrainConfig, history: History) -> bool:
    """Whether `patience` validations have passed since the best one."""
    best = best_epoch(history)
    if not config.patience or best is None:
        return False
    return sum(row["validation_loss"] is not None for row in history[best + 1 :]) >= config.patience


def _lowered(history: History, patience: int) -> int:
    """How many times in a row `patience` validations brought nothing better."""
    lowest, waited, lowered = math.inf, 0, 0
    for row in history:
        loss = row["validation_loss"]
        if loss is None:
            continue
        if loss < lowest:
            lowest, waited = loss, 0
        else:
            waited += 1
            if waited == patience:
                waited, lowered = 0, lowered + 1
    return lowered
