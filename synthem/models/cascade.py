"""Two networks in a row: the second sees the image and what the first made of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from synthem.models.tiny_unet import WIDTHS, TinyUNet


class Cascade(nn.Module):
    """The first network's probabilities join the image as further channels of the second's input.

    A frozen first network was trained before, on any classes: it stays in evaluation mode, and `forward` returns the
    second's logits. One that isn't frozen is taught the same masks as the second: while training, `forward` returns the
    logits of both.
    """

    def __init__(self, first: nn.Module, second: nn.Module, *, frozen: bool) -> None:
        super().__init__()
        self.first, self.second, self.frozen = first, second, frozen
        self.multiple = math.lcm(*(int(getattr(part, "multiple", 1)) for part in (first, second)))
        """Both sides of an image must be a multiple of this."""
        if frozen:
            first.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Training mode, of the second network alone where the first is frozen."""
        super().train(mode)
        if self.frozen:
            self.first.eval()
        return self

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Logits (n, class, y, x) of images (n, channel, y, x)."""
        first = self.first(images)
        masks = first.sigmoid().to(images.dtype)
        second: Tensor = self.second(torch.cat((images, masks), dim=1))
        return (first, second) if self.training and not self.frozen else second


class WNet(Cascade):
    """Two Tiny U-Nets that are trained together."""

    def __init__(self, channels: int, classes: int, widths: Sequence[int] = WIDTHS, dropout: float = 0.5) -> None:
        first = TinyUNet(channels, classes, widths, dropout)
        super().__init__(first, TinyUNet(channels + classes, classes, widths, dropout), frozen=False)
