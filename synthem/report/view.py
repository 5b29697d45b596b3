"""A sweep as a report looks at it: cells as lines of points along one axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from synthem.errors import SynthemError
from synthem.evaluate import Evaluation, Interval, bootstrap_interval
from synthem.sweep.pictures import focus
from synthem.sweep.plan import Plan
from synthem.sweep.runs import TEST, history
from synthem.sweep.table import Cell, Outcome, cells, outcomes, rows

TILES = "synthetic.n"
_WORDS = {
    TILES: "synthetic tiles",
    "real.layers": "real layers",
    "real.subsample.train": "training layers",
    "training.seed": "seed",
}
_TITLES = {"real.corrupt.strength": "strength of the errors in labels", "training.loss": "loss"}
_PHRASES = {"real.corrupt.strength": "errors of strength {}", "training.loss": "loss {}"}


@dataclass(frozen=True)
class Line:
    """Cells that differ in the axis on x only."""

    label: str
    """Empty where there is only one line."""
    cells: list[Cell]

    def points(self, x: str) -> list[tuple[Any, Cell]]:
        """Label on x and cell."""
        return [(cell.at.get(x), cell) for cell in self.cells]


class View:
    """One sweep, read from its folder."""

    def __init__(self, folder: str | Path) -> None:
        self.plan = Plan.open(folder)
        self.outcomes: list[Outcome] = outcomes(self.plan)
        self.rows = rows(self.plan, self.outcomes)
        found = cells(self.plan, self.rows)
        self.cells = [cell for cell in found if cell.plain]
        self.others = [cell for cell in found if not cell.plain]
        """Of models kept on the way, and at other resolutions."""
        self.focus = focus(self.plan)
        self._drawn: dict[tuple[str, ...], dict[str, Interval]] = {}

    @property
    def name(self) -> str:
        """Of the study."""
        return str(self.plan.about["name"])

    @property
    def title(self) -> str:
        """Of the study, with its size."""
        return f"{self.plan.about['title']}{' (quick size)' if self.plan.about['quick'] else ''}"

    @property
    def options(self) -> dict[str, Any]:
        """The study's `report`."""
        return dict(self.plan.about["report"])

    @property
    def axes(self) -> dict[str, list[Any]]:
        """Axes that aren't repeats."""
        return {name: labels for name, labels in self.plan.axes.items() if name not in self.plan.repeats}

    @property
    def score(self) -> str:
        """What plots show."""
        return str(self.options.get("score", "dice"))

    @cached_property
    def classes(self) -> list[str]:
        """Of the finished runs."""
        return list(dict.fromkeys(cell.name for cell in self.cells))

    @cached_property
    def x(self) -> str | None:
        """The axis on x; None where the grid has none."""
        if self.options["x"]:
            return str(self.options["x"])
        several = [name for name, labels in self.axes.items() if len(labels) > 1] or list(self.axes)
        numbers = [name for name in several if self.is_number(name)]
        return TILES if TILES in several else next(iter([*numbers, *several]), None)

    def is_number(self, axis: str) -> bool:
        """Whether all labels of an axis are numbers."""
        return all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.axes.get(axis, [None]))

    def lines(self, name: str, pooling: str = "pooled") -> list[Line]:
        """The cells of one class, one line for each combination of the axes that aren't on x."""
        others = [axis for axis, labels in self.axes.items() if axis != self.x and len(labels) > 1]
        found: dict[tuple[int, ...], list[Cell]] = {}
        for cell in self.cells:
            if (cell.name, cell.pooling) == (name, pooling):
                found.setdefault(tuple(self.axes[axis].index(cell.at[axis]) for axis in others), []).append(cell)
        labels = {key: ", ".join(words(axis, held[0].at[axis]) for axis in others) for key, held in found.items()}
        return [Line(labels[key], found[key]) for key in sorted(found)]

    def along(self, name: str, moment: Literal["share", "resolution"]) -> list[Line]:
        """Cells of one class that differ in the share of the training or in the resolution only; else no lines."""
        other = "resolution" if moment == "share" else "share"
        found: dict[str, list[Cell]] = {}
        for cell in self.others:
            held = getattr(cell, moment) is not None and getattr(cell, other) is None
            if held and (cell.name, cell.pooling, cell.on) == (name, "pooled", "test"):
                found.setdefault(self.describe(cell), []).append(cell)
        return [Line(label, sorted(held, key=lambda c: getattr(c, moment))) for label, held in found.items()]

    def histories(self, cell: Cell) -> list[list[dict[str, Any]]]:
        """Learning curves of each repeat of a cell."""
        return [history(self.plan, str(row["run"])) for row in cell.rows]

    def describe(self, cell: Cell) -> str:
        """A cell in words; the study's name where it has one cell only."""
        several = [axis for axis, labels in self.axes.items() if len(labels) > 1]
        return ", ".join(words(axis, cell.at[axis]) for axis in several) or self.name

    def find(self, like: Cell, name: str, pooling: str) -> Cell | None:
        """The same cell for another class or pooling; None where it doesn't have the class."""
        return next((c for c in self.cells if (c.at, c.name, c.pooling) == (like.at, name, pooling)), None)

    def over_layers(self, cell: Cell) -> Interval | None:
        """Of a cell's pooled Dice, by bootstrap over its repeats and over blocks of neighbouring test layers.

        None where the counts of each layer are no longer beside the results.
        """
        runs = tuple(str(row["run"]) for row in cell.rows)
        if runs not in self._drawn:
            try:
                counts = [Evaluation.open(self.plan.run_folder(run) / TEST).counts for run in runs]
                found = dict(zip(counts[0].classes, bootstrap_interval(counts, resamples=1000), strict=True))
            except SynthemError:
                found = {}
            self._drawn[runs] = found
        return self._drawn[runs].get(cell.name)

    def best(self, name: str) -> Cell | None:
        """The cell with the highest mean pooled score of a class."""
        scored = [c for line in self.lines(name) for c in line.cells if c.values(self.score)]
        return max(scored, key=lambda c: c.interval(self.score).mean, default=None)


