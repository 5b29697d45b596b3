"""From whatever a file stores to what a dataset stores: 8-bit grey or RGB images, and values of labels."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from synthem.tiles.importers.pictures import Picture, Unreadable
from synthem.tiles.importers.problems import Note


def to_image(
    picture: Picture, colour: Literal["grey", "keep"], grey_range: tuple[float, float] | None, note: Note
) -> npt.NDArray[np.uint8]:
    """(y, x) grey levels, or (y, x, 3) with `keep`.

    Raises:
        Unreadable: levels of a type whose range nobody declared.
    """
    pixels = _eight_bits(_opaque(picture, note), grey_range)
    if colour == "keep":
        return np.ascontiguousarray(pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2))
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels)
    if _is_grey(pixels):
        return np.ascontiguousarray(pixels[:, :, 0])
    note("is in colour", "turned to grey")
    luma: npt.NDArray[np.float64] = pixels @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    return np.rint(luma).astype(np.uint8)


def to_values(picture: Picture, note: Note) -> npt.NDArray[Any]:
    """(y, x) values of a mask or a map; of a picture in colour the largest of the three channels.

    A palette's colours count, not its indices, so that a mask saved with 256 colours stays what one sees.
    """
    pixels = _opaque(picture, note)
    return pixels if pixels.ndim == 2 else pixels.max(axis=2)


def to_codes(picture: Picture, note: Note, *, in_colour: bool) -> npt.NDArray[np.int64]:
    """(y, x) values of a label picture: red·65536 + green·256 + blue, or grey levels and palette indices as stored.

    Raises:
        Unreadable: values asked for and the picture is in colour, or levels that aren't whole numbers.
    """
    if in_colour:
        pixels = _opaque(picture, note)
        if pixels.dtype != np.uint8:
            raise Unreadable(f"has {pixels.dtype} levels where colours of 8 bits were declared")
        if pixels.ndim == 2:
            return pixels.astype(np.int64) * 0x010101
        codes: npt.NDArray[np.int64] = pixels.astype(np.int64) @ np.array([0x10000, 0x100, 1])
        return codes
    pixels = picture.pixels if picture.palette is not None else _opaque(picture, note)
    if pixels.ndim == 3:
        if not _is_grey(pixels):
            raise Unreadable("is in colour where values were declared; give colours such as '#ff0000'")
        pixels = pixels[:, :, 0]
    if pixels.dtype.kind == "f" and not np.array_equal(pixels, np.rint(pixels)):
        raise Unreadable("holds fractions where whole values were declared")
    return pixels.astype(np.int64)


def to_objects(picture: Picture, note: Note) -> npt.NDArray[np.int64]:
    """(y, x) numbers of objects, from values or from colours."""
    in_colour = picture.palette is None and picture.pixels.ndim == 3 and not _is_grey(picture.pixels[..., :3])
    return to_codes(picture, note, in_colour=in_colour)


def to_rgb(picture: Picture, note: Note) -> npt.NDArray[np.uint8]:
    """(y, x, 3)."""
    return to_image(picture, "keep", None, note)


def _opaque(picture: Picture, note: Note) -> npt.NDArray[Any]:
    """(y, x) or (y, x, 3), the palette looked up, transparent pixels laid over black."""
    pixels = picture.pixels
    if picture.palette is not None:
        pixels = picture.palette[np.minimum(pixels, len(picture.palette) - 1)]
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        alpha = pixels[:, :, -1:]
        pixels = pixels[:, :, :-1]
        full = 255 if alpha.dtype == np.uint8 else 65535
        if (alpha < full).any():
            note("has transparent pixels", "laid over black")
            pixels = np.rint(pixels * (alpha / full)).astype(pixels.dtype)
        if pixels.shape[2] == 1:
            pixels = pixels[:, :, 0]
    if pixels.ndim != 2 and pixels.shape[2:] != (3,):
        raise Unreadable(f"has shape {pixels.shape}; expected grey, RGB or RGBA")
    return pixels


def _eight_bits(pixels: npt.NDArray[Any], grey_range: tuple[float, float] | None) -> npt.NDArray[np.uint8]:
    if grey_range is None:
        if pixels.dtype == np.uint8:
            return pixels
        if pixels.dtype != np.uint16:
            raise Unreadable(f"has {pixels.dtype} levels; declare grey_range: [low, high] to bring them to 0..255")
        grey_range = (0, 65535)
    low, high = grey_range
    scaled: npt.NDArray[np.float32] = (pixels.astype(np.float32) - low) * np.float32(255 / (high - low))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def _is_grey(pixels: npt.NDArray[Any]) -> bool:
    first = pixels[:, :, 0]
    return all(np.array_equal(first, pixels[:, :, c]) for c in range(1, pixels.shape[2]))
