"""The plots of a report: one panel for each sweep, one line for each combination that isn't on x."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from synthem.report.learning import parting
from synthem.report.view import Line, View, axis_title, nice, score_title, spread
from synthem.sweep.table import Cell

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#999999")
"""Distinct for all kinds of colour vision. (Okabe and Ito 2002)"""
MARKERS = "osD^vP*X"
_WIDE = 46
"""Letters side by side that fit under a panel; more are broken into lines."""
_FEW_LINES = 4
"""Names of lines that have room beside the lines."""
MOST_CURVES = 8
"""Cells whose learning curves one panel shows."""

Spread = Callable[[View, Cell], tuple[float, float, float] | None]
"""Mean, lowest and highest of a cell."""
Values = Callable[[View, Cell], list[float]]


def score_against_x(views: Sequence[View], name: str) -> Figure:
    """Pooled score of a class along the axis on x: mean, band from the lowest to the highest repeat, a dot for each."""
    return _against_x(views, name, spread_of, values_of, titles(views))


def confusion_against_x(views: Sequence[View], predicted: str, true: str) -> Figure:
    """Share of the pixels predicted as one class that are labelled as another."""

    def values(view: View, cell: Cell) -> list[float]:
        found = [(row.get(f"on_{true}"), row["tp"] + row["fp"]) for row in cell.rows]
        return [on / whole for on, whole in found if on is not None and whole]

    def shares(view: View, cell: Cell) -> tuple[float, float, float] | None:
        held = values(view, cell)
        return (sum(held) / len(held), min(held), max(held)) if held else None

    figure = _against_x(views, predicted, shares, values, f"share of predicted {nice(predicted)} labelled {nice(true)}")
    for axes in figure.axes:
        axes.set_ylim(0, max(0.05, *(axis.dataLim.y1 * 1.08 for axis in figure.axes)))
    return figure


def score_against_count(views: Sequence[View], name: str) -> Figure:
    """Pooled score of a class against how many organelles of it the mix holds, counted in every window."""
    figure, panels = panels_for(views)
    for view, axes in zip(views, panels, strict=True):
        for i, line in enumerate(view.lines(name)):
            held = [(cell.mean("count"), spread_of(view, cell), values_of(view, cell)) for cell in line.cells]
            held.sort(key=lambda point: point[0])
            draw_line(axes, i, line, [(x, s, v) for x, s, v in held if s is not None])
        axes.set(xlabel=f"{nice(name)}: number in the mix", ylim=(0, 1))
    return finished(figure, panels, titles(views))


def learning_curves(views: Sequence[View], name: str) -> Figure:
    """Loss and Dice of a class over the epochs, mean over repeats: training dotted, validation solid.

    An upright line on the left is where the two part; see `synthem.report.learning.parting`.
    """
    figure = Figure(figsize=(8.6, 3.2 * len(views)), layout="constrained")
    FigureCanvasAgg(figure)
    rows = figure.subplots(len(views), 2, squeeze=False)
    for view, (left, right) in zip(views, rows, strict=True):
        chosen = _evenly([cell for line in view.lines(name) for cell in line.cells], MOST_CURVES)
        for i, cell in enumerate(chosen):
            runs = view.histories(cell)
            colour = COLOURS[i % len(COLOURS)]
            for axes, key in ((left, "loss"), (right, "dice")):
                for part, style in (("train", ":"), ("validation", "-")):
                    curve = _mean_curve(runs, f"{part}_{key}", name if key == "dice" else None)
                    if curve:
                        marker = "o" if len(curve) < 8 else None
                        axes.plot(*zip(*curve, strict=True), style, color=colour, linewidth=1.4, marker=marker, ms=3)
            left.plot([], [], color=colour, label=view.describe(cell))
            parted = [epoch for epoch in map(parting, runs) if epoch is not None]
            if parted:
                left.axvline(sum(parted) / len(parted), color=colour, linewidth=0.8, linestyle=(0, (1, 3)))
        left.set(xlabel="epoch", ylabel="loss", title=textwrap.fill(view.title, 44) if len(views) > 1 else "")
        left.set_ylim(bottom=0)
        right.set(xlabel="epoch", ylabel=f"Dice of {nice(name)}", ylim=(0, 1))
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
    _legends([left for left, _ in rows])
    return figure


def _against_x(views: Sequence[View], name: str, spread: Spread, values: Values, title: str) -> Figure:
    figure, panels = panels_for(views)
    for view, axes in zip(views, panels, strict=True):
        number = view.x is not None and view.is_number(view.x)
        places = {label: i for i, label in enumerate(view.axes.get(view.x or "", [None]))}
        for i, line in enumerate(view.lines(name)):
            points = [
                (x if number else places[x], spread(view, cell), values(view, cell))
                for x, cell in line.points(view.x or "")
            ]
            draw_line(axes, i, line, [(x, s, v) for x, s, v in points if s is not None], joined=number)
        axes.set_xlabel(axis_title(view.x))
        if all(isinstance(label, int) for label in places):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if not number:
            name_places(axes, [view.name if label is None else str(label).replace("_", " ") for label in places])
        axes.set_ylim(0, 1)
    return finished(figure, panels, title)


def spread_of(view: View, cell: Cell) -> tuple[float, float, float] | None:
    """Of the view's score over the repeats."""
    return spread(cell, view.score)


