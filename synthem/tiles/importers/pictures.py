"""Reading one picture of whatever format: its pixels as they are stored, its palette, its pixel size.

Everything that a broken or hostile file can do ends in `Unreadable`: sizes are checked before anything is decoded.
"""

from __future__ import annotations

import logging
import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ImageFile import ImageFile

COARSEST_NM = 1000.0
"""A larger pixel in a file's metadata is a default of screens and printers (72 dpi: 352,778 nm), no microscope's."""

_UNITS_NM = {
    "pm": 1e-3, "å": 0.1, "a": 0.1, "angstrom": 0.1, "nm": 1.0, "nanometer": 1.0, "nanometre": 1.0,
    "um": 1e3, "µm": 1e3, "μm": 1e3, "\\u00b5m": 1e3, "micron": 1e3, "micrometer": 1e3, "micrometre": 1e3,
    "mm": 1e6, "cm": 1e7, "centimeter": 1e7, "inch": 2.54e7,
}  # fmt: skip


logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it has to say of broken files is in `Unreadable`


class Unreadable(ValueError):
    """A picture that can't be used; the text says why."""


def one_line(error: Exception) -> str:
    """What an exception of a decoder says, or at least its type."""
    return (str(error).splitlines() or [""])[0] or type(error).__name__


@dataclass(frozen=True)
class Picture:
    """One picture as its file stores it."""

    pixels: npt.NDArray[Any]
    """(y, x), or (y, x, channel) with 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha) channels."""
    palette: npt.NDArray[np.uint8] | None = None
    """(n, 3) or (n, 4) where the pixels are indices of a palette."""
    nm: tuple[float, float] | None = None
    """Pixel size (y, x) in nanometres, where the metadata give one."""


def check_size(shape: Sequence[int], max_px: int) -> None:
    """Raises:
    Unreadable: more pixels than allowed, or none.
    """
    if math.prod(shape) < 1:
        raise Unreadable("has no pixels")
    if shape[0] * shape[1] > max_px:
        raise Unreadable(f"claims {shape[0]}x{shape[1]} px, more than max_px {max_px} allows")


def read_picture(path: Path, max_px: int) -> Picture:
    """Read a file that holds one picture.

    Raises:
        Unreadable: empty, truncated, broken, too large, of no known format, or a stack of several pictures.
    """
    if path.stat().st_size == 0:
        raise Unreadable("is empty (0 bytes)")
    if path.suffix.lower() in (".tif", ".tiff"):
        planes = tiff_planes(path, max_px)
        if len(planes) != 1:
            raise Unreadable(f"is a stack of {len(planes)} pages, not one picture; name the file itself as a place")
        return planes.read(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures; max_px decides here
            with Image.open(path) as picture:
                check_size((picture.height, picture.width), max_px)
                return _from_pillow(path, picture)
    except Unreadable:
        raise
    except Image.DecompressionBombError:
        raise Unreadable("is larger than 178 million px; store it as TIFF") from None
    except UnidentifiedImageError:
        raise Unreadable("is no picture of a known format") from None
    except Exception as error:  # decoders meet broken files with exceptions of many types
        raise Unreadable(f"is truncated or broken ({one_line(error)})") from None


def _from_pillow(path: Path, picture: Image.Image) -> Picture:
    dpi = picture.info.get("dpi")
    nm = None
    if dpi and dpi[0] and dpi[1]:
        nm = _plausible(2.54e7 / float(dpi[1]), 2.54e7 / float(dpi[0]))
    deep = isinstance(picture, ImageFile) and any("16" in str(tile.args) for tile in picture.tile)
    if deep and not picture.mode.startswith(("I", "F")):  # Pillow would cut 16-bit colour and alpha down to 8 bits
        picture.load()
        pixels = np.asarray(cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED))
        as_rgb = [2, 1, 0, 3][: pixels.shape[2]]
        return Picture(np.ascontiguousarray(pixels[:, :, as_rgb]), None, nm)
    if picture.format in ("JPEG", "MPO", "WEBP"):
        picture = ImageOps.exif_transpose(picture)
    if picture.mode == "P":
        picture.apply_transparency()
        table = np.array(picture.getpalette("RGBA"), np.uint8).reshape(-1, 4)
        return Picture(np.asarray(picture), table, nm)
    if picture.mode not in ("1", "L", "LA", "RGB", "RGBA", "I", "F") and not picture.mode.startswith("I;16"):
        picture = picture.convert("RGB")
    return Picture(np.asarray(picture), None, nm)


