"""The least amount within a tolerance of the best."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthem.report import least

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=4)
LINES = st.dictionaries(st.integers(0, 300), SCORES, min_size=1, max_size=5)


def test_the_first_amount_near_the_best_is_found() -> None:
    found = least({0: [0.1, 0.1], 60: [0.69, 0.71], 120: [0.72, 0.70], 180: [0.3, 0.3]}, 0.02)
    assert found is not None
    assert (found.best_at, found.least_at) == (120, 60)
    assert found.best == pytest.approx(0.71)
    assert found.score == pytest.approx(0.70)


def test_confidence_is_sure_where_repeats_agree_and_less_where_they_do_not() -> None:
    sure = least({0: [0.1] * 3, 60: [0.7] * 3, 120: [0.71] * 3}, 0.02)
    unsure = least({0: [0.1] * 3, 60: [0.4, 0.7, 1.0], 120: [0.5, 0.71, 0.92]}, 0.02)
    assert sure is not None
    assert unsure is not None
    assert sure.confidence == 1
    assert unsure.confidence is not None
    assert 0.3 < unsure.confidence < 0.9


def test_confidence_equals_an_enumeration_of_all_resamples() -> None:
    """Two amounts of two repeats: 4 × 4 resamples of equal weight, counted by hand."""
    few, many = [0.5, 0.7], [0.6, 0.8]
    pairs = [(a + b) / 2 for a in few for b in few], [(a + b) / 2 for a in many for b in many]
    holds = [x >= max(x, y) - 0.11 for x in pairs[0] for y in pairs[1]]
    found = least({30: few, 60: many}, 0.11, resamples=40000)
    assert found is not None
    assert found.least_at == 30
    assert found.confidence == pytest.approx(sum(holds) / 16, abs=0.01)


def test_one_repeat_says_nothing_of_confidence() -> None:
    found = least({0: [0.5], 60: [0.6]}, 0.2)
    assert found is not None
    assert (found.least_at, found.confidence) == (0, None)


def test_no_scores() -> None:
    assert least({}, 0.1) is None
    assert least({30: []}, 0.1) is None


@given(LINES, st.floats(0, 0.5))
def test_it_is_the_least_and_near_enough(scores: dict[int, list[float]], tolerance: float) -> None:
    found = least({float(k): v for k, v in scores.items()}, tolerance, resamples=5)
    assert found is not None
    means = {k: sum(v) / len(v) for k, v in scores.items()}
    best = max(means.values())
    assert found.best == pytest.approx(best)
    assert means[int(found.least_at)] >= best - tolerance - 1e-9
    assert all(means[k] < best - tolerance + 1e-9 for k in means if k < found.least_at)
    if found.confidence is not None:
        assert 0 <= found.confidence <= 1
