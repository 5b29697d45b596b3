"""Pictures of what was right and wrong: true positives green, false positives red, false negatives blue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthem.models.files import write_through

TRUE_POSITIVE = (0, 170, 60)
FALSE_POSITIVE = (225, 30, 40)
FALSE_NEGATIVE = (40, 90, 240)


def overlay(
    image: npt.NDArray[np.uint8],
    predicted: npt.NDArray[np.bool_],
    true: npt.NDArray[np.bool_],
    opacity: float = 0.5,
) -> npt.NDArray[np.uint8]:
    """RGB (y, x, 3) of one class.

    Args:
        image: (y, x) grey levels or (channel, y, x), whose channels are averaged.
        predicted: (y, x).
        true: (y, x).
        opacity: of the colours over the image, 0..1.
    """
    grey = image if image.ndim == 2 else image.mean(axis=0)
    picture = np.repeat(np.asarray(grey, np.float32)[:, :, None], 3, axis=2)
    where = (
        (predicted & true, TRUE_POSITIVE),
        (predicted & ~true, FALSE_POSITIVE),
        (~predicted & true, FALSE_NEGATIVE),
    )
    for pixels, colour in where:
        picture[pixels] += opacity * (np.array(colour, np.float32) - picture[pixels])
    return picture.round().astype(np.uint8)


def write_png(path: Path, picture: npt.NDArray[np.uint8]) -> None:
    """Write RGB (y, x, 3) as PNG."""
    from PIL import Image

    write_through(path, lambda temporary: Image.fromarray(picture).save(temporary))
