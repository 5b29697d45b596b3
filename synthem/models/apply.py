"""Running a model on images whose sides it doesn't like."""

from __future__ import annotations

from torch import Tensor, nn


def logits(model: nn.Module, images: Tensor) -> Tensor:
    """Logits (n, class, y, x) of a model in evaluation mode for images (n, channel, y, x) of any size.

    Where a model needs sides that are multiples of some number the image's last rows and columns are repeated, and
    the result is cut back.
    """
    multiple = int(getattr(model, "multiple", 1))
    height, width = images.shape[-2:]
    below, right = -height % multiple, -width % multiple
    if below or right:
        images = nn.functional.pad(images, (0, right, 0, below), mode="replicate")
    output: Tensor = model(images)
    return output[..., :height, :width]
