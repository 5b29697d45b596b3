"""The places that a descriptor names: folders of pictures, multi-page TIFFs and HDF5 volumes, read layer by layer."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from synthem.errors import SynthemError
from synthem.tiles.importers.pictures import Picture, Unreadable, check_size, one_line, read_picture, tiff_planes

_VOLUME = re.compile(r"^(?P<file>.+\.(?:h5|hdf5|hdf))(?::/*(?P<key>.*))?$", re.IGNORECASE)
STACKS = (".tif", ".tiff")
VOLUMES = (".h5", ".hdf5", ".hdf")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".pbm")
MOST_PLANES = 2**20
"""Of one volume."""

NOTES = (".txt", ".md", ".json", ".yaml", ".yml", ".csv", ".xml", ".html", ".pdf")
"""Files that stand beside pictures and aren't missed."""


class Source(Protocol):
    """Pictures by the key of their layer: a file's name in a folder, the number of a page or plane in a stack."""

    @property
    def keys(self) -> Collection[str]:
        """In order."""
        ...

    prefix: str
    """Stands before a key to make the layer's name."""
    volume: str
    """The stack, whose keys are z indices; "" for a folder."""

    def file(self, key: str) -> str:
        """Where the picture is, relative to the root, for messages and tables."""
        ...

    def read(self, key: str) -> Picture:
        """Raises:
        Unreadable: broken, truncated, too large, or of no known kind.
        """
        ...


@dataclass
class Folder:
    """Pictures in a folder, each named after its layer."""

    root: Path
    folder: Path
    files: dict[str, Path]
    """The picture of each layer."""
    max_px: int
    doubles: list[Path] = field(default_factory=list)
    """Further pictures of a layer that has one already."""
    prefix = ""
    volume = ""

    @property
    def keys(self) -> Collection[str]:
        return self.files.keys()

    def file(self, key: str) -> str:
        return self.files[key].relative_to(self.root).as_posix()

    def read(self, key: str) -> Picture:
        path = self.files[key]
        within(self.root, path, self.file(key))
        return read_picture(path, self.max_px)


@dataclass
class TiffStack:
    """The pages of one TIFF."""

    root: Path
    path: Path
    max_px: int

    def __post_init__(self) -> None:
        self.prefix = f"{self.path.stem}-"
        self.volume = self.path.relative_to(self.root).as_posix()
        try:
            self._planes = tiff_planes(self.path, self.max_px)
        except Unreadable as error:
            raise SynthemError(f"{self.path}: {error}") from None
        self.keys: Collection[str] = dict.fromkeys(f"{i:04d}" for i in range(len(self._planes)))

    def file(self, key: str) -> str:
        return f"{self.volume}, page {int(key)}"

    def read(self, key: str) -> Picture:
        return self._planes.read(int(key))


@dataclass
class Hdf5Volume:
    """The planes (y, x) or (y, x, channel) of one data set in an HDF5 file, along its first axis."""

    root: Path
    path: Path
    key: str
    max_px: int

    def __post_init__(self) -> None:
        import h5py

        held = hdf5_names(self.path)
        try:
            node = h5py.File(self.path, "r").get(self.key) if self.key else None
            if not isinstance(node, h5py.Dataset):
                what = f"no data set /{self.key}" if self.key else "names no data set"
                raise SynthemError(f"{self.path}: {what}; write FILE:/NAME with one of {', '.join(held) or 'none'}")
            elsewhere = node.is_virtual or node.external or Path(node.file.filename) != self.path
            shape, most = tuple(node.shape), math.prod(node.chunks or ())
        except SynthemError:
            raise
        except Exception as error:  # as in hdf5_names
            raise SynthemError(f"{self.path}:/{self.key}: can't be read ({one_line(error)})") from None
        if elsewhere:
            raise SynthemError(f"{self.path}:/{self.key}: lies in another file; keep the voxels in this one")
        if len(shape) not in (2, 3) and not (len(shape) == 4 and shape[3] in (1, 3, 4)):
            raise SynthemError(
                f"{self.path}:/{self.key}: shape {shape}; expected (z, y, x), (y, x) or (z, y, x, channel)"
            )
        if shape[0] > MOST_PLANES or most > 4 * self.max_px:
            raise SynthemError(f"{self.path}:/{self.key}: claims {shape} in chunks of {most}, more than max_px allows")
        self._node = node
        self.volume = f"{self.path.relative_to(self.root).as_posix()}:/{self.key}"
        self.prefix = f"{self.path.stem}-"
        planes = 1 if node.ndim == 2 else node.shape[0]
        self.keys: Collection[str] = dict.fromkeys(f"{i:04d}" for i in range(planes))

    def file(self, key: str) -> str:
        return f"{self.volume}, plane {int(key)}"

    def read(self, key: str) -> Picture:
        node = self._node
        check_size(node.shape[-2 - (node.ndim == 4) :], self.max_px)
        try:
            plane = np.asarray(node[()] if node.ndim == 2 else node[int(key)])
        except Exception as error:  # as in hdf5_names
            raise Unreadable(f"can't be read ({one_line(error)})") from None
        return Picture(plane, None, self._pixel_size())

    def _pixel_size(self) -> tuple[float, float] | None:
        """From the attributes that ilastik (`element_size_um`) and CREMI (`resolution`, nm) write, in (z, y, x)."""
        for name, nm in (("element_size_um", 1000.0), ("resolution", 1.0)):
            try:
                size = np.atleast_1d(self._node.attrs.get(name, []))
            except Exception as error:  # as in hdf5_names
                raise Unreadable(f"has metadata that can't be read ({one_line(error)})") from None
            if size.dtype.kind in "iuf" and size.size in (2, 3) and (size > 0).all():
                return float(size[-2]) * nm, float(size[-1]) * nm
        return None


