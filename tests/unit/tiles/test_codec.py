"""PNG in memory, against Pillow and OpenCV; digests of pixels."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from synthem import SIX, SynthemError
from synthem.seeds import stream
from synthem.tiles import codec

grey8 = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=40))
grey16 = arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=40))
colour = arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3)))


@given(st.one_of(grey8, grey16, colour))
def test_other_readers_see_the_same_pixels(pixels):
    data = codec.encode(pixels)
    np.testing.assert_array_equal(codec.decode(data), pixels)
    assert codec.decode(data).dtype == pixels.dtype
    by_opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(by_opencv if pixels.ndim == 2 else by_opencv[..., ::-1], pixels)


@given(grey8)
def test_a_palette_colours_what_is_stored_unchanged(pixels):
    data = codec.encode(pixels, SIX.palette())
    np.testing.assert_array_equal(codec.decode(data), pixels)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.mode == "P"
        np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), SIX.palette()[pixels])


def test_views_and_transposed_arrays_are_stored_as_they_look():
    pixels = stream(0, "codec").integers(0, 65536, (30, 40)).astype(np.uint16)
    for view in (pixels.T, pixels[::2, ::-3], pixels[5:6]):
        np.testing.assert_array_equal(codec.decode(codec.encode(view)), view)


@pytest.mark.parametrize("wrong", [np.zeros((4, 4)), np.zeros((4, 4), np.int16), np.zeros((4, 4, 4), np.uint8)])
def test_what_is_no_picture_is_refused(wrong):
    with pytest.raises(SynthemError, match="a PNG needs"):
        codec.encode(wrong)


@pytest.mark.parametrize("data", [b"", b"nonsense", codec.encode(np.zeros((40, 40), np.uint8))[:60]])
def test_a_damaged_picture_is_told_in_a_line(data):
    with pytest.raises(SynthemError, match="the shard is damaged"):
        codec.decode(data)


def test_a_digest_knows_pixels_shape_and_kind():
    flat = np.arange(12, dtype=np.uint8)
    planes = [
        flat.reshape(3, 4),
        flat.reshape(4, 3),
        flat.reshape(3, 4).astype(np.uint16),
        flat.reshape(3, 4) + 1,
        None,
    ]
    digests = [codec.digest(plane) for plane in planes] + [codec.digest(planes[0], None), codec.digest(None, planes[0])]
    assert len(set(digests)) == len(digests)
    assert codec.digest(planes[0].T) == codec.digest(np.ascontiguousarray(planes[0].T))  # type: ignore[union-attr]


def test_a_chain_goes_on_where_it_stopped():
    digests = [codec.digest(np.full((2, 2), v, np.uint8)) for v in range(7)]
    whole = codec.chain("", digests)
    assert codec.chain(codec.chain("", digests[:3]), digests[3:]) == whole
    assert codec.chain("", digests[::-1]) != whole
    assert len(whole) == 32
