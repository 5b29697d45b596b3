"""Windows and stitching are inverse, whatever the layer, the window, the stride and the edge policy."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthem.tiles.windows import stitch, window_corners

sides = st.integers(1, 40)


@given(height=sides, width=sides, size=st.integers(1, 24), stride=st.integers(1, 24), seed=st.integers(0, 99))
def test_stitching_padded_windows_gives_the_layer_back(height, width, size, stride, seed):
    layer = np.random.default_rng(seed).random((2, height, width), np.float32)
    stride = min(stride, size)
    corners = window_corners(height, width, size, stride, "pad")
    overhang = ((0, 0), (0, size + stride), (0, size + stride))
    padded = np.pad(layer, overhang)
    cut = [padded[:, y : y + size, x : x + size] for y, x in corners]
    np.testing.assert_array_equal(stitch(cut, corners, height, width), layer)


@given(height=sides, width=sides, size=st.integers(1, 24), stride=st.integers(1, 24))
def test_dropped_windows_lie_inside_and_no_further_one_would(height, width, size, stride):
    corners = window_corners(height, width, size, stride)
    assert len(corners) == max((height - size) // stride + 1, 0) * max((width - size) // stride + 1, 0)
    assert len(np.unique(corners, axis=0)) == len(corners)
    for y, x in corners:
        assert y % stride == x % stride == 0
        assert y + size <= height
        assert x + size <= width


@given(size=st.integers(1, 24), stride=st.integers(1, 24), more=st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_shifted_windows_are_the_dropped_ones_and_reach_every_edge(size, stride, more):
    height, width = size + more[0], size + more[1]
    kept = {tuple(c) for c in window_corners(height, width, size, stride).tolist()}
    shifted = {tuple(c) for c in window_corners(height, width, size, stride, "shift").tolist()}
    assert kept <= shifted
    assert max(y for y, _ in shifted) + size == height
    assert max(x for _, x in shifted) + size == width
