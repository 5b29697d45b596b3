"""Axes and their product."""

from __future__ import annotations

import pytest

from synthem.errors import SynthemError
from synthem.sweep.grid import axes_of, points


def test_the_first_axis_is_the_slowest() -> None:
    axes = axes_of({"training.seed": [0, 1], "synthetic.n": [0, 30, 60]}, "s")
    assert [tuple(point.at.values()) for point in points(axes)] == [(0, 0), (0, 30), (0, 60), (1, 0), (1, 30), (1, 60)]
    assert [point.changes for point in points(axes)][4] == {"training.seed": 1, "synthetic.n": 30}


def test_a_named_axis_sets_several_values_under_one_label() -> None:
    arms = {"alone": {"synthetic.n": 0}, "longer": {"synthetic.n": 0, "training.steps": 9}}
    first, second = points(axes_of({"arm": arms}, "s"))
    assert (first.at, first.changes) == ({"arm": "alone"}, {"synthetic.n": 0})
    assert (second.at, second.changes) == ({"arm": "longer"}, {"synthetic.n": 0, "training.steps": 9})


def test_lists_and_mappings_get_a_label_of_text() -> None:
    (axis,) = axes_of({"model.widths": [[8, 8], [16, 16]]}, "s")
    assert axis.labels == ("[8, 8]", "[16, 16]")
    assert axis.changes[0] == {"model.widths": [8, 8]}


def test_no_axes_are_one_point() -> None:
    (point,) = points(axes_of({}, "s"))
    assert (point.at, point.changes, str(point)) == ({}, {}, "")


def test_what_is_null_is_left_out() -> None:
    (axis,) = axes_of({"arm": {"a": {"x": 1}, "b": None}, "training.seed": None}, "s")
    assert axis.labels == ("a",)


@pytest.mark.parametrize(
    ("grid", "fault"),
    [
        ({"training.seed": [0, 1, 0]}, "s: grid: training.seed: names 0 twice"),
        ({"training.seed": []}, "s: grid: training.seed: has no values"),
        ({"arm": {"a": None}}, "s: grid: arm: has no values"),
        ({"steps": {"a": {}}}, "s: grid: steps: is a column of the table of results"),
        ({"on_axon": {"a": {}}}, "s: grid: on_axon: is a column"),
    ],
)
def test_faults(grid: dict[str, object], fault: str) -> None:
    with pytest.raises(SynthemError, match=fault):
        axes_of(grid, "s")  # type: ignore[arg-type]
