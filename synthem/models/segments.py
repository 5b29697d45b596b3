"""Segments of a first model's foreground, and the networks that tell their classes.

A segment is an 8-connected piece of the pixels where any class of the first model reaches the threshold. A classifier
sees a square around it, the image's channels and the segment itself as one more, and gives one answer for the whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

_MARGIN = 1.25
"""Side of the square around a segment that is too large for `side`, in sides of its bounding box."""
_NEVER = -30.0
"""Score of a class without examples: a probability of 1e-13."""


class SegmentClassifier(nn.Module):
    """A frozen first model, and a classifier of its segments.

    On windows it is its first model; `whole` turns a layer's stitched probabilities into classes. What is trained is
    `classifier`, on the squares that `crops` cuts.
    """

    def __init__(
        self,
        first: nn.Module,
        classifier: SegmentCNN | SegmentSiamese,
        *,
        side: int,
        least: int,
        threshold: float,
        shots: int,
    ) -> None:
        super().__init__()
        self.first, self.classifier = first.requires_grad_(False), classifier
        self.classes, self.shots = classifier.classes, shots
        self.side, self.least, self.threshold = side, least, threshold
        self.multiple = int(getattr(first, "multiple", 1))
        """Both sides of an image must be a multiple of this."""

    def train(self, mode: bool = True) -> Self:
        """Training mode, of the classifier alone."""
        super().train(mode)
        self.first.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """The first model's logits (n, its class, y, x) of images (n, channel, y, x)."""
        found: Tensor = self.first(images)
        return found

    def segments(self, probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
        """Labels (y, x) of the segments from 1 up, 0 outside, of the first model's probabilities (its class, y, x)."""
        return label(probabilities.max(axis=0) >= np.float32(self.threshold), self.least)

    def whole(
        self, image: npt.NDArray[np.uint8], probabilities: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        """What a layer's segments are: 1 or 0 (class, y, x), and their labels (y, x).

        Every segment is painted with its most probable class, or with none where that is most probable.

        Args:
            image: (channel, y, x), prepared as for the model.
            probabilities: the first model's (its class, y, x), stitched.
        """
        labels = self.segments(probabilities)
        squares = crops(image, labels, self.side)
        device = next(self.classifier.parameters()).device
        self.classifier.eval()
        answers = []
        with torch.inference_mode():
            for first in range(0, len(squares), 256):
                batch = torch.from_numpy(squares[first : first + 256]).to(device).float().div_(255)
                found = self.classifier(batch)[..., 0, 0].sigmoid()
                answers.append(torch.cat((found, 1 - found.sum(1, keepdim=True)), dim=1).argmax(1).cpu().numpy())
        chosen = np.concatenate([[self.classes], *answers]).astype(np.int64)  # label 0 is no segment
        painted = np.arange(self.classes)[:, None, None] == chosen[labels]
        return painted.astype(np.float32), labels


class _Trunk(nn.Sequential):
    """Stages of (3×3 convolution, batch norm, ReLU, halving), then the mean over the square: (n, last width)."""

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        layers: list[nn.Module] = []
        for inputs, width in zip((channels, *widths[:-1]), widths, strict=True):
            layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class SegmentCNN(nn.Module):
    """A small convolutional network with one answer for a square."""

    def __init__(self, channels: int, classes: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.classes = classes
        self.trunk = _Trunk(channels + 1, widths)
        self.head = nn.Linear(widths[-1], classes + 1)

    def forward(self, squares: Tensor) -> Tensor:
        """Logits (n, class, 1, 1) of squares (n, channel + 1, y, x); see `log_odds`."""
        features = self.trunk(_sharp(squares))
        with torch.autocast(features.device.type, enabled=False):
            return log_odds(self.head(features.float()))


class SegmentSiamese(nn.Module):
    """A Siamese network (Koch et al., ICML Deep Learning Workshop 2015) with a few examples of each class.

    One network sees a square and the examples. A pair's score is b − Σ w |f − g| over its two features, with weights
    w > 0; a class's score is the mean over its examples. The examples are part of the model.
    """

    example: Tensor
    held: Tensor

    def __init__(self, channels: int, classes: int, widths: Sequence[int], shots: int, side: int) -> None:
        super().__init__()
        self.classes, self.shots = classes, shots
        self.trunk = _Trunk(channels + 1, widths)
        self.weight = nn.Parameter(torch.zeros(widths[-1]))
        self.bias = nn.Parameter(torch.zeros(()))
        self.register_buffer("example", torch.zeros((classes + 1) * shots, channels + 1, side, side, dtype=torch.uint8))
        self.register_buffer("held", torch.zeros((classes + 1) * shots, dtype=torch.uint8))

    def remember(self, squares: npt.NDArray[np.uint8], classes: npt.NDArray[np.int64]) -> None:
        """Take squares (n, channel + 1, y, x) as the examples of their classes, at most `shots` of each."""
        for c in range(self.classes + 1):
            chosen = torch.from_numpy(squares[classes == c][: self.shots])
            place = slice(c * self.shots, c * self.shots + len(chosen))
            self.example[place] = chosen.to(self.example.device)
            self.held[place] = 1

    def forward(self, squares: Tensor) -> Tensor:
        """Logits (n, class, 1, 1) of squares (n, channel + 1, y, x); see `log_odds`."""
        there = self.held > 0
        examples = self.example[there].float().div(255).to(squares.dtype)
        features = self.trunk(_sharp(torch.cat((squares, examples)))).float()
        with torch.autocast(features.device.type, enabled=False):
            seen, known = features[: len(squares)], features[len(squares) :]
            apart = ((seen[:, None] - known).abs() * nn.functional.softplus(self.weight)).sum(2)
            owner = nn.functional.one_hot(there.nonzero()[:, 0] // self.shots, self.classes + 1).float()
            scores = self.bias - apart @ owner / owner.sum(0).clamp_min(1)
            return log_odds(scores.masked_fill(owner.sum(0) == 0, _NEVER))


def log_odds(scores: Tensor) -> Tensor:
    """Logits (n, class, 1, 1) whose sigmoid is the softmax of scores (n, class + 1) without its last column, `none`."""
    k = scores.shape[1]
    others = scores[:, None].masked_fill(torch.eye(k, dtype=torch.bool, device=scores.device), -math.inf).logsumexp(2)
    return (scores - others)[:, :-1, None, None]


def label(foreground: npt.NDArray[np.bool_], least: int = 1) -> npt.NDArray[np.int32]:
    """8-connected pieces (y, x) of at least so many pixels, from 1 up; 0 elsewhere."""
    import cv2

    n, labels, stats, _ = cv2.connectedComponentsWithStats(foreground.astype(np.uint8), connectivity=8)
    kept = stats[:, cv2.CC_STAT_AREA] >= least
    kept[0] = False
    new = np.zeros(n, np.int32)
    new[kept] = np.arange(1, kept.sum() + 1)
    return np.asarray(new[labels], np.int32)


def majority(labels: npt.NDArray[np.int32], masks: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """(n,) the class that most pixels of each segment 1 to n have; the number of classes where that is none.

    Of equally many the first class, and any class before none.

    Args:
        labels: (y, x), segments 1 to n.
        masks: (class, y, x).
    """
    n = int(labels.max(initial=0))
    planes = [*masks, ~masks.any(axis=0)]
    votes = np.stack([np.bincount(labels[plane], minlength=n + 1)[1:] for plane in planes])
    return np.asarray(votes.argmax(axis=0), np.int64)


def crops(image: npt.NDArray[np.uint8], labels: npt.NDArray[np.int32], side: int) -> npt.NDArray[np.uint8]:
    """A square around every segment, (n, channel + 1, side, side): the image, and 255 where the segment is.

    At the image's scale about the middle of its bounding box, so that sizes can be told apart; a segment that doesn't
    fit is shrunk until it does. Beyond the image its edge is repeated.

    Args:
        image: (channel, y, x).
        labels: (y, x), segments 1 to n.
        side: px.
    """
    import cv2

    n = int(labels.max(initial=0))
    out = np.zeros((n, len(image) + 1, side, side), np.uint8)
    for i, (low, high) in enumerate(_boxes(labels, n), start=1):
        size = max(side, math.ceil(_MARGIN * int((high - low).max())))
        corner = (low + high - size) // 2
        (y, x), shape = np.maximum(corner, 0), np.array(labels.shape)
        bottom, right = np.minimum(corner + size, shape)
        above, left = int(y - corner[0]), int(x - corner[1])
        below, beside = int(corner[0] + size - bottom), int(corner[1] + size - right)
        planes = [*image[:, y:bottom, x:right], (labels[y:bottom, x:right] == i).astype(np.uint8) * 255]
        for c, plane in enumerate(planes):
            border = cv2.BORDER_CONSTANT if c == len(image) else cv2.BORDER_REPLICATE
            square = cv2.copyMakeBorder(plane.copy(), above, below, left, beside, border, value=0)
            out[i - 1, c] = square if size == side else cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)
    return out


def _boxes(labels: npt.NDArray[np.int32], n: int) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """First and past-the-end corner (y, x) of every segment."""
    from scipy import ndimage

    slices = ndimage.find_objects(labels, max_label=n)
    return [(np.array([s.start for s in part]), np.array([s.stop for s in part])) for part in slices]


def _sharp(squares: Tensor) -> Tensor:
    """Squares whose last channel, the segment, is 0 or 1 again after augmentation."""
    return torch.cat((squares[:, :-1], (squares[:, -1:] >= 0.5).to(squares.dtype)), dim=1)
