"""What to train, validate and evaluate on, from the folders that earlier commands wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synthem.curate.mix import Mix
from synthem.errors import SynthemError
from synthem.tiles.dataset import TileDataset
from synthem.tiles.samples import Samples
from synthem.tiles.windows import Windows
from synthem.train.groups import parse_groups


def is_mix(folder: str | Path) -> bool:
    """Whether `synthem mix` wrote a folder."""
    return (Path(folder) / "mix.json").is_file()


def open_samples(folder: str | Path) -> Samples:
    """The windows of a mix, or the whole rows of a dataset.

    Raises:
        SynthemError: neither a mix nor a dataset, or a dataset of several sizes.
    """
    return Mix.open(folder).samples() if is_mix(folder) else TileDataset.open(folder).layers()


def open_layers(
    folder: str | Path, split: str | None = None, names: Sequence[str] = (), nm_per_px: float | None = None
) -> Samples:
    """Whole layers of a dataset: all, those of a split, or the named ones.

    Args:
        folder: of a dataset, or of a mix that is made of one real dataset, which is then opened.
        split: such as `test`.
        names: of layers, in the order wanted.
        nm_per_px: pixel size that the layers are brought to: images by area, masks by coverage; None leaves theirs.

    Raises:
        SynthemError: no dataset, no such split or layer, layers of several sizes, or without a pixel size.
    """
    dataset = _real_dataset(folder) if is_mix(folder) else TileDataset.open(folder)
    samples = dataset.layers(split=split, names=names or None)
    if nm_per_px is None:
        return samples
    held, splits = dataset.column("layer"), dataset.column("split")
    rows = [held.index(name) for name in names] or [i for i, s in enumerate(splits) if split is None or s == split]
    scaled = Windows(dataset, (), size=1, stride=1, nm_per_px=nm_per_px)
    planes = [scaled.layer(row) for row in rows]
    if len({stored.shape for _, stored in planes}) > 1:
        raise SynthemError(f"{folder}: its layers differ in size at {nm_per_px:g} nm; choose layers of one size")
    images = np.stack([image[None] if image.ndim == 2 else np.moveaxis(image, 2, 0) for image, _ in planes])
    return Samples(images, np.stack([s for _, s in planes]), samples.classes, samples.known, samples.groups)


def mix_settings(folder: str | Path, classes: Any = ()) -> dict[str, Any]:
    """What a mix says about how to train on it: `class_weights` where they aren't equal, and `nm_per_px`.

    Its windows with their pixels, copied or published, say the same.
    Where other `classes` are learned (see `parse_groups`), only the weights of those that are kept as they are hold.
    """
    meta = Mix.open(folder).meta if is_mix(folder) else TileDataset.open(folder).meta
    if meta["kind"] != "mix":
        return {"class_weights": {}, "nm_per_px": None}
    weights = dict(meta.get("class_weights", {}))
    groups = parse_groups(classes)
    if groups:
        weights = {name: weight for name, weight in weights.items() if (name, (name,)) in groups}
    return {
        "class_weights": weights if len(set(weights.values())) > 1 else {},
        "nm_per_px": meta.get("nm_per_px"),
    }


def _real_dataset(mix: str | Path) -> TileDataset:
    real = [source.dataset for source in Mix.open(mix).sources if source.kind == "real"]
    if len(real) != 1:
        raise SynthemError(f"{mix}: is made of {len(real)} real datasets; name the dataset with the layers instead")
    return real[0]
