"""Counts of pixels, the ground of every score: for each layer and class what was found, invented and missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Counts:
    """Pixels of each layer and class."""

    layers: tuple[str, ...]
    classes: tuple[str, ...]
    tp: Ints
    """(layer, class), predicted and there."""
    fp: Ints
    """(layer, class), predicted, not there."""
    fn: Ints
    """(layer, class), there, not predicted."""
    tn: Ints
    """(layer, class), neither."""
    known: npt.NDArray[np.bool_]
    """(layer, class), false where nobody labelled the class; all four counts are 0 there."""

    @classmethod
    def of(
        cls,
        layers: Sequence[str],
        classes: Sequence[str],
        counted: Sequence[Ints],
        known: npt.NDArray[np.bool_],
    ) -> Counts:
        """From the result of `count` for each layer; unknown classes are set to 0."""
        table = np.stack(list(counted)) * known[:, :, None]
        tp, fp, fn, tn = np.moveaxis(table, 2, 0)
        return cls(tuple(layers), tuple(classes), tp, fp, fn, tn, known)

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """(layer, class), true where the class is in the layer's labels."""
        return (self.tp + self.fn) > 0

    def pooled(self) -> tuple[Ints, Ints, Ints, Ints]:
        """tp, fp, fn, tn of each class, summed over the layers."""
        return self.tp.sum(0), self.fp.sum(0), self.fn.sum(0), self.tn.sum(0)

    def take(self, rows: Sequence[int]) -> Counts:
        """Some of the layers; one may be taken several times."""
        r = list(rows)
        names = tuple(self.layers[i] for i in r)
        return Counts(names, self.classes, self.tp[r], self.fp[r], self.fn[r], self.tn[r], self.known[r])


def count(predicted: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_]) -> Ints:
    """tp, fp, fn, tn of each class, (class, 4), from masks (class, y, x)."""
    over = (1, 2)
    tp = np.count_nonzero(predicted & true, axis=over)
    fp = np.count_nonzero(predicted, axis=over) - tp
    fn = np.count_nonzero(true, axis=over) - tp
    tn = true[0].size - tp - fp - fn
    return np.stack([tp, fp, fn, tn], axis=1).astype(np.int64)


def confusion(predicted: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_]) -> Ints:
    """(class, class) pixels predicted as the first class whose label is the second, from masks (class, y, x).

    Classes may overlap, so rows needn't add up to the pixels predicted; the diagonal is tp.
    """
    a, b = (masks.reshape(len(masks), -1).astype(np.float64) for masks in (predicted, true))
    return (a @ b.T).astype(np.int64)
