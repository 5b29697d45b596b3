"""Properties of label corruption, over kinds, strengths, seeds and drawn tiles."""

from __future__ import annotations

from typing import Any

import making
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from synthem.classes import SIX, Classes
from synthem.curate.check.labels import disjoint_pairs
from synthem.curate.corrupt import KINDS, Corruption, corrupt_masks
from synthem.curate.corrupt.objects import OUTLINES
from synthem.seeds import stream

DISJOINT = disjoint_pairs(SIX, {})


@st.composite
def corruptions(draw: st.DrawFn) -> Corruption:
    kind = draw(st.sampled_from(KINDS))
    strength = draw(st.floats(0, 6) if kind in OUTLINES else st.floats(0, 1))
    classes = draw(st.lists(st.sampled_from(SIX.names), unique=True, max_size=3))
    return Corruption(kind, strength, tuple(classes), draw(st.booleans()), radius_px=draw(st.integers(0, 3)))


def corrupted(tile: int, corruption: Corruption, seed: int) -> tuple[Any, Any]:
    before = SIX.unpack(making.draw(11, tile)[1])
    rng, bias = stream(seed, "row", tile), stream(seed, "bias")
    return before, corrupt_masks(before, corruption, SIX, DISJOINT, rng, bias)


@settings(deadline=None, max_examples=60)
@given(tile=st.integers(0, 30), corruption=corruptions(), seed=st.integers(0, 2**32))
def test_it_is_reproducible_and_leaves_its_input_alone(tile: int, corruption: Corruption, seed: int) -> None:
    before, after = corrupted(tile, corruption, seed)
    again_before, again = corrupted(tile, corruption, seed)
    assert np.array_equal(after, again)
    assert np.array_equal(before, again_before)


@settings(deadline=None, max_examples=60)
@given(tile=st.integers(0, 30), corruption=corruptions(), seed=st.integers(0, 2**32))
def test_disjoint_classes_stay_disjoint(tile: int, corruption: Corruption, seed: int) -> None:
    _, after = corrupted(tile, corruption, seed)
    for a, b in DISJOINT:
        assert not (after[a] & after[b]).any()


@settings(deadline=None, max_examples=60)
@given(tile=st.integers(0, 30), corruption=corruptions(), seed=st.integers(0, 2**32))
def test_only_the_named_classes_change(tile: int, corruption: Corruption, seed: int) -> None:
    before, after = corrupted(tile, corruption, seed)
    if corruption.classes and corruption.kind != "swap":
        touched = {*corruption.classes, "mitochondrial_boundary"}
        for c, name in enumerate(SIX.names):
            assert name in touched or np.array_equal(before[c], after[c])


@settings(deadline=None, max_examples=40)
@given(tile=st.integers(0, 30), kind=st.sampled_from(KINDS), systematic=st.booleans(), seed=st.integers(0, 2**32))
def test_strength_zero_changes_nothing(tile: int, kind: Any, systematic: bool, seed: int) -> None:
    before, after = corrupted(tile, Corruption(kind, 0, systematic=systematic), seed)
    assert np.array_equal(before, after)


@settings(deadline=None, max_examples=30)
@given(
    tile=st.integers(0, 30),
    kind=st.sampled_from(("grow", "shift", "smooth")),
    seeds=st.tuples(*[st.integers(0, 99)] * 2),
)
def test_a_systematic_error_depends_on_nothing_drawn_for_the_image(
    tile: int, kind: Any, seeds: tuple[int, int]
) -> None:
    before = SIX.unpack(making.draw(11, tile)[1])
    one, other = (
        corrupt_masks(
            before, Corruption(kind, 3, systematic=True), SIX, DISJOINT, stream(seed, "row"), stream(0, "bias")
        )
        for seed in seeds
    )
    assert np.array_equal(one, other)


@settings(deadline=None, max_examples=30)
@given(tile=st.integers(0, 30), corruption=corruptions(), seed=st.integers(0, 2**32))
def test_masks_stored_as_an_index_can_be_packed_again(tile: int, corruption: Corruption, seed: int) -> None:
    table = Classes(SIX.names, storage="index")
    stored = making.draw(12, tile, classes=table)[1]
    disjoint = disjoint_pairs(table, {"overlaps": []})
    rng, bias = stream(seed, "row"), stream(seed, "bias")
    after = corrupt_masks(table.unpack(stored), corruption, table, disjoint, rng, bias)
    assert table.pack(after).shape == stored.shape
