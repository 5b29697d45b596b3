"""Scores at other resolutions: a model shown images at one, and compared with the masks at another."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from synthem.evaluate.counts import Counts, count
from synthem.evaluate.predict import predict_layers
from synthem.tiles.samples import Samples


def counts_at(
    model: nn.Module, samples: Samples, r1: int, r2: int, *, threshold: float = 0.5, **prediction: Any
) -> Counts:
    """Counts at (R1, R2): images resized to R1 before the model, its masks and the true ones compared at R2.

    Both are heights in px; widths follow. Resizing is bilinear, and any mask value above 0 counts as 1, as in the
    transfer study.

    Args:
        model: gives logits.
        samples: whole layers.
        r1: height of the image that the model sees.
        r2: height of the masks that are compared.
        threshold: from which a probability is a prediction.
        prediction: see `predict_layers`; its window is in pixels of R1, the whole layer by default.
    """
    images = np.stack([[resize(plane, r1) for plane in image] for image in samples.images]).round().astype(np.uint8)
    seen = Samples(images, np.zeros((len(images), *images.shape[-2:]), np.uint8), samples.classes, samples.known)
    prediction.setdefault("window", None)
    counted = []
    for i, probabilities in enumerate(predict_layers(model, seen, **prediction)):
        true = samples.classes.unpack(samples.stored[i])
        counted.append(count(_masks_at(probabilities >= threshold, r2), _masks_at(true, r2)))
    layers = samples.groups or [str(i) for i in range(len(samples))]
    return Counts.of(layers, samples.classes.names, counted, samples.known)


def resize(plane: npt.NDArray[Any], height: int) -> npt.NDArray[np.float32]:
    """A plane (y, x) at another height, the width in proportion; bilinear."""
    import cv2

    values = np.asarray(plane, np.float32)
    if height == values.shape[0]:
        return values
    width = max(1, round(values.shape[1] * height / values.shape[0]))
    return np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _masks_at(masks: npt.NDArray[np.bool_], height: int) -> npt.NDArray[np.bool_]:
    return np.stack([resize(mask, height) > 0 for mask in masks])
