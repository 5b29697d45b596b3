"""Training: losses, augmentation on the batch, and one loop that a kill can't hurt."""

from __future__ import annotations

from synthem.train.augment import Augment
from synthem.train.config import TrainConfig
from synthem.train.groups import parse_groups, regroup
from synthem.train.loop import train, train_stages
from synthem.train.losses import Loss, parse_loss
from synthem.train.run import Run

__all__ = ["Augment", "Loss", "Run", "TrainConfig", "parse_groups", "parse_loss", "regroup", "train", "train_stages"]
