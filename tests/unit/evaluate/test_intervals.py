"""Intervals: Student's t against scipy, blocks of neighbours, and a bootstrap that resamples them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from synthem.errors import SynthemError
from synthem.evaluate import Counts, blocks, bootstrap_interval, t_interval
from synthem.seeds import stream


def counts(tp: list[int], layers: list[str] | None = None) -> Counts:
    """One class in layers of 100 px that hold 50; the others predicted wrongly or not."""
    found = np.array(tp, np.int64)[:, None]
    names = tuple(layers or [f"z{i * 100:04d}" for i in range(len(tp))])
    return Counts(names, ("a",), found, 50 - found, 50 - found, found, np.ones_like(found, bool))


def test_t_interval_is_scipys() -> None:
    values = [0.81, 0.84, 0.79, 0.9, 0.86]
    expected = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    found = t_interval(values)
    assert (found.low, found.high) == pytest.approx(expected)
    assert (found.mean, found.n) == (pytest.approx(0.84), 5)
    assert t_interval([*values, np.nan]) == found
    assert t_interval(values, 0.5).high < found.high


def test_too_few_values_have_no_interval() -> None:
    one, none = t_interval([0.5]), t_interval([np.nan])
    assert (one.mean, one.n) == (0.5, 1)
    assert np.isnan([one.low, one.high, none.mean]).all()
    assert none.n == 0


def test_neighbours_are_one_block() -> None:
    names = ["testing0162", "testing0000", "testing0002", "testing0001", "testing0163", "other0003", "z"]
    found = [sorted(block) for block in blocks(names)]
    assert sorted(found) == [[0, 4], [1, 2, 3], [5], [6]]
    assert len(blocks(names, gap=0)) == 7
    assert len(blocks(["a00", "a10", "a20", "a31"])) == 2


def test_bootstrap_covers_what_varies() -> None:
    runs = [counts([40, 45, 30, 48]), counts([42, 41, 33, 47])]
    (found,) = bootstrap_interval(runs)
    assert found.mean == pytest.approx((163 / 200 + 163 / 200) / 2)
    assert 30 / 50 <= found.low < found.mean < found.high <= 48 / 50
    assert bootstrap_interval(runs) == [found]
    assert bootstrap_interval(runs, seed=1) != [found]


def test_neighbouring_layers_widen_the_interval() -> None:
    tp = [48, 47, 48, 47, 20, 21, 20, 21]
    apart = counts(tp)
    near = counts(tp, [f"z{z:04d}" for z in (0, 1, 2, 3, 100, 101, 102, 103)])

    def width(table: Counts) -> float:
        (found,) = bootstrap_interval([table])
        return found.high - found.low

    assert width(near) > 1.3 * width(apart)


def test_one_run_on_one_block_has_no_interval() -> None:
    (found,) = bootstrap_interval([counts([40, 41], ["z1", "z2"])])
    assert found.mean == pytest.approx(0.81)
    assert np.isnan([found.low, found.high]).all()
    (two,) = bootstrap_interval([counts([40], ["z1"]), counts([30], ["z1"])])
    assert (two.low, two.high) == pytest.approx((0.6, 0.8))


def test_the_bootstrap_interval_of_many_layers_is_near_the_normal_one() -> None:
    tp = stream(0, "layers").integers(30, 50, 60).tolist()
    (found,) = bootstrap_interval([counts(tp)])
    half = 1.96 * np.std(np.array(tp) / 50) / np.sqrt(60)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)


def test_runs_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(SynthemError, match="there are no runs"):
        bootstrap_interval([])
    with pytest.raises(SynthemError, match="different layers or classes"):
        bootstrap_interval([counts([1, 2]), counts([1, 2, 3])])
