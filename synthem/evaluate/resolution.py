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
    model: nn.Module,
    samples: Samples,
    r1: int,
    r2: int,
    *,
    threshold: float | npt.NDArray[np.float64] = 0.5,
    **prediction: Any,
) -> Counts:
    """Counts at (R1, R2): images resized to R1 before the model, its masks and the true ones compared at R2.

    Both are heights in px; widths follow. Resizing is bilinear, and any mask value above 0 counts as 1, as in the
    transfer study.

    Args:
        model: gives logits.
        samples: whole layers.
        r1: height of the image that the model sees.
        r2: height of the masks that are compared.
        threshold: from which a probability is a prediction; one for all classes, or (class,).
        prediction: see `predict_layers`; its window is in pixels of R1, the whole layer by default or where the layer
            is smaller.
    """
    images = np.stack([[resize(plane, r1) for plane in image] for image in samples.images]).round().astype(np.uint8)
    seen = Samples(images, np.zeros((len(images), *images.shape[-2:]), np.uint8), samples.classes, samples.known)
    window = prediction.pop("window", None)
    if window is not None and window > min(images.shape[-2:]):
        window, prediction["stride"] = None, None
    limits = np.broadcast_to(np.asarray(threshold, np.float32), (len(samples.classes),))[:, None, None]
    counted = []
    for i, probabilities in enumerate(predict_layers(model, seen, window=window, **prediction)):
        true = _masks_at(samples.classes.unpack(samples.stored[i]), r2)
        counted.append(count(_masks_at(probabilities >= limits, r2, true.shape[2]), true))
    layers = samples.groups or [f"layer{i:04d}" for i in range(len(samples))]
    return Counts.of(layers, samples.classes.names, counted, samples.known)


def resize(plane: npt.NDArray[Any], height: int, width: int | None = None) -> npt.NDArray[np.float32]:
    """A plane (y, x) at another height, the width in proportion or as given; bilinear."""
    import cv2

    values = np.asarray(plane, np.float32)
    size = height, width or max(1, round(values.shape[1] * height / values.shape[0]))
    if size == values.shape:
        return values
    return np.asarray(cv2.resize(values, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _masks_at(masks: npt.NDArray[np.bool_], height: int, width: int | None = None) -> npt.NDArray[np.bool_]:
    return np.stack([resize(mask, height, width) > 0 for mask in masks])
