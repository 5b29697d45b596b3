"""What the loop teaches, and on what: a segmentation network on the samples, or a classifier on their segments."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from synthem.errors import SynthemError
from synthem.models import logits
from synthem.models.machine import Machine
from synthem.models.prepare import Contrast, prepare
from synthem.models.segments import SegmentClassifier, SegmentSiamese, crops, majority
from synthem.seeds import stream
from synthem.tiles.samples import Samples
from synthem.train.config import TrainConfig


@dataclass(frozen=True)
class Lesson:
    """A network and what it learns from."""

    network: nn.Module
    samples: Samples
    val: Samples | None
    contrast: Contrast
    """What is still to be done to the images."""


def lesson(network: nn.Module, samples: Samples, val: Samples | None, config: TrainConfig, machine: Machine) -> Lesson:
    """What there is to teach: the network on the samples as they are, or a segment classifier's on the segments.

    A classifier of few `shots` learns from so many segments of each class, a seeded choice. A Siamese network keeps
    them.

    Args:
        network: on the machine's device.
        samples: to learn from.
        val: to validate on.
        config: of the training.
        machine: that finds the segments.

    Raises:
        SynthemError: the first model finds no segments.
    """
    if not isinstance(network, SegmentClassifier):
        return Lesson(network, samples, val, config.contrast)
    squares, true = squares_of(network, samples, config.contrast, machine)
    if not len(squares):
        raise SynthemError("training: the first model finds no segments; train it longer, or lower the threshold")
    if network.shots:
        every = range(len(samples.classes) + 1)
        order = [stream(config.seed, "shots", c).permutation(np.flatnonzero(true == c)) for c in every]
        index = np.concatenate([held[: network.shots] for held in order])
        squares, true = _take(squares, index), true[index]
    if isinstance(network.classifier, SegmentSiamese):
        network.classifier.remember(squares.images, true)
    other = None if val is None else squares_of(network, val, config.contrast, machine)[0]
    if other is not None and not len(other):
        raise SynthemError("validation: the first model finds no segments; train it longer, or lower the threshold")
    return Lesson(network.classifier, squares, other, "none")


def squares_of(
    network: SegmentClassifier, samples: Samples, contrast: Contrast, machine: Machine
) -> tuple[Samples, npt.NDArray[np.int64]]:
    """Squares around the segments of samples, each with its class all over its mask; and the same classes as numbers.

    A segment's class is the one that most of its pixels have in the labels; the number of classes stands for none.
    Where a class is unknown, segments of none are left out: they may be of that class.
    """
    classes = samples.classes
    images, true, known = [], [], []
    network.eval()
    for i, image in enumerate(samples.images):
        seen = prepare(image[None], contrast)
        with torch.inference_mode(), machine.autocast():
            batch = torch.from_numpy(seen).to(machine.device).float().div_(255)
            found = logits(network, batch.contiguous(memory_format=torch.channels_last)).float().sigmoid()
        labels = network.segments(found[0].cpu().numpy())
        held = majority(labels, classes.unpack(samples.stored[i]))
        kept = (held < len(classes)) | samples.known[i].all()
        images.append(crops(seen[0], labels, network.side)[kept])
        true.append(held[kept])
        known.append(np.repeat(samples.known[i : i + 1], kept.sum(), axis=0))
    numbers = np.concatenate(true)
    one_hot = np.eye(len(classes) + 1, len(classes), dtype=bool)
    value = np.array([int(classes.pack(row[:, None, None])[0, 0]) for row in one_hot], classes.dtype)
    stored = np.broadcast_to(value[numbers][:, None, None], (len(numbers), network.side, network.side))
    return Samples(np.concatenate(images), stored, classes, np.concatenate(known)), numbers


def _take(samples: Samples, index: npt.NDArray[np.int64]) -> Samples:
    return replace(samples, images=samples.images[index], stored=samples.stored[index], known=samples.known[index])
