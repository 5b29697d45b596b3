"""The classes of a dataset, and how a stack of masks is stored as one image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from synthem.errors import SynthemError, unknown_name

Storage = Literal["bits", "index"]

_FALLBACK_COLOURS = (
    (255, 127, 14), (148, 103, 189), (140, 86, 75), (65, 105, 225), (255, 215, 0), (0, 128, 128),
    (220, 20, 60), (154, 205, 50), (199, 21, 133), (112, 128, 144),
)  # fmt: skip


@dataclass(frozen=True)
class Classes:
    """Names, colours and storage of the classes of one dataset.

    With `storage="bits"` a stored pixel has bit c set where class c is, so classes may overlap; up to 16 classes.
    With `storage="index"` a stored pixel is 0 for none and c + 1 for class c, so they may not; up to 65,535 classes.
    """

    names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...] = ()
    """RGB, 0..255, one for each class; filled from a fixed list where left out."""
    storage: Storage = "bits"

    def __post_init__(self) -> None:
        if not self.names:
            raise SynthemError("classes: there are none; name at least one")
        if len(set(self.names)) != len(self.names):
            raise SynthemError(f"classes: a name stands twice in {', '.join(self.names)}; make the names differ")
        if self.storage == "bits" and len(self.names) > 16:
            raise SynthemError(f"classes: {len(self.names)} don't fit into 16 bits; declare storage 'index'")
        if not self.colours:
            cycle = (_FALLBACK_COLOURS[i % len(_FALLBACK_COLOURS)] for i in range(len(self.names)))
            object.__setattr__(self, "colours", tuple(cycle))
        if len(self.colours) != len(self.names):
            raise SynthemError(f"classes: {len(self.colours)} colours for {len(self.names)} names; give one for each")

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Position of a class.

        Raises:
            SynthemError: there is no class of that name.
        """
        if name not in self.names:
            raise unknown_name("class", name, self.names)
        return self.names.index(name)

    @property
    def dtype(self) -> np.dtype[Any]:
        """What a stored pixel needs: uint8, or uint16 above 8 bits or 255 indices."""
        limit = 8 if self.storage == "bits" else 255
        return np.dtype(np.uint8 if len(self.names) <= limit else np.uint16)

    def pack(self, masks: npt.ArrayLike) -> npt.NDArray[Any]:
        """Store masks (class, y, x), any dtype, non-zero where the class is, as one image (y, x).

        Raises:
            SynthemError: another number of classes, or an overlap that `index` can't hold.
        """
        planes = np.asarray(masks) != 0
        if planes.ndim != 3 or planes.shape[0] != len(self.names):
            raise SynthemError(f"masks of shape {planes.shape} for {len(self.names)} classes; expected (class, y, x)")
        stored = np.zeros(planes.shape[1:], self.dtype)
        if self.storage == "index":
            if int(planes.sum(axis=0, dtype=np.int32).max(initial=0)) > 1:
                raise SynthemError("masks overlap, which storage 'index' can't hold; declare storage 'bits'")
            for c, plane in enumerate(planes):
                stored[plane] = c + 1
        else:
            for c, plane in enumerate(planes):
                stored |= plane.astype(self.dtype) << self.dtype.type(c)
        return stored

    def unpack(self, stored: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Masks (class, *shape) of a stored image, or of a stack of them: the classes come first."""
        pixels = np.asarray(stored)
        if self.storage == "index":
            wanted = np.arange(1, len(self.names) + 1, dtype=self.dtype)
            held: npt.NDArray[np.bool_] = pixels[None] == wanted.reshape(-1, *([1] * pixels.ndim))
            return held
        bits = np.array([1 << c for c in range(len(self.names))], self.dtype)
        held = (pixels[None] & bits.reshape(-1, *([1] * pixels.ndim))) != 0
        return held

    def palette(self) -> npt.NDArray[np.uint8]:
        """RGB of each stored value of an 8-bit mask, shape (256, 3).

        Where several classes hold a pixel the last of them gives the colour: a boundary shows on its mitochondrion.
        """
        return _palette(self)

    def to_json(self) -> dict[str, Any]:
        """As `synthem.json` declares it."""
        return {
            "names": list(self.names),
            "colours": [list(c) for c in self.colours],
            "storage": self.storage,
        }

    @classmethod
    def from_json(cls, declared: Mapping[str, Any]) -> Classes:
        """The reverse of `to_json`."""
        colours = tuple((int(r), int(g), int(b)) for r, g, b in declared.get("colours", ()))
        return cls(tuple(declared["names"]), colours, declared.get("storage", "bits"))


@lru_cache
def _palette(classes: Classes) -> npt.NDArray[np.uint8]:
    table = np.zeros((256, 3), np.uint8)
    for value in range(1, 256):
        if classes.storage == "index":
            held = [value - 1] if value <= len(classes) else []
        else:
            held = [c for c in range(len(classes)) if value >> c & 1]
        if held:
            table[value] = classes.colours[held[-1]]
    table.flags.writeable = False
    return table


SIX = Classes(
    ("axon", "mitochondrion", "mitochondrial_boundary", "psd", "vesicle", "membrane"),
    ((214, 39, 40), (44, 160, 44), (188, 219, 34), (227, 119, 194), (31, 119, 180), (23, 190, 207)),
)
"""The built-in classes: bit 0 axon, 1 mitochondrion, 2 mitochondrial boundary, 3 PSD, 4 vesicle, 5 membrane.

Every pair is disjoint, except that mitochondrial boundary lies inside mitochondrion.
"""


def unpack(mask: Any, classes: Classes | Sequence[str] = SIX) -> npt.NDArray[np.bool_]:
    """Masks (class, y, x) of one cell of the `mask` column: a PIL image, an array, or PNG bytes."""
    table = classes if isinstance(classes, Classes) else Classes(tuple(classes))
    if isinstance(mask, Mapping):
        mask = mask["bytes"]
    if isinstance(mask, bytes):
        import io

        from PIL import Image

        mask = Image.open(io.BytesIO(mask))
    return table.unpack(np.asarray(mask))
