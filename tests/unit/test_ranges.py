"""Ranges: what comes out, in which frequencies, how they are written, and that drawing couples nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from synthem.microscope import Artefacts, Cytoplasm, Optics
from synthem.organelles.membranes import Membranes
from synthem.organelles.registry import BUILT_IN, organelle
from synthem.ranges import (
    Choice,
    Count,
    Drawable,
    Length,
    LogNormal,
    Normal,
    Poisson,
    Range,
    Share,
    Text,
    Uniform,
    Whole,
    bounds,
)
from synthem.seeds import stream

U = np.concatenate([np.linspace(0, 1, 501)[1:-1], [1e-9, 1 - 1e-9]])
shares = st.floats(0, 1, exclude_max=True)
real = st.floats(-1e6, 1e6)


class Sample(Drawable):
    """One field of each kind, with something fixed between them."""

    a: Range = Normal(normal=(5.0, 2.0))
    fixed: bool = True
    b: Length = Uniform(low=1.0, high=9.0)
    c: Count = Whole(low=0, high=9)
    d: Share = 0.25
    e: Text = Choice(choice=("x", "y", "z"))
    f: Count = Poisson(poisson=3.5)
    inner: Artefacts = Artefacts()


PARTS: list[Drawable] = [
    *(organelle(kind)() for kind in BUILT_IN),
    *(organelle(kind)().look for kind in BUILT_IN),
    *(Membranes(), Membranes().look, Cytoplasm(), Optics(), Artefacts(), Sample()),
]


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        (Uniform(low=-3, high=7), scipy.stats.uniform(-3, 10)),
        (Normal(normal=(155, 24)), scipy.stats.norm(155, 24)),
        (LogNormal(lognormal=(8, 0.3)), scipy.stats.lognorm(0.3, scale=8)),
    ],
    ids=repr,
)
def test_shares_of_the_draws_lie_where_the_distribution_says(value, reference):
    np.testing.assert_allclose([value.at(u) for u in U], reference.ppf(U), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        (Whole(low=2, high=6), scipy.stats.randint(2, 7)),
        (Poisson(poisson=0.006), scipy.stats.poisson(0.006)),
        (Poisson(poisson=4.4), scipy.stats.poisson(4.4)),
        (Poisson(poisson=180), scipy.stats.poisson(180)),
    ],
    ids=repr,
)
def test_whole_numbers_come_as_often_as_they_should(value, reference):
    inner = U[np.abs(reference.cdf(reference.ppf(U)) - U) > 1e-7]  # a step itself may fall to either side
    drawn = [value.at(float(u)) for u in inner]
    assert all(isinstance(k, int) for k in drawn)
    np.testing.assert_array_equal(drawn, reference.ppf(inner))


@pytest.mark.parametrize("mean", [0.5, 30.0, 199.0, 201.0, 5000.0])
def test_poissons_mean_and_variance_are_its_mean(mean):
    drawn = [Poisson(poisson=mean).at(u) for u in (np.arange(20_000) + 0.5) / 20_000]
    assert np.mean(drawn) == pytest.approx(mean, rel=0.002)
    assert np.var(drawn) == pytest.approx(mean, rel=0.02)


def test_a_choice_comes_by_its_weights():
    weighted = Choice(choice=("a", "b", "c"), weights=(1, 0, 3))
    drawn = [weighted.at(u) for u in (np.arange(1000) + 0.5) / 1000]
    assert [drawn.count(v) for v in "abc"] == [250, 0, 750]
    even = Choice(choice=(4, 6, 8, 10))
    assert [even.at(u) for u in (0, 0.2499, 0.25, 0.5, 0.75, 0.999999)] == [4, 4, 6, 8, 10, 10]


@given(low=real, width=st.floats(0, 1e6), u=shares)
def test_uniform_stays_within_its_bounds(low, width, u):
    assert low <= Uniform(low=low, high=low + width).at(u) <= low + width


@given(low=st.integers(-100, 100), width=st.integers(0, 1000), u=shares)
def test_whole_stays_within_its_bounds(low, width, u):
    assert low <= Whole(low=low, high=low + width).at(u) <= low + width


@given(mean=real, deviation=st.floats(0, 1e5), low=real, width=st.floats(0, 1e6), u=shares)
def test_clipped_ranges_stay_within_their_clip(mean, deviation, low, width, u):
    high = low + width
    assert low <= Normal(normal=(mean, deviation), low=low, high=high).at(u) <= high
    clipped = LogNormal(lognormal=(abs(mean) + 1, 2), low=abs(low), high=abs(low) + width)
    assert abs(low) <= clipped.at(u) <= abs(low) + width


@given(mean=st.floats(0, 1000), high=st.integers(0, 2000), u=shares)
def test_poisson_stays_below_its_highest(mean, high, u):
    assert 0 <= Poisson(poisson=mean, high=high).at(u) <= high


@given(mean=st.floats(0, 100_000), u=shares)
def test_poisson_never_leaves_the_world(mean, u):
    assert Poisson(poisson=mean).at(u) <= mean + 10 * math.sqrt(mean) + 60


@given(u=shares, v=shares)
def test_a_larger_share_gives_no_smaller_value(u, v):
    u, v = sorted((u, v))
    for value in (
        Uniform(low=-1, high=8),
        Normal(normal=(5, 3)),
        LogNormal(lognormal=(5, 1)),
        Whole(low=0, high=7),
        Poisson(poisson=6),
        Choice(choice=(1, 2, 3), weights=(1, 5, 2)),
    ):
        assert value.at(u) <= value.at(v)


@pytest.mark.parametrize("part", PARTS, ids=lambda p: type(p).__name__)
def test_fixing_one_parameter_changes_no_other(part):
    free = part.draw(stream(0, "fixing"))
    for name in part.ranged:
        # as a recipe fixes it: some value that it could have had anyway
        other = getattr(part.draw(stream(1, "fixing")), name)
        drawn = part.model_copy(update={name: other}).draw(stream(0, "fixing"))
        for field in type(part).model_fields:
            assert getattr(drawn, field) == (other if field == name else getattr(free, field))


def test_a_draw_takes_as_many_numbers_whatever_is_fixed():
    plain, drawing = stream(0, "count"), stream(0, "count")
    Sample(a=1, b=2, c=3, e="x", f=0).draw(drawing)
    plain.random(len(Sample.ranged))
    assert drawing.random() == plain.random()


@pytest.mark.parametrize("part", PARTS, ids=lambda p: type(p).__name__)
def test_a_drawn_model_is_a_valid_one_that_draws_itself(part):
    drawn = part.draw(stream(0, "again"))
    again = type(part).model_validate(drawn.model_dump(mode="json"))
    assert again == drawn
    assert again.draw(stream(5, "other")) == drawn
    assert all(not hasattr(getattr(drawn, name), "at") for name in part.ranged)


@pytest.mark.parametrize(
    ("written", "meant", "short"),
    [
        ("3..8", Uniform(low=3, high=8), "3..8"),
        ("-60..120", Uniform(low=-60, high=120), "-60..120"),
        (" 0.5 .. 0.75 ", Uniform(low=0.5, high=0.75), "0.5..0.75"),
        ("1e-7..300.1234567", Uniform(low=1e-7, high=300.1234567), "1e-07..300.1234567"),
        ("1234567..2000001", Uniform(low=1234567, high=2000001), "1234567..2000001"),
        ({"normal": [5, 2]}, Normal(normal=(5, 2)), {"normal": [5.0, 2.0]}),
        (
            {"normal": [5, 2], "low": 0, "high": 9},
            Normal(normal=(5, 2), low=0, high=9),
            {"normal": [5.0, 2.0], "low": 0.0, "high": 9.0},
        ),
        ({"lognormal": [8, 0.3]}, LogNormal(lognormal=(8, 0.3)), {"lognormal": [8.0, 0.3]}),
        ({"choice": [1, 2]}, Choice(choice=(1, 2)), {"choice": [1.0, 2.0]}),
        (4, 4.0, 4),
        (0.1234567890123, 0.1234567890123, 0.1234567890123),
    ],
)
def test_a_range_is_read_and_written_without_loss(written, meant, short):
    adapter: TypeAdapter[Any] = TypeAdapter(Range)
    value = adapter.validate_python(written)
    assert value == meant
    assert adapter.dump_python(value, mode="json") == short
    assert adapter.validate_python(short) == meant


@given(low=real, width=st.floats(0, 1e6))
def test_any_uniform_is_written_without_loss(low, width):
    adapter: TypeAdapter[Any] = TypeAdapter(Range)
    value = Uniform(low=low, high=low + width)
    assert adapter.validate_python(adapter.dump_python(value, mode="json")) == value


@pytest.mark.parametrize(
    ("written", "meant"), [("2..5", Whole(low=2, high=5)), ({"poisson": 1.5}, Poisson(poisson=1.5)), (3, 3)]
)
def test_a_count_is_whole(written, meant):
    adapter: TypeAdapter[Any] = TypeAdapter(Count)
    value = adapter.validate_python(written)
    assert value == meant
    assert adapter.validate_python(adapter.dump_python(value, mode="json")) == meant


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        (Range, "8..3", "low (8) is above high (3); swap them"),
        (Range, "a..b", "'a..b' is no range; write it as 3..8"),
        (Range, {"normal": [5, 2], "low": 3, "high": 1}, "low (3) is above high (1)"),
        (Range, {"normal": [5, -2]}, "greater than or equal to 0"),
        (Range, {"lognormal": [0, 2]}, "greater than 0"),
        (Range, {"choice": []}, "at least 1 item"),
        (Range, {"choice": [1, 2], "weights": [1]}, "1 weights for 2 values"),
        (Range, {"choice": [1, 2], "weights": [0, 0]}, "all weights are 0"),
        (Range, {"choice": ["small", "large"]}, "number"),
        (Range, float("nan"), "finite"),
        (Length, "-1..3", "goes down to -1; it can't be below 0"),
        (Length, {"normal": [5, 2]}, "goes down to -3"),
        (Share, "0.5..1.5", "a share lies in 0..1"),
        (Count, "1.5..2.5", "integer"),
        (Count, {"choice": [1.5]}, "whole"),
        (Count, {"choice": ["few"]}, "whole"),
        (Count, -1, "can't be below 0"),
        (Count, {"poisson": -1}, "greater than or equal to 0"),
        (Count, 1.5, "integer"),
        (Text, 5, "string"),
    ],
)
def test_what_no_range_can_be_is_refused(kind, value, told):
    adapter: TypeAdapter[Any] = TypeAdapter(kind, config=None if kind is Text else {"allow_inf_nan": False})
    with pytest.raises(ValidationError) as error:
        adapter.validate_python(value)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        (5.0, 5, 5),
        (Uniform(low=1, high=2), 1, 2),
        (Normal(normal=(10, 2)), 2, 18),
        (Normal(normal=(10, 2), low=9, high=30), 9, 18),
        (LogNormal(lognormal=(10, 0.5), high=11), 10 * math.exp(-2), 11),
        (Choice(choice=(3, 1, 2)), 1, 3),
        (Whole(low=1, high=4), 1, 4),
        (Poisson(poisson=0), 0, 0),
    ],
)
def test_bounds_tell_what_can_come_out(value, low, high):
    assert bounds(value) == pytest.approx((low, high))
