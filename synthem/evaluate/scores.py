"""Scores of counts pooled over layers, and their mean over layers; the formulas are `synthem.train.scores`."""

from __future__ import annotations

import numpy as np

from synthem.evaluate.counts import Counts
from synthem.train.scores import SCORES, Floats, Score, accuracy, dice, f1, iou, precision, recall

__all__ = [
    "SCORES",
    "Floats",
    "Score",
    "accuracy",
    "dice",
    "f1",
    "iou",
    "mean_over_layers",
    "pooled",
    "precision",
    "recall",
]


def pooled(counts: Counts, score: Score = dice) -> Floats:
    """(class,) score of the counts summed over all layers that know the class: the headline."""
    return score(*counts.pooled())


def mean_over_layers(counts: Counts, score: Score = dice) -> Floats:
    """(class,) mean of the layers' scores over the layers where the class is present; NaN where it is in none.

    A layer that holds the class but has no such score, as precision where nothing was predicted, is left out too.
    """
    scores = np.where(counts.present, score(counts.tp, counts.fp, counts.fn, counts.tn), np.nan)
    scored = np.isfinite(scores)
    total = np.where(scored, scores, 0.0).sum(0)
    out: Floats = np.divide(total, scored.sum(0), out=np.full(total.shape, np.nan), where=scored.any(0))
    return out
