"""A mix as other libraries read data. Imports torch; reached only through `Mix`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

if TYPE_CHECKING:
    from synthem.curate.mix.reader import Mix


class TorchMix(Dataset[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]):
    """A mix for `torch.utils.data.DataLoader`."""

    def __init__(self, mix: Mix) -> None:
        self.mix = mix

    def __len__(self) -> int:
        return len(self.mix)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Image (channel, y, x) and masks (class, y, x) as uint8, and which classes are known (class,)."""
        image, masks, known, _ = self.mix[i]
        planes = image[None] if image.ndim == 2 else np.ascontiguousarray(np.moveaxis(image, 2, 0))
        return torch.from_numpy(planes), torch.from_numpy(masks), torch.from_numpy(known)


def to_datasets(mix: Mix) -> Any:
    """See `Mix.to_datasets`."""
    import datasets

    index = datasets.load_from_disk(str(mix.folder))
    return index.with_transform(_Pictures(mix))


class _Pictures:
    """Adds image and mask, as PIL pictures, to a batch of the index."""

    def __init__(self, mix: Mix) -> None:
        self.mix = mix

    def __call__(self, batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        from PIL import Image

        images, masks = [], []
        for source, row, y, x, size in zip(*(batch[k] for k in ("source", "row", "y", "x", "size")), strict=True):
            image, stored = self.mix.sources.window(source, row, y, x, size)
            images.append(Image.fromarray(np.ascontiguousarray(image)))
            mask = Image.fromarray(np.ascontiguousarray(stored))
            if stored.dtype == np.uint8:
                mask.putpalette(self.mix.classes.palette().tobytes())
            masks.append(mask)
        return {"image": images, "mask": masks, **batch}
