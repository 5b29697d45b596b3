"""Streams of random numbers."""

from __future__ import annotations

import numpy as np
import pytest

from synthem.seeds import Streams, stream

PATHS = [(), (0,), (1,), ("0",), ("1",), ("a",), ("a", 0), ("a0",), ("a", "0"), (0, "a"), ("tile", 1, 2), ("tile", 12)]


def test_a_stream_depends_on_seed_and_path_alone():
    first = stream(3, "tile", 12, "axon", 0).random(100)
    stream(3, "tile", 12).random(5)
    np.testing.assert_array_equal(stream(3, "tile", 12, "axon", 0).random(100), first)


def test_no_two_paths_or_seeds_share_a_stream():
    starts = [stream(seed, *path).integers(2**63) for seed in (-1, 0, 1, 2**40) for path in PATHS]
    assert len(set(starts)) == len(starts)


def test_numbers_of_neighbouring_streams_are_not_correlated():
    draws = np.stack([stream(0, "tile", i).random(4000) for i in range(24)])
    between = np.corrcoef(draws)[np.triu_indices(24, 1)]
    assert np.abs(between).max() < 5 / np.sqrt(4000)
    assert abs(draws.mean() - 0.5) < 5 / np.sqrt(12 * draws.size)


def test_the_numbers_are_those_of_always():
    """A change here changes every tile: it must raise GENERATOR_VERSION."""
    assert stream(0, "tile", 12, "axon", 0).integers(0, 1000, 5).tolist() == [684, 762, 268, 517, 526]


def test_numpys_numbers_name_the_same_stream_as_pythons():
    wanted = stream(1, "tile", 7).random()
    assert stream(np.int64(1), "tile", np.int32(7)).random() == wanted  # type: ignore[arg-type]
    assert stream(1, np.str_("tile"), 7).random() == wanted


@pytest.mark.parametrize("read", [1, 2, 3, 5, 64])
def test_streams_in_turn_equal_streams_on_their_own(read):
    """Also where the one before was left in the middle of its buffer, or after a draw of 32 bits."""
    streams = Streams(4, "tile", 1)
    for path in PATHS:
        rng = streams.open(*path)
        alone = stream(4, "tile", 1, *path)
        np.testing.assert_array_equal(rng.random(read), alone.random(read))
        assert rng.integers(2**31, dtype=np.uint32) == alone.integers(2**31, dtype=np.uint32)
        np.testing.assert_array_equal(rng.standard_normal(read), alone.standard_normal(read))
