"""Which segments are taken for which class: the confusion of whole objects, beside that of pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthem.evaluate.counts import Ints
from synthem.models.segments import label, majority

NONE = "none"
"""Name of no class, the last row and column."""


def segment_confusion(
    predicted: npt.NDArray[np.bool_],
    true: npt.NDArray[np.bool_],
    known: npt.NDArray[np.bool_],
    segments: npt.NDArray[np.int32] | None = None,
) -> Ints:
    """(class + 1, class + 1) segments predicted as the first class whose class in the labels is the second.

    A segment's class is the one that most of its pixels have; the last stands for none. Where a class is unknown,
    segments of none are left out: they may be of that class.

    Args:
        predicted: masks (class, y, x).
        true: masks (class, y, x).
        known: (class,), false where nobody labelled the class.
        segments: (y, x), labels from 1 up; by default the 8-connected pieces of what is predicted of any class.
    """
    k = len(predicted)
    labels = label(np.asarray(predicted.any(axis=0))) if segments is None else segments
    found, held = majority(labels, predicted), majority(labels, true)
    counted = (held < k) | bool(known.all())
    table = np.zeros((k + 1, k + 1), np.int64)
    np.add.at(table, (found[counted], held[counted]), 1)
    return table
