"""Samples on the device: copied there once as bytes, unpacked batch by batch."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from synthem.models.prepare import Contrast, prepare
from synthem.tiles.samples import Samples


class Resident:
    """Images, packed masks and known classes of samples on a device; 2 bytes a pixel for grey images."""

    def __init__(self, samples: Samples, device: torch.device, contrast: Contrast = "none") -> None:
        classes = samples.classes
        self._images = torch.from_numpy(np.ascontiguousarray(prepare(samples.images, contrast))).to(device)
        stored = samples.stored if samples.stored.dtype == np.uint8 else samples.stored.astype(np.int32)
        self._stored = torch.from_numpy(np.ascontiguousarray(stored)).to(device)
        self._known = torch.from_numpy(samples.known.astype(np.float32)).to(device)
        self._bits = classes.storage == "bits"
        values = [1 << c if self._bits else c + 1 for c in range(len(classes))]
        self._values = torch.tensor(values, dtype=self._stored.dtype, device=device).view(1, -1, 1, 1)

    def __len__(self) -> int:
        return len(self._images)

    @property
    def pixels(self) -> int:
        """Of one image."""
        return self._stored[0].numel()

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images (n, channel, y, x) 0..1, masks (n, class, y, x) 0 or 1, known (n, class) 0 or 1; all float32."""
        images = self._images[index].float().div_(255)
        stored = self._stored[index].unsqueeze(1)
        masks = (stored & self._values) != 0 if self._bits else stored == self._values
        return images, masks.float(), self._known[index]


def digest(samples: Samples) -> str:
    """A fingerprint of everything that training sees of the samples; their order counts, their names don't."""
    state = hashlib.blake2b(repr((samples.classes.names, samples.images.shape)).encode(), digest_size=16)
    for array in (samples.images, samples.stored, samples.known):
        state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()
