"""Scores from counts: pure functions of arrays of any one shape, NaN where a score means nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Score = Callable[[Array, Array, Array, Array], Floats]
"""(tp, fp, fn, tn) to scores of the same shape."""


def dice(tp: Array, fp: Array, fn: Array, tn: Array | None = None) -> Floats:
    """2 tp / (2 tp + fp + fn); NaN where the class is neither there nor predicted. (Dice 1945; Sørensen 1948)"""
    return _ratio(2 * tp, 2 * tp + fp + fn)


def f1(tp: Array, fp: Array, fn: Array, tn: Array | None = None) -> Floats:
    """Harmonic mean of precision and recall: for pixels the same number as Dice."""
    return dice(tp, fp, fn)


def iou(tp: Array, fp: Array, fn: Array, tn: Array | None = None) -> Floats:
    """tp / (tp + fp + fn); NaN where the class is neither there nor predicted. (Jaccard 1901)"""
    return _ratio(tp, tp + fp + fn)


def precision(tp: Array, fp: Array, fn: Array, tn: Array | None = None) -> Floats:
    """tp / (tp + fp); NaN where the class isn't predicted."""
    return _ratio(tp, tp + fp)


def recall(tp: Array, fp: Array, fn: Array, tn: Array | None = None) -> Floats:
    """tp / (tp + fn); NaN where the class isn't there."""
    return _ratio(tp, tp + fn)


def accuracy(tp: Array, fp: Array, fn: Array, tn: Array) -> Floats:
    """(tp + tn) / all; NaN where the class is unknown."""
    return _ratio(tp + tn, tp + fp + fn + tn)


SCORES: dict[str, Score] = {
    "dice": dice,
    "iou": iou,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "accuracy": accuracy,
}


def by_class(counts: Mapping[str, Sequence[int]]) -> dict[str, dict[str, float | None]]:
    """Every score of each class, None where it means nothing, from tp, fp, fn, tn by class."""
    table: dict[str, dict[str, float | None]] = {}
    for name, held in counts.items():
        values = {score: float(rule(*np.asarray(held))) for score, rule in SCORES.items()}
        table[name] = {score: None if math.isnan(value) else value for score, value in values.items()}
    return table


def _ratio(part: Array, whole: Array) -> Floats:
    part, whole = np.asarray(part), np.asarray(whole)
    nothing = np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan)
    out: Floats = np.divide(part, whole, out=nothing, where=whole > 0)
    return out