def words(axis: str, label: Any) -> str:
    """`5 real layers`, `loss bce`; other axes as `name = value`, labels of named axes as they are."""
    if axis in _WORDS and isinstance(label, int):
        word = _WORDS[axis]
        return f"{label} {word.removesuffix('s') if label == 1 else word}"
    if isinstance(label, str) and "." not in axis:
        return label
    return _PHRASES.get(axis, f"{axis} = {{}}").format(label)


def nice(name: str) -> str:
    """A class for a person."""
    return {"psd": "PSD"}.get(name, name.replace("_", " "))


def score_title(score: str) -> str:
    """A score for a person."""
    return {"dice": "Dice", "iou": "IoU", "f1": "F1"}.get(score, score)


def axis_title(axis: str | None) -> str:
    """For the x of a plot."""
    return "" if axis is None else {**_WORDS, **_TITLES}.get(axis, axis)


def number(value: float | None, digits: int = 3) -> str:
    """For a table; a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def interval_text(cell: Cell | None, score: str = "dice") -> str:
    """Mean with its 95 % interval; a dash where there is none."""
    return "–" if cell is None else interval_words(cell.interval(score))


def interval_words(held: Interval) -> str:
    """A mean with its interval."""
    return f"{number(held.mean)} {ends_text(held)}".rstrip()


def ends_text(held: Interval) -> str:
    """The ends of an interval of scores, which are 0 to 1; nothing where it has none."""
    return "" if math.isnan(held.low) else f"[{max(held.low, 0):.3f}, {min(held.high, 1):.3f}]"


def spread(cell: Cell, score: str = "dice") -> tuple[float, float, float] | None:
    """Mean, lowest and highest of the repeats; None without any."""
    values: Sequence[float] = cell.values(score)
    return (sum(values) / len(values), min(values), max(values)) if values else None
