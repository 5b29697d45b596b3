"""What is done to an image before any model sees it, in training and in prediction alike."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from synthem.errors import unknown_name

Contrast = Literal["none", "clahe"]


def prepare(images: npt.NDArray[np.uint8], contrast: Contrast) -> npt.NDArray[np.uint8]:
    """Images (n, channel, y, x) with their contrast evened out.

    `clahe` is contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994) on 8 × 8 regions
    with a clip limit of 2, on each channel.

    Raises:
        SynthemError: no such contrast.
    """
    if contrast not in get_args(Contrast):
        raise unknown_name("contrast", contrast, get_args(Contrast))
    if contrast == "none":
        return images
    import cv2

    equalise = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
    planes = images.reshape(-1, *images.shape[-2:])
    return np.stack([equalise.apply(np.ascontiguousarray(plane)) for plane in planes]).reshape(images.shape)
