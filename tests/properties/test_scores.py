"""Every count and score equals an independent computation with Python's sets on random masks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor, nn

from synthem.classes import Classes
from synthem.evaluate import (
    SCORES,
    Counts,
    choose_thresholds,
    confusion,
    count,
    counts_at,
    mean_over_layers,
    pooled,
    segment_confusion,
)
from synthem.models.machine import Machine
from synthem.tiles.samples import Samples

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


def pieces(places: set[tuple[int, ...]]) -> list[set[tuple[int, ...]]]:
    """Places that touch at sides or corners, together."""
    left, found = set(places), []
    while left:
        piece: set[tuple[int, ...]] = set()
        edge = {left.pop()}
        while edge:
            piece |= edge
            edge = {p for p in left if any(abs(p[0] - y) <= 1 and abs(p[1] - x) <= 1 for y, x in edge)}
            left -= edge
        found.append(piece)
    return found


def most(piece: set[tuple[int, ...]], planes: Masks) -> int:
    """The class that most of a piece's pixels have, the number of classes where that is none."""
    votes = [sum(bool(plane[p]) for p in piece) for plane in planes] + [sum(not planes[:, *p].any() for p in piece)]
    return votes.index(max(votes))


@given(pairs())
def test_confusion_of_segments_counts_pieces_of_what_is_predicted(masks: tuple[Masks, Masks, Masks]) -> None:
    predicted, true, known = (part[0] for part in masks)
    k = len(predicted)
    expected = np.zeros((k + 1, k + 1), int)
    for piece in pieces(pixels(predicted.any(axis=0))):
        held = most(piece, true)
        if held < k or known.all():
            expected[most(piece, predicted), held] += 1
    assert np.array_equal(segment_confusion(predicted, true, known), expected)


@given(pairs())
def test_confusion_of_given_segments_counts_those_of_no_class_too(masks: tuple[Masks, Masks, Masks]) -> None:
    predicted, true = masks[0][0], masks[1][0]
    labels = np.zeros(true.shape[1:], np.int32)
    labels[:, 0], labels[:, 2:] = 1, 2
    table = segment_confusion(predicted, true, np.ones(len(true), bool), labels)
    expected = np.zeros_like(table)
    for i in range(1, int(labels.max()) + 1):
        piece = pixels(labels == i)
        expected[most(piece, predicted), most(piece, true)] += 1
    assert np.array_equal(table, expected)


class Bright(nn.Module):
    """Class 0 where the image is bright, class 1 where it is dark; nothing between."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat((images - 0.5, 0.3 - images), dim=1) * 1e4


def bilinear(plane: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.float64]:
    """Pixel centres of the result placed in the plane, the four around each weighed; the edge is repeated."""
    out = np.zeros((height, width))
    rows, columns = plane.shape
    for i in range(height):
        for j in range(width):
            y, x = (i + 0.5) * rows / height - 0.5, (j + 0.5) * columns / width - 0.5
            for a in (int(np.floor(y)), int(np.floor(y)) + 1):
                for b in (int(np.floor(x)), int(np.floor(x)) + 1):
                    weight = (1 - abs(y - a)) * (1 - abs(x - b))
                    out[i, j] += weight * plane[min(max(a, 0), rows - 1), min(max(b, 0), columns - 1)]
    return out


@given(st.data(), st.integers(4, 16), st.integers(4, 16))
def test_counts_at_other_resolutions(data: st.DataObject, r1: int, r2: int) -> None:
    levels = data.draw(hnp.arrays(np.uint8, (8, 12), elements=st.sampled_from([0, 60, 100, 200, 255])))
    stored = data.draw(hnp.arrays(np.uint8, (8, 12), elements=st.integers(0, 3)))
    classes = Classes(("a", "b"))
    samples = Samples(levels[None, None], stored[None], classes, np.ones((1, 2), bool), ["x"])
    found = counts_at(Bright(), samples, r1, r2, machine=Machine(torch.device("cpu"), bfloat16=False))
    wide = [max(1, round(12 * r / 8)) for r in (r1, r2)]
    shown = bilinear(levels.astype(float), r1, wide[0])
    assume(np.abs(shown[..., None] - (127.5, 76.5)).min() > 1)  # rounding of grey levels may go either way
    for c, seen in enumerate((shown > 127.5, shown < 76.5)):
        again, true = (bilinear(mask.astype(float), r2, wide[1]) for mask in (seen, classes.unpack(stored)[c]))
        a, b = again > 1e-6, true > 1e-6
        expected = [(a & b).sum(), (a & ~b).sum(), (~a & b).sum(), (~a & ~b).sum()]
        assert [n[0, c] for n in (found.tp, found.fp, found.fn, found.tn)] == expected
