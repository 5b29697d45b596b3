"""Every count and score equals an independent computation with Python's sets on random masks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synthem.evaluate import SCORES, Counts, choose_thresholds, confusion, count, mean_over_layers, pooled

Masks = npt.NDArray[np.bool_]
shapes = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Masks, Masks, Masks]:
    """Predicted and true masks (layer, class, y, x), and known (layer, class)."""
    shape = draw(shapes)
    predicted, true = (draw(hnp.arrays(bool, shape)) for _ in range(2))
    return predicted, true, draw(hnp.arrays(bool, shape[:2]))


def table(predicted: Masks, true: Masks, known: Masks) -> Counts:
    n, k = known.shape
    counted = [count(p, t) for p, t in zip(predicted, true, strict=True)]
    return Counts.of([f"l{i}" for i in range(n)], [f"c{i}" for i in range(k)], counted, known)


def pixels(mask: Masks) -> set[tuple[int, ...]]:
    return {tuple(place) for place in np.argwhere(mask).tolist()}


def by_hand(found: set[tuple[int, ...]], held: set[tuple[int, ...]], everything: int) -> dict[str, Fraction | None]:
    """All scores of one class from the sets of pixels predicted and there."""

    def ratio(a: int, b: int) -> Fraction | None:
        return Fraction(a, b) if b else None

    right = len(found & held)
    p, r = ratio(right, len(found)), ratio(right, len(held))
    harmonic = ratio(2 * right, len(found) + len(held))
    if p and r:
        assert harmonic == 2 * p * r / (p + r)
    return {
        "dice": ratio(2 * right, len(found) + len(held)),
        "iou": ratio(right, len(found | held)),
        "precision": p,
        "recall": r,
        "f1": harmonic,
        "accuracy": ratio(everything - len(found ^ held), everything),
    }


def check(value: float, expected: Fraction | None) -> None:
    assert np.isnan(value) if expected is None else value == pytest.approx(float(expected), abs=1e-12)


@given(pairs())
def test_scores_of_each_layer_and_pooled(masks: tuple[Masks, Masks, Masks]) -> None:
    predicted, true, known = masks
    counts = table(*masks)
    n, k, height, width = predicted.shape
    for c in range(k):
        layers = [i for i in range(n) if known[i, c]]
        found, held = pixels(predicted[layers, c]), pixels(true[layers, c])
        for name, expected in by_hand(found, held, len(layers) * height * width).items():
            check(pooled(counts, SCORES[name])[c], expected)
        for i in layers:
            one = by_hand(pixels(predicted[i, c]), pixels(true[i, c]), height * width)
            for name, expected in one.items():
                score = SCORES[name](counts.tp, counts.fp, counts.fn, counts.tn)
                check(score[i, c], expected)


@given(pairs())
def test_mean_over_the_layers_that_hold_the_class(masks: tuple[Masks, Masks, Masks]) -> None:
    predicted, true, known = masks
    counts = table(*masks)
    n, k, height, width = predicted.shape
    for name, score in SCORES.items():
        for c in range(k):
            held = [
                by_hand(pixels(predicted[i, c]), pixels(true[i, c]), height * width)[name]
                for i in range(n)
                if known[i, c] and true[i, c].any()
            ]
            scored = [value for value in held if value is not None]
            check(mean_over_layers(counts, score)[c], sum(scored, Fraction(0)) / len(scored) if scored else None)


@given(pairs())
def test_counts_add_up_and_unknown_classes_count_nothing(masks: tuple[Masks, Masks, Masks]) -> None:
    counts = table(*masks)
    total = counts.tp + counts.fp + counts.fn + counts.tn
    assert np.array_equal(total, masks[2] * masks[0][0, 0].size)
    assert counts.tp.dtype == np.int64
    assert np.array_equal(counts.present, masks[1].any((2, 3)) & masks[2])
    again = counts.take([0, *range(len(counts.layers))])
    assert np.array_equal(again.tp[0], counts.tp[0])
    assert np.array_equal(again.tp[1:], counts.tp)


@given(pairs())
def test_confusion_counts_pixels_of_each_pair(masks: tuple[Masks, Masks, Masks]) -> None:
    predicted, true = masks[0][0], masks[1][0]
    found = confusion(predicted, true)
    for a in range(len(predicted)):
        for b in range(len(true)):
            assert found[a, b] == len(pixels(predicted[a]) & pixels(true[b]))
    assert np.array_equal(np.diag(found), count(predicted, true)[:, 0])


@given(pairs(), st.data())
def test_the_chosen_threshold_is_the_best_of_all(masks: tuple[Masks, Masks, Masks], data: st.DataObject) -> None:
    _, true, known = masks
    levels = st.integers(0, 1000).map(lambda v: np.float32(v / 1000))
    probabilities = data.draw(hnp.arrays(np.float32, true.shape, elements=levels))
    chosen = choose_thresholds(probabilities, true, known)
    for c in range(true.shape[1]):
        layers = known[:, c]
        if not true[layers, c].any():
            assert chosen[c] == 0.5
            continue

        def dice(threshold: float, layers: Masks = layers, c: int = c) -> float:
            found, held = probabilities[layers, c] >= np.float32(threshold), true[layers, c]
            return float(2 * (found & held).sum() / (found.sum() + held.sum()))

        scores = {i / 100: dice(i / 100) for i in range(1, 100)}
        assert dice(chosen[c]) == max(scores.values())
        nearer = [t for t in scores if abs(t - 0.5) < abs(chosen[c] - 0.5) - 1e-9]
        assert all(scores[t] < max(scores.values()) for t in nearer)
