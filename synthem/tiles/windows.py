"""Windows over layers: where they lie, and how what was predicted in them is stitched back to layers."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from synthem.errors import SynthemError
from synthem.tiles.samples import Samples

if TYPE_CHECKING:
    from synthem.tiles.dataset import TileDataset

Edge = Literal["drop", "shift", "pad"]
"""What happens where the stride doesn't meet the end of a layer: `drop` leaves the rest out, `shift` adds a last
window that ends at the edge, `pad` lets the last window hang over it (the layer goes on as its mirror image)."""

KEPT_BYTES = 256 * 2**20
"""Decoded layers that are kept, least recently used first to go."""

Size = int | tuple[int, int]
"""Pixels of height and width; one number for a square."""


def pair(size: Size, what: str = "window") -> tuple[int, int]:
    """Height and width of a size or stride.

    Raises:
        SynthemError: not positive.
    """
    height, width = (size, size) if isinstance(size, int) else size
    if height < 1 or width < 1:
        shown = size if isinstance(size, int) else f"{height}x{width}"
        raise SynthemError(f"{what} {shown}: must be at least 1 px each way")
    return int(height), int(width)


def window_corners(height: int, width: int, size: Size, stride: Size, edge: Edge = "drop") -> npt.NDArray[np.int32]:
    """Upper left corners (n, 2) as (y, x), row by row, of the windows over a layer of height × width px.

    A layer smaller than the window holds none with `drop`, and one with `pad`.

    Raises:
        SynthemError: a size or stride below 1, an unknown edge policy, or `shift` in a layer smaller than the window.
    """
    sizes, strides = pair(size), pair(stride, "stride")
    if edge not in get_args(Edge):
        raise SynthemError(f"edge {edge!r}: no such policy; choose one of {', '.join(get_args(Edge))}")
    if edge == "shift" and (height < sizes[0] or width < sizes[1]):
        raise SynthemError(
            f"a layer of {height}x{width} px is smaller than a window of {sizes[0]}x{sizes[1]}; use edge 'pad'"
        )
    ys = _starts(height, sizes[0], strides[0], edge)
    xs = _starts(width, sizes[1], strides[1], edge)
    return np.stack(np.meshgrid(ys, xs, indexing="ij"), axis=-1).reshape(-1, 2)


def _starts(length: int, size: int, stride: int, edge: Edge) -> npt.NDArray[np.int32]:
    free = length - size
    whole = max(free // stride + 1, 0) if free >= 0 else 0
    if edge == "pad":
        return np.arange(max(-(-free // stride), 0) + 1, dtype=np.int32) * stride
    starts = np.arange(whole, dtype=np.int32) * stride
    if edge == "shift" and starts[-1] != free:
        starts = np.append(starts, np.int32(free))
    return starts


def cut(plane: npt.NDArray[Any], y: int, x: int, size: Size) -> npt.NDArray[Any]:
    """A window (height, width, …) of a plane (y, x, …), a copy; the plane goes on as its mirror image."""
    height, width = pair(size)
    if y + height <= plane.shape[0] and x + width <= plane.shape[1]:
        return plane[y : y + height, x : x + width].copy()
    return np.asarray(plane[_mirror(y, height, plane.shape[0])[:, None], _mirror(x, width, plane.shape[1])])


def _mirror(start: int, size: int, length: int) -> npt.NDArray[np.int64]:
    i = np.arange(start, start + size) % (2 * length)
    return np.minimum(i, 2 * length - 1 - i)


def blend_weights(size: Size) -> npt.NDArray[np.float64]:
    """(height, width) weights of a window's pixels where windows overlap: highest in the middle, 1 in the corners.

    Whole numbers, so that in float64 the weighted mean of equal float32 values is that value to the last bit.
    """

    def tent(length: int) -> npt.NDArray[np.float64]:
        i = np.arange(length)
        return np.minimum(i + 1, length - i).astype(np.float64)

    height, width = pair(size)
    return np.outer(tent(height), tent(width))


def stitch(
    windows: Iterable[npt.NDArray[Any]], corners: npt.NDArray[Any], height: int, width: int
) -> npt.NDArray[np.float32]:
    """One layer (…, height, width) from windows (…, y, x) at their corners (n, 2); overlaps are blended.

    What hangs over the layer's edge is cut off. A pixel that no window covers is NaN.

    Raises:
        SynthemError: no windows, or another number of them than corners.
    """
    total: npt.NDArray[np.float64] | None = None
    norm = np.zeros((height, width))
    weights = np.zeros((0, 0))
    count = 0
    for window in windows:
        if count == len(corners):
            raise SynthemError(f"more windows than their {count} corners; give one for each")
        (y, x), (h, w) = corners[count], window.shape[-2:]
        if total is None:
            total = np.zeros((*window.shape[:-2], height, width))
            weights = blend_weights((h, w))
        h, w = min(h, height - y), min(w, width - x)
        total[..., y : y + h, x : x + w] += weights[:h, :w] * window[..., :h, :w]
        norm[y : y + h, x : x + w] += weights[:h, :w]
        count += 1
    if total is None or count < len(corners):
        raise SynthemError(f"{count} windows for {len(corners)} corners; give one for each, at least one")
    with np.errstate(invalid="ignore"):
        return (total / norm).astype(np.float32)


class Windows:
    """An index of windows over rows of a dataset; nothing is copied until one is read.

    A layer is decoded when one of its windows is asked for, brought to the pixel size asked for (images by area, masks
    by coverage, see `synthem.tiles.resample`), and kept for the next. Corners and sizes are in pixels after that.

    Args:
        dataset: tiles or whole layers.
        rows: which of its rows, in this order; left out, all.
        size: of a window, px.
        stride: from one window to the next, px.
        edge: what happens where the stride doesn't meet the end of a layer.
        nm_per_px: pixel size in nanometres; left out, every row keeps its own.
        kept_bytes: how much memory decoded layers may take; the last one read is kept in any case.

    Raises:
        SynthemError: a row that isn't there, stands twice, holds no window, or lacks the pixel size to be changed.
    """

    def __init__(
        self,
        dataset: TileDataset,
        rows: Iterable[int] | None = None,
        *,
        size: Size,
        stride: Size,
        edge: Edge = "drop",
        nm_per_px: float | None = None,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self.dataset = dataset
        self.rows = list(range(len(dataset)) if rows is None else rows)
        """Rows of the dataset, in the order in which they were named."""
        if len(set(self.rows)) < len(self.rows):
            raise SynthemError(f"{dataset.folder}: rows {self.rows}: one stands twice; name each once")
        self.size = pair(size)
        self._nm = dataset.table.column("nm_per_px").to_pylist()
        self._target_nm = nm_per_px
        self._kept: OrderedDict[int, tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]] = OrderedDict()
        self._kept_bytes, self._most_bytes = 0, kept_bytes
        parts = []
        for row in self.rows:
            if not 0 <= row < len(dataset):
                raise SynthemError(f"{dataset.folder}: no row {row}; it has {len(dataset)}")
            height, width = self.layer_size(row)
            corners = window_corners(height, width, self.size, stride, edge)
            if not len(corners):
                raise SynthemError(
                    f"{dataset.folder}: row {row}, {height}x{width} px, holds no window of "
                    f"{self.size[0]}x{self.size[1]} px; take smaller windows or edge 'pad'"
                )
            parts.append(np.column_stack((np.full(len(corners), row, np.int32), corners)))
        self.index: npt.NDArray[np.int32] = np.concatenate(parts) if parts else np.zeros((0, 3), np.int32)
        """(n, 3): row, y and x of each window."""

    def __len__(self) -> int:
        return len(self.index)

    def __iter__(self) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, i: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
        """Image (y, x), or (y, x, 3) in colour, and packed masks (y, x) of one window."""
        row, y, x = self.index[i].tolist()
        image, stored = self.layer(row)
        return cut(image, y, x, self.size), cut(stored, y, x, self.size)

    def layer_size(self, row: int) -> tuple[int, int]:
        """Height and width of a whole row at the windows' pixel size."""
        from synthem.tiles.resample import resampled_size

        return resampled_size(*self.dataset.size(row), self._scale(row))

    def layer(self, row: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
        """Image and packed masks of a whole row at the windows' pixel size; not to be written to."""
        from synthem.tiles.resample import resample_image, resample_stored

        if row in self._kept:
            self._kept.move_to_end(row)
            return self._kept[row]
        image, stored = self.dataset.image(row), self.dataset.stored(row)
        size = self.layer_size(row)
        if size != stored.shape:
            image = resample_image(image, *size)
            stored = resample_stored(stored, self.dataset.classes, *size)
        self._kept[row] = image, stored
        self._kept_bytes += image.nbytes + stored.nbytes
        while self._kept_bytes > self._most_bytes and len(self._kept) > 1:
            self._kept_bytes -= sum(plane.nbytes for plane in self._kept.popitem(last=False)[1])
        return image, stored

    def samples(self) -> Samples:
        """All windows in memory, masks packed."""
        height, width = self.size
        classes, layers = self.dataset.classes, self.dataset.column("layer")
        first = self.layer(self.rows[0])[0] if self.rows else np.zeros((0, 0), np.uint8)
        images = np.empty((len(self), 1 if first.ndim == 2 else 3, height, width), np.uint8)
        stored = np.empty((len(self), height, width), classes.dtype)
        for i, (image, masks) in enumerate(self):
            images[i] = image if image.ndim == 2 else np.moveaxis(image, 2, 0)
            stored[i] = masks
        known = np.broadcast_to(self.dataset.known, (len(self), len(classes))).copy()
        return Samples(images, stored, classes, known, [layers[row] for row in self.index[:, 0]])

    def stitch(self, windows: Iterable[npt.NDArray[Any]]) -> Iterator[npt.NDArray[np.float32]]:
        """The inverse of cutting: a layer (…, y, x) for each of `rows`, from windows (…, y, x) in the index's order.

        Overlaps are blended; a pixel that no window covers is NaN. Only one layer is in memory at a time.

        Raises:
            SynthemError: fewer windows than the index has.
        """
        stream = iter(windows)
        for row in self.rows:
            corners = self.index[self.index[:, 0] == row, 1:]
            height, width = self.layer_size(row)
            yield stitch(itertools.islice(stream, len(corners)), corners, height, width)

    def _scale(self, row: int) -> float:
        if self._target_nm is None:
            return 1.0
        if not self._nm[row]:
            raise SynthemError(
                f"{self.dataset.folder}: row {row} has no pixel size, so it can't be brought to "
                f"{self._target_nm:g} nm; import it with one"
            )
        return float(self._nm[row]) / self._target_nm
