"""Resampling is exact: it agrees with fractions, keeps means, and undoes a whole enlargement."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from synthem import Classes
from synthem.tiles.resample import resample_image, resample_stored, resampled_size

sides = st.integers(1, 9)
planes = arrays.arrays(np.uint8, st.tuples(sides, sides))
FOUR = Classes(("a", "b", "c", "d"))
FOUR_BY_INDEX = Classes(("a", "b", "c", "d"), storage="index")


def overlap(i: int, after: int, j: int, before: int) -> Fraction:
    """Share of output pixel i of `after` that lies in input pixel j of `before`."""
    low = max(Fraction(i, after), Fraction(j, before))
    high = min(Fraction(i + 1, after), Fraction(j + 1, before))
    return max(high - low, Fraction(0)) * after


def mean(plane: np.ndarray, y: int, x: int, height: int, width: int) -> Fraction:
    """Mean over the area of one output pixel."""
    (rows, columns) = plane.shape
    return sum(
        (
            overlap(y, height, i, rows) * overlap(x, width, j, columns) * int(plane[i, j])
            for i in range(rows)
            for j in range(columns)
        ),
        Fraction(0),
    )


@settings(deadline=None, max_examples=50)
@given(image=planes, height=sides, width=sides)
def test_images_are_means_over_the_area(image, height, width):
    resampled = resample_image(image, height, width)
    for y in range(height):
        for x in range(width):
            assert resampled[y, x] == (mean(image, y, x, height, width) + Fraction(1, 2)) // 1


@settings(deadline=None, max_examples=50)
@given(stored=planes, height=sides, width=sides)
def test_masks_are_where_half_is_covered(stored, height, width):
    resampled = FOUR.unpack(resample_stored(stored, FOUR, height, width))
    for c, plane in enumerate(FOUR.unpack(stored)):
        for y in range(height):
            for x in range(width):
                assert resampled[c, y, x] == (mean(plane, y, x, height, width) >= Fraction(1, 2))


@given(image=planes, factor=st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_a_whole_enlargement_repeats_pixels_and_can_be_undone(image, factor):
    enlarged = np.repeat(np.repeat(image, factor[0], axis=0), factor[1], axis=1)
    np.testing.assert_array_equal(resample_image(image, *enlarged.shape), enlarged)
    np.testing.assert_array_equal(resample_image(enlarged, *image.shape), image)
    np.testing.assert_array_equal(resample_stored(enlarged, FOUR, *image.shape), image & 15)


@given(stored=arrays.arrays(np.uint8, st.tuples(sides, sides), elements=st.integers(0, 4)), height=sides, width=sides)
def test_classes_by_index_stay_apart(stored, height, width):
    by_bits = FOUR.pack(FOUR_BY_INDEX.unpack(stored))
    alone = FOUR_BY_INDEX.unpack(resample_stored(stored, FOUR_BY_INDEX, height, width))
    overlapping = FOUR.unpack(resample_stored(by_bits, FOUR, height, width))
    assert (alone <= overlapping).all()
    np.testing.assert_array_equal(alone.any(axis=0), overlapping.any(axis=0))


@given(image=arrays.arrays(np.uint8, st.tuples(sides, sides, st.just(3))), height=sides, width=sides)
def test_colours_are_resampled_channel_by_channel(image, height, width):
    resampled = resample_image(image, height, width)
    for c in range(3):
        np.testing.assert_array_equal(resampled[:, :, c], resample_image(image[:, :, c], height, width))


def test_a_layer_never_vanishes():
    assert resampled_size(768, 1024, 0.5) == (384, 512)
    assert resampled_size(3, 400, 0.01) == (1, 4)
