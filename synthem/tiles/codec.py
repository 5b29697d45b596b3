"""PNG in memory: 8-bit grey and colour, 8-bit palette and 16-bit grey.

One filter for every row (Up: each byte minus the one above it) and ISA-L's deflate at level 1: about four times
faster than Pillow's encoder on electron microscopy, at the same size within 5 %. Any PNG reader opens the result.
The bytes of a PNG differ between encoders, so fingerprints are of pixels, never of files.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from synthem.errors import SynthemError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = 2


def encode(pixels: npt.NDArray[Any], palette: npt.NDArray[np.uint8] | None = None) -> bytes:
    """A PNG of (y, x) uint8 or uint16, or (y, x, 3) uint8; with a palette (256, 3), a colour-mapped one.

    Raises:
        SynthemError: another dtype or shape.
    """
    from isal import isal_zlib  # here, so that datasets can be read where it isn't installed

    height, width = pixels.shape[:2]
    if pixels.dtype == np.uint8 and pixels.ndim == 2:
        depth, colour_type = 8, 0 if palette is None else 3
    elif pixels.dtype == np.uint16 and pixels.ndim == 2:
        depth, colour_type = 16, 0
        pixels = pixels.byteswap()
    elif pixels.dtype == np.uint8 and pixels.shape[2:] == (3,):
        depth, colour_type = 8, 2
    else:
        raise SynthemError(f"a PNG needs (y, x) uint8 or uint16, or (y, x, 3) uint8; got {pixels.shape} {pixels.dtype}")
    raw = np.ascontiguousarray(pixels).view(np.uint8).reshape(height, -1)
    rows = np.empty((height, raw.shape[1] + 1), np.uint8)
    rows[:, 0] = _UP
    rows[0, 1:] = raw[0]
    np.subtract(raw[1:], raw[:-1], out=rows[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    plte = b"" if palette is None or depth == 16 else _chunk(b"PLTE", palette.tobytes())
    data = _chunk(b"IDAT", isal_zlib.compress(rows, 1))
    return b"".join((_SIGNATURE, _chunk(b"IHDR", header), plte, data, _chunk(b"IEND", b"")))


def decode(data: bytes) -> npt.NDArray[Any]:
    """Stored values of a PNG: (y, x) uint8 (grey, or palette indices), (y, x) uint16, or (y, x, 3) uint8.

    Raises:
        SynthemError: not a PNG that can be read.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as picture:
            values = np.asarray(picture)
    except (OSError, SyntaxError, ValueError) as error:
        raise SynthemError(
            f"a stored image can't be read ({error}); the shard is damaged: make the dataset again"
        ) from None
    return values.astype(np.uint16) if values.dtype == np.int32 else values


def digest(*planes: npt.NDArray[Any] | None) -> bytes:
    """16 bytes that stand for the pixels of one row: its image, its mask and its instances."""
    state = xxhash.xxh3_128()
    for plane in planes:
        if plane is None:
            state.update(b"none")
        else:
            state.update(f"{plane.shape}{plane.dtype.str}".encode())
            state.update(np.ascontiguousarray(plane).data)
    return state.digest()


def chain(before: str, digests: list[bytes]) -> str:
    """Extend a fingerprint (hexadecimal, "" at the start) by the rows that follow."""
    value = bytes.fromhex(before)
    for row in digests:
        value = hashlib.blake2b(value + row, digest_size=16).digest()
    return value.hex()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
