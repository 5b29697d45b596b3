"""Batch norms as prediction needs them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from synthem.models import logits
from synthem.models.machine import Machine, training_layout
from synthem.seeds import stream
from synthem.train.config import TrainConfig
from synthem.train.data import Resident

_BATCH = 32


def recalibrate(
    network: nn.Module, data: Resident, frozen: Sequence[nn.Module], config: TrainConfig, machine: Machine
) -> None:
    """Estimate the statistics of batch norms again, on samples shown as in prediction: nothing augmented or dropped.

    What training averages on the way doesn't fit prediction. It lags behind the weights, and dropout widens what later
    layers see (Li et al., "Understanding the Disharmony between Dropout and Batch Normalization by Variance Shift",
    CVPR 2019). The mean over batches is taken here, as in "precise batch norm" (Wu and Johnson, arXiv:2105.07576).
    Training goes on as it would have: it uses each batch's own statistics.

    Args:
        network: its batch norms are changed, but those of `frozen` modules.
        data: samples; `config.recalibrate` of them are taken, a seeded choice, all where there are fewer.
        frozen: modules that keep their statistics.
        config: of the training.
        machine: that the network is on.
    """
    modes = [(module, module.training) for module in network.modules()]
    network.train()
    for module in frozen:
        module.eval()
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.training]
    network.eval()
    chosen = stream(config.seed, "recalibrate").permutation(len(data))[: config.recalibrate]
    if norms and len(chosen):
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # torch's way to ask for the mean of all batches
            norm.train()
        layout = training_layout(network, machine.device)
        with torch.no_grad(), machine.autocast():
            for part in np.array_split(chosen, -(-len(chosen) // _BATCH)):
                images, _, _ = data.batch(torch.from_numpy(part).to(machine.device))
                logits(network, images.contiguous(memory_format=layout))
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
    for module, mode in modes:
        module.training = mode
