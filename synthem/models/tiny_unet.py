"""Tiny U-Net: the model of the ratio study, with its widths and its dropout as settings."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

WIDTHS = (32, 32, 64, 128, 256)
"""Channels of each encoder stage in the study: 1,978,598 trainable parameters with 1 channel in and 6 out."""


class TinyUNet(nn.Module):
    """U-Net (Ronneberger et al., MICCAI 2015) as the ratio study built it.

    The study's DOI is 10.25686/978-5-8158-2474-4-2025-828-834.

    Every stage is (3×3 convolution, ReLU, batch norm) twice. The encoder halves the image between stages by max
    pooling. The two deepest stages end with dropout; the skip of the shallower of them is taken after it. The decoder
    doubles by nearest neighbour, then a 2×2 convolution (padded below and right) and ReLU, and joins the skip.
    Convolutions start He-normal (He et al., ICCV 2015) with zero bias. Without `norm` there is no batch norm.
    """

    def __init__(
        self, channels: int, classes: int, widths: Sequence[int] = WIDTHS, dropout: float = 0.5, *, norm: bool = True
    ) -> None:
        super().__init__()
        depth = len(widths)
        self.multiple = 2 ** (depth - 1)
        """Both sides of an image must be a multiple of this."""
        inputs = (channels, *widths[:-1])
        self.encoder = nn.ModuleList(
            _stage(a, b, dropout if i >= depth - 2 else 0.0, norm)
            for i, (a, b) in enumerate(zip(inputs, widths, strict=True))
        )
        shallower = tuple(reversed(widths[:-1]))
        deeper = tuple(reversed(widths[1:]))
        self.up = nn.ModuleList(_up(a, b) for a, b in zip(deeper, shallower, strict=True))
        self.decoder = nn.ModuleList(_stage(2 * b, b, 0.0, norm) for b in shallower)
        self.head = nn.Conv2d(widths[0], classes, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, class, y, x) of images (n, channel, y, x) with grey levels 0..1."""
        x = images
        skips: list[Tensor] = []
        for i, stage in enumerate(self.encoder):
            if i:
                skips.append(x)
                x = nn.functional.max_pool2d(x, 2)
            x = stage(x)
        for up, stage in zip(self.up, self.decoder, strict=True):
            x = stage(torch.cat((up(x), skips.pop()), dim=1))
        with torch.autocast(x.device.type, enabled=False):  # bfloat16 logits made Dice hard to overfit
            logits: Tensor = self.head(x.float())
        return logits


def _stage(channels: int, width: int, dropout: float, norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs in (channels, width):
        layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
        layers += [nn.BatchNorm2d(width)] if norm else []
    if dropout:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)


def _up(channels: int, width: int) -> nn.Sequential:
    below_and_right = nn.ZeroPad2d((0, 1, 0, 1))
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"),
        below_and_right,
        nn.Conv2d(channels, width, 2),
        nn.ReLU(inplace=True),
    )
