"""What is done to an image before any model sees it, in training and in prediction alike."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from synthem.errors import unknown_name

Contrast = Literal["none", "clahe"]

_REGION = 64
"""Side of a region of `clahe`, px."""


def prepare(images: npt.NDArray[np.uint8], contrast: Contrast) -> npt.NDArray[np.uint8]:
    """Images (n, channel, y, x) with their contrast evened out.

    `clahe` is contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994) with a clip limit
    of 2, on each channel, in regions of about 64 × 64 px: a window that a model learns from and the layer that it is
    used on are evened out at the same scale.

    Raises:
        SynthemError: no such contrast.
    """
    if contrast not in get_args(Contrast):
        raise unknown_name("contrast", contrast, get_args(Contrast))
    if contrast == "none":
        return images
    import cv2

    height, width = images.shape[-2:]
    regions = max(1, round(width / _REGION)), max(1, round(height / _REGION))
    equalise = cv2.createCLAHE(clipLimit=2.0, tileGridSize=regions)
    planes = images.reshape(-1, height, width)
    return np.stack([equalise.apply(np.ascontiguousarray(plane)) for plane in planes]).reshape(images.shape)