def open_place(root: Path, place: str, max_px: int) -> Source:
    """Open what a place names; see `synthem.tiles.importers.descriptor` for what it may say.

    Raises:
        SynthemError: nothing is there, it leaves the root, or holds no pictures.
    """
    volume = _VOLUME.match(place)
    if volume:
        path = find_file(root, volume["file"])
        return Hdf5Volume(root, path, (volume["key"] or "").strip("/"), max_px)
    head, _, pattern = place.rpartition("/") if "*" in place else (place, "", "*")
    if pattern.count("*") != 1 or "*" in head:
        raise SynthemError(f"{place}: has more than one *, or one in a folder's name; keep one, in the file's name")
    path = find_file(root, head)
    if path.is_file():
        if path.suffix.lower() not in STACKS:
            raise SynthemError(f"{place}: is a file, not a folder, a TIFF or an HDF5 volume; name one of these")
        return TiffStack(root, path, max_px)
    before, after = pattern.split("*")
    files: dict[str, Path] = {}
    doubles: list[Path] = []
    for found in sorted(path.iterdir()):
        name = found.name
        if name.startswith(".") or not found.is_file() or len(name) < len(pattern) - 1:
            continue
        if not (name.startswith(before) and name.endswith(after)):
            continue
        if found.suffix.lower() not in PICTURES:
            continue
        key = name[len(before) : len(name) - len(after)] if after else name[len(before) : -len(found.suffix)]
        if key in files:
            doubles.append(found)
        else:
            files[key] = found
    if not files:
        raise SynthemError(f"{root / head}: holds no pictures{f' like {pattern}' if pattern != '*' else ''}; check it")
    return Folder(root, path, files, max_px, doubles)


def hdf5_names(path: Path) -> list[str]:
    """Names of all data sets in an HDF5 file.

    Raises:
        SynthemError: it can't be read.
    """
    import h5py

    held: list[str] = []

    def visit(name: str, node: object) -> None:
        if isinstance(node, h5py.Dataset):
            held.append(name)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except Exception as error:  # broken files make h5py raise exceptions of many types
        raise SynthemError(f"{path}: can't be read as HDF5 ({one_line(error)})") from None
    return held


def within(root: Path, path: Path, shown: str) -> None:
    """Raises:
    SynthemError: the path, links followed, isn't below the root.
    """
    if not path.resolve().is_relative_to(root):
        raise SynthemError(f"{shown}: leaves the root {root}; keep the files inside of it, or name a higher --root")


def find_file(root: Path, place: str) -> Path:
    """A file or folder below the root.

    Raises:
        SynthemError: it isn't there, or leaves the root.
    """
    path = root / place
    within(root, path, place)
    if not path.exists():
        raise SynthemError(f"{path}: there is no such file or folder; check the descriptor and --root")
    return path