def values_of(view: View, cell: Cell) -> list[float]:
    """Of the view's score, one for each repeat."""
    return cell.values(view.score)


def titles(views: Sequence[View]) -> str:
    """What the views' scores are called."""
    return " / ".join(dict.fromkeys(score_title(view.score) for view in views))


def name_places(axes: Any, shown: Sequence[str]) -> None:
    """Put names under the places 0, 1, … of x."""
    narrow = sum(map(len, shown)) > _WIDE
    each = max(9, _WIDE // max(1, len(shown)))
    words = [textwrap.fill(text, each, break_long_words=False) for text in shown] if narrow else list(shown)
    axes.set_xticks(range(len(words)), words, fontsize="x-small" if narrow else None)
    axes.set_xlim(-0.5, len(shown) - 0.5)


def draw_line(
    axes: Any, i: int, line: Line, points: Sequence[tuple[float, Any, list[float]]], joined: bool = True
) -> None:
    """The i-th line of a panel: x, (mean, lowest, highest) and single values of each point."""
    colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
    if not points:
        return
    x = [at for at, _, _ in points]
    mean, low, high = zip(*(s for _, s, _ in points), strict=True)
    if joined:
        axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    else:
        axes.vlines(x, low, high, color=colour, alpha=0.5)
    style = {"marker": marker, "color": colour, "linestyle": "-" if joined else "none"}
    axes.plot(x, mean, markersize=5, linewidth=1.6, label=line.label or None, **style)
    dots = [(at, value) for at, _, values in points for value in values]
    axes.scatter(*zip(*dots, strict=True), s=6, color=colour, alpha=0.6, linewidth=0)


def panels_for(views: Sequence[View]) -> tuple[Figure, list[Any]]:
    """A figure with one panel for each view."""
    figure = Figure(figsize=(4.6 * len(views), 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, len(views), squeeze=False, sharey=True)[0])


def finished(figure: Figure, panels: Sequence[Any], ylabel: str) -> Figure:
    """The figure with what all plots have."""
    panels[0].set_ylabel(textwrap.fill(ylabel, 40))
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
    _legends(panels)
    return figure


def _legends(panels: Sequence[Any]) -> None:
    """Name the lines: within a panel where they are few, else below it, where they hide nothing."""
    most = max(len(axes.get_legend_handles_labels()[1]) for axes in panels)
    if most > _FEW_LINES:
        figure, rows = panels[0].figure, panels[0].get_gridspec().nrows
        figure.set_figheight(figure.get_figheight() + 0.2 * most * rows)
    below = {"loc": "upper left", "bbox_to_anchor": (0, -0.22)} if most > _FEW_LINES else {}
    for axes in panels:
        if axes.get_legend_handles_labels()[1]:
            axes.legend(frameon=False, fontsize="small", **below)


def with_titles(figure: Figure, views: Sequence[View]) -> Figure:
    """Put the studies' titles over the panels where there are several."""
    if len(views) > 1:
        for axes, view in zip(figure.axes, views, strict=True):
            axes.set_title(textwrap.fill(view.title, 44), fontsize="medium")
    return figure


def _mean_curve(runs: Sequence[Any], key: str, name: str | None) -> list[tuple[int, float]]:
    """(epoch, mean over the runs that have the epoch)."""
    found: dict[int, list[float]] = {}
    for rows in runs:
        for row in rows:
            value = row[key] if name is None else (row[key] or {}).get(name)
            if value is not None:
                found.setdefault(row["epoch"], []).append(value)
    return [(epoch, sum(values) / len(values)) for epoch, values in sorted(found.items())]


def _evenly(cells: Sequence[Cell], most: int) -> list[Cell]:
    """At most so many, first and last among them."""
    if len(cells) <= most:
        return list(cells)
    return [cells[round(i * (len(cells) - 1) / (most - 1))] for i in range(most)]
