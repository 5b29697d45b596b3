"""Running a model on images whose sides it doesn't like."""

from __future__ import annotations

from torch import Tensor, nn


def logits(model: nn.Module, images: Tensor) -> Tensor:
    """Logits (n, class, y, x) of a model in evaluation mode for images (n, channel, y, x) of any size."""
    height, width = images.shape[-2:]
    output: Tensor = model(padded(model, images))
    return output[..., :height, :width]


def padded(model: nn.Module, images: Tensor) -> Tensor:
    """Images (n, channel, y, x) with their last rows and columns repeated until the sides are as the model needs them.

    Some models need sides that are multiples of some number; what they give is then cut back.
    """
    multiple = int(getattr(model, "multiple", 1))
    below, right = (-side % multiple for side in images.shape[-2:])
    return nn.functional.pad(images, (0, right, 0, below), mode="replicate") if below or right else images
