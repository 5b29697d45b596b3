"""Prediction of whole layers: windows with overlap, blended and stitched on the device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synthem.errors import SynthemError, unknown_name
from synthem.models import logits
from synthem.models.machine import Machine
from synthem.models.prepare import Contrast, prepare
from synthem.models.segments import SegmentClassifier
from synthem.tiles.samples import Samples
from synthem.tiles.windows import blend_weights, window_corners

Blend = Literal["smooth", "flat"]
"""Weights of a window where windows overlap: `smooth`, highest in its middle; `flat`, the same everywhere."""

_FLIPS: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (2, 3))


@dataclass(frozen=True)
class Predicted:
    """What a model makes of one layer."""

    probabilities: npt.NDArray[np.float32]
    """(class, y, x)."""
    segments: npt.NDArray[np.int32] | None = None
    """(y, x), the segments that a segment classifier told apart, from 1 up; 0 elsewhere. None of other models."""


def predict_layers(model: nn.Module, samples: Samples, **settings: Any) -> Iterator[npt.NDArray[np.float32]]:
    """Probabilities (class, y, x) of each layer, one after another; see `predicted`."""
    return (layer.probabilities for layer in predicted(model, samples, **settings))


def predicted(
    model: nn.Module,
    samples: Samples,
    *,
    window: int | None = 256,
    stride: int | None = None,
    blend: Blend = "smooth",
    flips: bool = False,
    contrast: Contrast = "none",
    batch: int = 8,
    machine: Machine | None = None,
) -> Iterator[Predicted]:
    """Each layer as a model sees it, one after another: windows, stitched; for a segment classifier, then the whole.

    Args:
        model: gives logits; see `synthem.models`. It is put into evaluation mode, on the machine's device.
        samples: whole layers.
        window: side of a window, px; None takes each layer as one window.
        stride: from window to window, px; half a window by default. The last window ends at the layer's edge.
        blend: see `Blend`.
        flips: mean of the predictions for the window, upside down, left to right, and both: four times the work.
        contrast: as in training; see `synthem.models.prepare`.
        batch: windows at a time.
        machine: where to compute; picked by itself if left out.

    Raises:
        SynthemError: a window larger than the layers, or a stride larger than the window.
    """
    if blend not in get_args(Blend):
        raise unknown_name("blend", blend, get_args(Blend))
    height, width = samples.images.shape[-2:]
    size = (height, width) if window is None else (window, window)
    step = (max(1, size[0] // 2), max(1, size[1] // 2)) if stride is None else (stride, stride)
    if size[0] > height or size[1] > width:
        raise SynthemError(
            f"window {size[0]}: larger than the layers of {height}x{width} px; name a smaller one, or the whole layer"
        )
    if step[0] > size[0] or step[1] > size[1]:
        raise SynthemError(f"stride {step[0]}: larger than the window of {size[0]}x{size[1]} px leaves gaps; name less")
    corners = window_corners(height, width, size, step, "shift")
    return _predict(model, samples, corners, size, blend, flips, contrast, batch, machine or Machine.pick("auto"))


def _predict(
    model: nn.Module,
    samples: Samples,
    corners: npt.NDArray[np.int32],
    size: tuple[int, int],
    blend: Blend,
    flips: bool,
    contrast: Contrast,
    batch: int,
    machine: Machine,
) -> Iterator[Predicted]:
    model = model.to(machine.device).to(memory_format=torch.channels_last).eval()
    weights = torch.from_numpy(blend_weights(size)).float().to(machine.device)
    if blend == "flat":
        weights = torch.ones_like(weights)
    (h, w), (height, width) = size, samples.images.shape[-2:]
    places = [(slice(y, y + h), slice(x, x + w)) for y, x in corners.tolist()]
    norm = torch.zeros((height, width), device=machine.device)
    for place in places:
        norm[place] += weights

    for image in samples.images:
        seen = prepare(image[None], contrast)[0]
        layer = torch.from_numpy(seen).to(machine.device).float().div_(255)
        total: Tensor | None = None
        with torch.inference_mode():
            for first in range(0, len(places), batch):
                part = places[first : first + batch]
                found = _probabilities(model, torch.stack([layer[:, *p] for p in part]), flips, machine)
                if total is None:
                    total = torch.zeros((found.shape[1], height, width), device=machine.device)
                for place, window in zip(part, found * weights, strict=True):
                    total[:, *place] += window
            assert total is not None
            probabilities = (total / norm).cpu().numpy()
        if isinstance(model, SegmentClassifier):
            yield Predicted(*model.whole(seen, probabilities))
        else:
            yield Predicted(probabilities)


def _probabilities(model: nn.Module, windows: Tensor, flips: bool, machine: Machine) -> Tensor:
    """(n, class, y, x) in float32 of windows (n, channel, y, x)."""
    total: Tensor | None = None
    ways = _FLIPS if flips else _FLIPS[:1]
    for axes in ways:
        seen = windows.flip(axes).contiguous(memory_format=torch.channels_last)
        with machine.autocast():
            output = logits(model, seen)
        found = output.float().sigmoid().flip(axes).contiguous()
        total = found if total is None else total + found
    assert total is not None
    return total / len(ways)
