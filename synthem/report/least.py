"""The least synthetic amount that is nearly as good as the best, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthem.seeds import stream


@dataclass(frozen=True)
class Least:
    """Along one line of a plot: the best amount, and the least one that comes near it."""

    best_at: float
    best: float
    """Mean score there."""
    least_at: float
    score: float
    """Mean score there."""
    confidence: float | None
    """Share of resamples in which the least amount is as near to their best; None without two repeats anywhere."""


def least(
    scores: Mapping[float, Sequence[float]], tolerance: float, *, resamples: int = 2000, seed: int = 0
) -> Least | None:
    """The least amount whose mean score is at most `tolerance` below that of the best amount.

    Its confidence is a bootstrap over repeats: each resample draws as many scores of every amount with replacement, one
    amount independently of another. (Efron and Tibshirani 1993, chapter 8)

    Args:
        scores: of each repeat, by amount; amounts without scores are left out.
        tolerance: in units of the score.
        resamples: how many are drawn.
        seed: of the draws.

    Returns:
        None where there are no scores.
    """
    held = {amount: np.asarray(scores[amount], np.float64) for amount in sorted(scores) if len(scores[amount])}
    if not held:
        return None
    means = {amount: float(values.mean()) for amount, values in held.items()}
    best_at = max(means, key=lambda amount: (means[amount], -amount))
    least_at = next(amount for amount in held if means[amount] >= means[best_at] - tolerance)
    confidence = None
    if any(len(values) > 1 for values in held.values()):
        draw = stream(seed, "least")
        drawn = {a: v[draw.integers(len(v), size=(resamples, len(v)))].mean(axis=1) for a, v in held.items()}
        highest = np.max(list(drawn.values()), axis=0)
        confidence = float(np.mean(drawn[least_at] >= highest - tolerance - 1e-12))
    return Least(best_at, means[best_at], least_at, means[least_at], confidence)