class TiffPlanes:
    """The planes (y, x) or (y, x, channel) of a TIFF, in the order of its pages."""

    def __init__(self, path: Path, max_px: int) -> None:
        import tifffile

        self._path, self._max_px = path, max_px
        self._pages: list[Any] = []
        with tifffile.TiffFile(path) as tiff:
            self._ome, self._imagej = tiff.ome_metadata, tiff.imagej_metadata or {}
            self._file = tiff.filehandle  # open only while a page is read, however many stacks there are
            for series in tiff.series:
                outer = [(a, n) for a, n in zip(series.axes, series.shape, strict=True) if a not in "YXS"]
                if any(axis == "C" and n > 1 for axis, n in outer):
                    raise Unreadable(f"has several channels (axes {series.axes}); keep one, or store colour as RGB")
                if math.prod(n for _, n in outer) != len(series.pages):
                    what = f"{len(series.pages)} pages for {series.axes} {series.shape}"
                    raise Unreadable(f"has {what}; store one page a plane")
                self._pages += list(series.pages)

    def __len__(self) -> int:
        return len(self._pages)

    def read(self, index: int) -> Picture:
        """One plane.

        Raises:
            Unreadable: too large, truncated or broken.
        """
        page = self._pages[index]
        self._file.open()
        try:
            check_size((page.keyframe.imagelength, page.keyframe.imagewidth), self._max_px)
            pixels, palette = self._decode(page, index)
            if pixels.shape[:2] != (page.keyframe.imagelength, page.keyframe.imagewidth):
                raise Unreadable(f"is truncated or broken (decodes to shape {pixels.shape})")
            nm = self._pixel_size(page.keyframe.tags)
        except Unreadable:
            raise
        except Exception as error:  # as in read_picture
            raise Unreadable(f"is truncated or broken ({one_line(error)})") from None
        finally:
            self._file.close()
        return Picture(pixels, palette, nm)

    def _decode(self, page: Any, index: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8] | None]:
        try:
            pixels = np.asarray(page.asarray())
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            with Image.open(self._path) as picture:  # LZW, JPEG, fax: what tifffile leaves to a further package
                picture.seek(index)
                decoded = _from_pillow(self._path, picture)
            return decoded.pixels, decoded.palette
        if pixels.ndim == 3 and page.keyframe.axes.startswith("S"):
            pixels = np.moveaxis(pixels, 0, 2)
        if page.keyframe.photometric.name == "MINISWHITE":
            pixels = ~pixels if pixels.dtype.kind == "b" else np.iinfo(pixels.dtype).max - pixels
        palette = None
        if page.keyframe.photometric.name == "PALETTE":
            palette = (np.asarray(page.keyframe.colormap).T >> 8).astype(np.uint8)
        return pixels, palette

    def _pixel_size(self, tags: Any) -> tuple[float, float] | None:
        """From OME's metadata, ImageJ's unit, or the resolution in inches or centimetres."""
        if self._ome:
            sizes = []
            for axis in "YX":
                size = re.search(rf'PhysicalSize{axis}="([0-9.eE+-]+)"', self._ome)
                unit = re.search(rf'PhysicalSize{axis}Unit="([^"]+)"', self._ome)
                if not size:
                    return None
                sizes.append(float(size[1]) * _UNITS_NM.get(unit[1].lower() if unit else "µm", math.nan))
            return _plausible(*sizes)
        if "XResolution" not in tags or "YResolution" not in tags:
            return None
        per_unit = [tags[name].value[0] / (tags[name].value[1] or 1) for name in ("YResolution", "XResolution")]
        unit_nm = {2: 2.54e7, 3: 1e7}.get(int(tags["ResolutionUnit"].value) if "ResolutionUnit" in tags else 2)
        named = str(self._imagej.get("unit", "")).lower()
        unit_nm = _UNITS_NM.get(named, unit_nm)
        if unit_nm is None or min(per_unit) <= 0:
            return None
        return _plausible(unit_nm / per_unit[0], unit_nm / per_unit[1])


def tiff_planes(path: Path, max_px: int) -> TiffPlanes:
    """Open a TIFF.

    Raises:
        Unreadable: broken, or not laid out as planes.
    """
    try:
        return TiffPlanes(path, max_px)
    except Unreadable:
        raise
    except Exception as error:  # as in read_picture
        raise Unreadable(f"can't be read as TIFF ({one_line(error)})") from None


def _plausible(y_nm: float, x_nm: float) -> tuple[float, float] | None:
    return (y_nm, x_nm) if 0 < y_nm < COARSEST_NM and 0 < x_nm < COARSEST_NM else None
