"""W-Net: two Tiny U-Nets in a row; the second sees the image and what the first made of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from synthem.models.tiny_unet import WIDTHS, TinyUNet


class WNet(nn.Module):
    """The first network's probabilities join the image as further channels of the second's input.

    Both are taught the same masks: while training, `forward` returns the logits of both. In evaluation only the
    second's are returned.
    """

    def __init__(self, channels: int, classes: int, widths: Sequence[int] = WIDTHS, dropout: float = 0.5) -> None:
        super().__init__()
        self.first = TinyUNet(channels, classes, widths, dropout)
        self.second = TinyUNet(channels + classes, classes, widths, dropout)
        self.multiple = self.first.multiple
        """Both sides of an image must be a multiple of this."""

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Logits (n, class, y, x) of images (n, channel, y, x); of both networks while training."""
        first = self.first(images)
        masks = first.sigmoid().to(images.dtype)
        second: Tensor = self.second(torch.cat((images, masks), dim=1))
        return (first, second) if self.training else second
