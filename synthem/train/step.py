"""One training step, and the counts that scores are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from synthem.errors import SynthemError
from synthem.models import padded
from synthem.models.machine import Machine, training_layout
from synthem.train.config import TrainConfig
from synthem.train.data import Resident
from synthem.train.losses import Loss


class Step:
    """One step: take a batch on the device, augment it, forward, loss, backward, update."""

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss: Loss,
        data: Resident,
        config: TrainConfig,
        machine: Machine,
    ) -> None:
        self.network, self.optimizer, self.machine = network, optimizer, machine
        self._loss, self._data, self._augment = loss, data, config.augment
        self._layout = training_layout(network, machine.device)
        self._forward: Callable[[Tensor], Any] = network
        if config.compile:
            self._forward = torch.compile(
                network, mode="reduce-overhead" if machine.device.type == "cuda" else "default"
            )
        self.counts: Tensor | None = None
        """(4, class), pixels in tp, fp, fn, tn summed over the steps since it was last set to None."""

    def batch(
        self, index: Tensor, drawn: Mapping[str, Tensor], generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Images, masks and known classes of a step, augmented."""
        images, masks, known = self._data.batch(index)
        images, masks = self._augment.apply(images, masks, drawn, generator)
        images, masks, known = self._augment.lay_boxes(images, masks, known, drawn)
        return images.contiguous(memory_format=self._layout), masks.contiguous(memory_format=self._layout), known

    def __call__(self, index: Tensor, drawn: Mapping[str, Tensor], generator: torch.Generator | None = None) -> Tensor:
        """Train on the samples of an index with the parameters drawn for them; the loss, still on the device."""
        images, masks, known = self.batch(index, drawn, generator)
        height, width = images.shape[-2:]
        try:
            with self.machine.autocast():
                output = self._forward(padded(self.network, images))
        except ValueError as error:  # batch norm, of one value a channel
            raise SynthemError(f"training: {error}; take larger windows, or more samples a batch") from None
        outputs = [part[..., :height, :width] for part in (output if isinstance(output, tuple) else (output,))]
        masks = asked(masks, outputs[-1])
        loss = torch.stack([self._loss(o, masks, known) for o in outputs]).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        counts = count(outputs[-1].detach(), masks, known)
        self.counts = counts if self.counts is None else self.counts + counts
        return loss.detach()


def asked(masks: Tensor, output: Tensor) -> Tensor:
    """Masks as a model's output is compared with them.

    A model that gives one answer for a sample, (n, class, 1, 1), is asked which classes are anywhere in it.
    """
    return masks if output.shape[-2:] == masks.shape[-2:] else masks.amax((2, 3), keepdim=True)


def count(output: Tensor, masks: Tensor, known: Tensor) -> Tensor:
    """(4, class), pixels in tp, fp, fn, tn at threshold 0.5 over the samples that know the class."""
    predicted = (output > 0).to(masks.dtype)
    planes = (predicted * masks, predicted, masks)
    # Rows are summed in float, exactly and several times faster than truth values; then whole numbers.
    tp, positive, held = ((plane.sum(3).long().sum(2) * known.long()).sum(0) for plane in planes)
    pixels = known.long().sum(0) * masks[0, 0].numel()
    return torch.stack((tp, positive - tp, held - tp, pixels - positive - held + tp))
