"""Reading a mix: windows one by one, all of them as arrays, as a torch or as a Hugging Face dataset."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from synthem.classes import Classes
from synthem.curate.mix.index import Index
from synthem.curate.mix.sources import Source, Sources
from synthem.errors import SynthemError
from synthem.tiles.dataset import TileDataset
from synthem.tiles.samples import Samples

if TYPE_CHECKING:
    from synthem.curate.mix.views import TorchMix


class Item(NamedTuple):
    """One window of a mix."""

    image: npt.NDArray[np.uint8]
    """(y, x) grey levels, or (y, x, 3) in colour."""
    masks: npt.NDArray[np.uint8]
    """(class, y, x), 0 or 1."""
    known: npt.NDArray[np.bool_]
    """(class,): false where the window's source never labelled the class."""
    group: str
    """Its layer or tile."""


class Mix:
    """An opened mix. Reading is lazy: a row is decoded when one of its windows is asked for, and kept for the next.

    It pickles as its folder, so that workers of a data loader open it for themselves.
    """

    def __init__(self, folder: Path, meta: dict[str, Any], index: Index, sources: Sources) -> None:
        self.folder = folder
        self.name = str(folder)
        self.meta = meta
        """What `mix.json` declares."""
        self.index = index
        self.sources = sources
        self.classes: Classes = sources.classes

    @classmethod
    def open(cls, folder: str | Path) -> Mix:
        """Open a folder that `mix` wrote, and check that its sources are those that it was made of.

        Raises:
            SynthemError: no mix there, or a source that is missing or has changed.
        """
        folder = Path(folder)
        declared = folder / "mix.json"
        if not declared.is_file():
            reason = "there is no such folder" if not folder.exists() else "holds no mix"
            raise SynthemError(f"{folder}: {reason}; name a folder that `synthem mix` wrote")
        try:
            meta = json.loads(declared.read_text())
        except ValueError:
            raise SynthemError(f"{declared}: can't be read as JSON; make the mix again") from None
        sources = []
        for part in meta["sources"]:
            place = Path(os.path.normpath(folder / part["path"]))
            if not place.exists():
                raise SynthemError(f"{folder}: its source {place} is gone; put it back or make the mix again")
            dataset = TileDataset.open(place)
            if dataset.fingerprint != part["fingerprint"]:
                raise SynthemError(
                    f"{folder}: its source {place} has changed since (fingerprint {dataset.fingerprint[:12]}, "
                    f"the mix is of {part['fingerprint'][:12]}); make the mix again"
                )
            sources.append(Source(part["kind"], dataset, tuple(part["known"])))
        classes = Classes.from_json(meta["classes"])
        return cls(folder, meta, Index.read(folder), Sources(sources, classes, meta["nm_per_px"]))

    def __reduce__(self) -> Any:
        return Mix.open, (self.folder,)

    def __repr__(self) -> str:
        return f"Mix({str(self.folder)!r}, {len(self)} windows of {self.window} px, {len(self.sources)} sources)"

    def _repr_html_(self) -> str:
        """What it is made of as a table, and four of its windows beside their labels, for notebooks."""
        from synthem.show import html_picture, html_table, png

        parts = self.summary
        rows = [(part, held["windows"], *held["area_px"].values()) for part, held in parts.items()]
        head = ("", "windows", *(f"{name}, px" for name in self.classes.names))
        shown = np.unique(np.linspace(0, len(self) - 1, 4).round().astype(int)).tolist()
        masks = [self.classes.unpack(self.stored(i)) for i in shown]
        picture = png([self.image(i) for i in shown], masks, self.classes)
        return html_table(repr(self), head, rows) + html_picture(picture, "windows beside their labels")

    def __len__(self) -> int:
        return len(self.index)

    def __iter__(self) -> Iterator[Item]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, i: int) -> Item:
        source, row, y, x = self._place(i)
        image, stored = self.sources.window(source, row, y, x, self.window)
        masks = self.classes.unpack(stored).view(np.uint8)
        return Item(image, masks, self.sources.known[source].copy(), self._group(source, row))

    @property
    def window(self) -> int:
        """Height and width of every window, px."""
        return int(self.meta["window"])

    @property
    def fingerprint(self) -> str:
        """Of the pixels of its sources, and of which windows of them; the same wherever the folder lies."""
        return str(self.meta["fingerprint"])

    @property
    def summary(self) -> dict[str, Any]:
        """Layers or tiles, windows, organelles and area for each class, of `real`, `synthetic` and `total`."""
        return dict(self.meta["summary"])

    @property
    def class_weights(self) -> dict[str, float]:
        """One weight for each class, adding up to 1, by the rule that `--balance` named."""
        return dict(self.meta["class_weights"])

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """(n, class): false where the source of a window never labelled that class."""
        known: npt.NDArray[np.bool_] = self.sources.known[self.index.source]
        return known

    def image(self, i: int) -> npt.NDArray[np.uint8]:
        """(y, x) grey levels, or (y, x, 3) in colour."""
        return self.sources.window(*self._place(i), self.window)[0]

    def stored(self, i: int) -> npt.NDArray[Any]:
        """(y, x) packed masks; `classes.unpack` takes them apart."""
        return self.sources.window(*self._place(i), self.window)[1]

    def samples(self) -> Samples:
        """The whole mix in memory, masks packed."""
        n, size, channels = len(self), self.window, int(self.meta["channels"])
        images = np.empty((n, channels, size, size), np.uint8)
        stored = np.empty((n, size, size), self.classes.dtype)
        groups = [""] * n
        for i in np.lexsort((self.index.row, self.index.source)).tolist():  # each row is decoded once
            source, row, y, x = self._place(i)
            image, masks = self.sources.window(source, row, y, x, size)
            images[i] = image if image.ndim == 2 else np.moveaxis(image, 2, 0)
            stored[i] = masks
            groups[i] = self._group(source, row)
        return Samples(images, stored, self.classes, self.known, groups)

    def arrays(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """The whole mix: images (n, y, x), or (n, y, x, 3) in colour, and masks (n, class, y, x) of 0 and 1."""
        samples = self.samples()
        images = samples.images
        return (images[:, 0] if images.shape[1] == 1 else np.moveaxis(images, 1, 3)), samples.masks

    def torch(self) -> TorchMix:
        """A map-style `torch.utils.data.Dataset`; an item is (image (channel, y, x), masks (class, y, x), known)."""
        from synthem.curate.mix.views import TorchMix

        return TorchMix(self)

    def to_datasets(self) -> Any:
        """A `datasets.Dataset` of the index whose rows show `image` and `mask` too, read when they are asked for."""
        from synthem.curate.mix.views import to_datasets

        return to_datasets(self)

    def _place(self, i: int) -> tuple[int, int, int, int]:
        if not -len(self) <= i < len(self):
            raise IndexError(f"window {i} of {len(self)}")
        index = self.index
        return int(index.source[i]), int(index.row[i]), int(index.y[i]), int(index.x[i])

    def _group(self, source: int, row: int) -> str:
        return str(self.sources[source].dataset.table.column("layer")[row].as_py())
