"""Confidence intervals: over training seeds, and over layers where neighbours count as one block."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from synthem.errors import SynthemError
from synthem.evaluate.counts import Counts
from synthem.evaluate.scores import Score, dice, pooled
from synthem.seeds import stream


class Interval(NamedTuple):
    """A mean with its confidence interval; the ends are NaN where there are too few values for one."""

    mean: float
    low: float
    high: float
    n: int
    """Values that are numbers; NaN isn't counted."""


def t_interval(values: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """Mean of repeated measurements, such as one score of several seeds, with Student's t interval."""
    from scipy import stats

    held = np.asarray(values, np.float64)
    held = held[np.isfinite(held)]
    if len(held) == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    mean = float(held.mean())
    if len(held) == 1:
        return Interval(mean, np.nan, np.nan, 1)
    half = float(stats.t.ppf(0.5 + confidence / 2, len(held) - 1) * held.std(ddof=1) / np.sqrt(len(held)))
    return Interval(mean, mean - half, mean + half, len(held))


def blocks(layers: Sequence[str], gap: int = 10) -> list[list[int]]:
    """Positions of layers in blocks of neighbours: names that differ in their last number by at most `gap` on end.

    In a volume the same object goes on from layer to layer, so neighbours aren't independent. A name without a number
    is a block of its own.
    """
    parts = [re.fullmatch(r"(.*?)(\d+)(\D*)", name, re.DOTALL) for name in layers]
    numbered = sorted((m[1], m[3], int(m[2]), i) for i, m in enumerate(parts) if m is not None)
    found: list[list[int]] = []
    before: tuple[str, str, int] | None = None
    for prefix, suffix, number, i in numbered:
        if before is not None and before[:2] == (prefix, suffix) and number - before[2] <= gap:
            found[-1].append(i)
        else:
            found.append([i])
        before = (prefix, suffix, number)
    return found + [[i] for i, m in enumerate(parts) if m is None]


def bootstrap_interval(
    runs: Sequence[Counts],
    score: Score = dice,
    *,
    gap: int = 10,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> list[Interval]:
    """For each class the mean over runs of the pooled score, with a percentile bootstrap interval.

    Each resample draws as many runs with replacement, and one set of blocks of layers with replacement for all of
    them: both what training and what the choice of layers adds is in the interval. With one run only the blocks vary;
    with one block only the runs. Where neither can vary the ends are NaN. (Efron and Tibshirani 1993, chapter 8)

    Args:
        runs: counts of each training seed on the same layers.
        score: from counts.
        gap: see `blocks`.
        confidence: share of resamples inside the interval.
        resamples: how many are drawn.
        seed: of the draws.

    Raises:
        SynthemError: no runs, or runs over different layers or classes.
    """
    if not runs:
        raise SynthemError("interval: there are no runs; give the counts of one at least")
    if any((r.layers, r.classes) != (runs[0].layers, runs[0].classes) for r in runs):
        raise SynthemError("interval: the runs are over different layers or classes; compare the same ones")
    groups = blocks(runs[0].layers, gap)
    means = _mean(np.stack([pooled(run, score) for run in runs]))
    draw = stream(seed, "bootstrap")
    drawn = np.empty((resamples, len(means)))
    for i in range(resamples):
        chosen = draw.integers(len(runs), size=len(runs))
        rows = [row for g in draw.integers(len(groups), size=len(groups)) for row in groups[g]]
        scored = {run: pooled(runs[run].take(rows), score) for run in set(chosen.tolist())}
        drawn[i] = _mean(np.stack([scored[run] for run in chosen.tolist()]))
    varies = len(runs) > 1 or len(groups) > 1
    tail = (1 - confidence) / 2
    intervals = []
    for c, mean in enumerate(means.tolist()):
        held = drawn[np.isfinite(drawn[:, c]), c]
        low, high = np.quantile(held, [tail, 1 - tail]).tolist() if varies and len(held) else (np.nan, np.nan)
        intervals.append(Interval(mean, low, high, int(sum(np.isfinite(pooled(r, score)[c]) for r in runs))))
    return intervals


def _mean(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Over the first axis, leaving NaN out; NaN where there is nothing else."""
    held = np.isfinite(scores)
    total = np.where(held, scores, 0.0).sum(0)
    out: npt.NDArray[np.float64] = np.divide(total, held.sum(0), out=np.full(total.shape, np.nan), where=held.any(0))
    return out
