"""Thresholds chosen on validation layers: for each class the one with the highest Dice of pooled counts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from synthem.evaluate.scores import dice

STEPS = 100
"""Thresholds tried are 1/100, 2/100, … 99/100."""


def choose_thresholds(
    probabilities: Iterable[npt.NDArray[np.float32]],
    masks: Iterable[npt.NDArray[np.bool_]],
    known: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    """(class,) thresholds; a pixel is predicted from its threshold on.

    Of equally good ones the nearest to 0.5. A class that is in no layer keeps 0.5.

    Args:
        probabilities: (class, y, x) for each layer, as `predict_layers` gives them.
        masks: (class, y, x) for each layer.
        known: (layer, class).
    """
    classes = known.shape[1]
    edges = np.arange(1, STEPS) / STEPS
    inside, outside = (np.zeros((classes, STEPS), np.int64) for _ in range(2))
    for layer, (found, true) in enumerate(zip(probabilities, masks, strict=True)):
        for c in np.flatnonzero(known[layer]).tolist():
            bins = np.searchsorted(edges.astype(np.float32), found[c].ravel(), side="right")
            inside[c] += np.bincount(bins[true[c].ravel()], minlength=STEPS)
            outside[c] += np.bincount(bins[~true[c].ravel()], minlength=STEPS)

    # Pixels at or above threshold i are those in the bins after it.
    tp, fp = (np.cumsum(h[:, ::-1], axis=1)[:, ::-1][:, 1:] for h in (inside, outside))
    scores = dice(tp, fp, inside.sum(1, keepdims=True) - tp)
    chosen = np.full(classes, 0.5)
    for c in range(classes):
        if inside[c].sum():
            best = np.flatnonzero(scores[c] == np.nanmax(scores[c]))
            chosen[c] = edges[best[np.argmin(np.abs(edges[best] - 0.5))]]
    return chosen
