"""Plots and tables of what a study scores beside the ends of its trainings on the test layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from synthem.evaluate import SCORES
from synthem.report.figures import draw_line, finished, name_places, panels_for, spread_of, titles, values_of
from synthem.report.tables import Table, table
from synthem.report.view import View, interval_text, nice, number, score_title
from synthem.sweep.estimate import duration
from synthem.sweep.table import Cell

SHARES = "<p>Scores of the model as it was after a share of the planned training steps, on the test layers.</p>"
RESOLUTIONS = (
    "<p>R1 → R2: the image is brought to R1 px before the model, predicted and true masks are compared at R2 px; any "
    "mask value above 0 counts.</p>"
)


def score_against_share(views: Sequence[View], name: str) -> Figure:
    """Pooled score of a class against the share of the planned steps, one line for each cell."""
    figure, panels = panels_for(views)
    for view, axes in zip(views, panels, strict=True):
        for i, line in enumerate(view.along(name, "share")):
            held = [(cell.share or 0.0, spread_of(view, cell), values_of(view, cell)) for cell in line.cells]
            draw_line(axes, i, line, [(x, s, v) for x, s, v in held if s is not None])
        axes.set(xlabel="share of the planned steps", xlim=(-0.02, 1.02), ylim=(0, 1))
    return finished(figure, panels, titles(views))


def score_against_resolution(views: Sequence[View], name: str) -> Figure:
    """Pooled score of a class at each (R1, R2), one mark for each cell."""
    figure, panels = panels_for(views)
    for view, axes in zip(views, panels, strict=True):
        places = {size: i for i, size in enumerate(resolutions(view))}
        lines = view.along(name, "resolution")
        for i, line in enumerate(lines):
            aside = (
                0.5 * (i / max(1, len(lines) - 1) - 0.5) if len(lines) > 1 else 0.0
            )  # side by side, to be told apart
            held = [(c.resolution, spread_of(view, c), values_of(view, c)) for c in line.cells]
            points = [(places[size] + aside, s, v) for size, s, v in held if s is not None and size is not None]
            draw_line(axes, i, line, points, joined=False)
        name_places(axes, [_words(size) for size in places])
        axes.set(xlabel="px of the image seen → px of the masks compared", ylim=(0, 1))
    return finished(figure, panels, titles(views))


def resolutions(view: View) -> list[tuple[int, int]]:
    """All (R1, R2) of a sweep."""
    return sorted({cell.resolution for cell in view.others if cell.resolution is not None})


def shares_table(view: View) -> str:
    """The score of each cell and class at each snapshot, and at the end."""
    shares = sorted({cell.share for cell in view.others if cell.share is not None and cell.resolution is None})
    if not shares:
        return ""
    tested = [c for c in view.others if (c.on, c.pooling) == ("test", "pooled")]
    found = {(c.name, view.describe(c), c.share): c for c in tested if c.resolution is None}
    return _table(view, "after a share of the steps", {f"{share:g}": share for share in shares}, found, "end")


def resolutions_table(view: View) -> str:
    """The score of each cell and class at each (R1, R2), and of the layers as they are."""
    sizes = resolutions(view)
    if not sizes:
        return ""
    tested = [c for c in view.others if (c.on, c.pooling) == ("test", "pooled")]
    found = {(c.name, view.describe(c), c.resolution): c for c in tested if c.share is None}
    return _table(view, "at R1 → R2", {_words(size): size for size in sizes}, found, "own size")


def also_table(view: View) -> str:
    """Every score of each cell and class on what was learned from, watched on and tested on, with time and epochs."""
    held = {(c.on, c.name, view.describe(c)): c for c in view.others if c.pooling == "pooled" and c.on != "test"}
    kinds = [kind for kind in ("training", "validation") if any(on == kind for on, _, _ in held)]
    if not kinds:
        return ""
    parts = []
    for name in view.classes:
        rows = []
        for cell in (cell for line in view.lines(name) for cell in line.cells):
            told = [duration(cell.mean("seconds")), f"{cell.mean('epochs'):.0f}"]
            for kind, scored in [
                *((kind, held.get((kind, name, view.describe(cell)))) for kind in kinds),
                ("test", cell),
            ]:
                numbers = ["–" if scored is None else number(scored.interval(score).mean) for score in SCORES]
                rows.append([view.describe(cell), kind, *numbers, *told])
        head = ["cell", "on", *map(score_title, SCORES), "time of a run", "epochs"]
        parts.append(table(Table(f"{view.title}: {nice(name)}", head, rows, text_columns=(1,))))
    return "".join(parts)


def _table(view: View, what: str, columns: dict[str, object], found: Mapping[Any, Cell], last: str) -> str:
    parts = []
    for name in view.classes:
        rows = []
        for cell in (cell for line in view.lines(name) for cell in line.cells):
            held = [found.get((name, view.describe(cell), key)) for key in columns.values()]
            rows.append([view.describe(cell), *(interval_text(c, view.score) for c in [*held, cell])])
        caption = f"{view.title}: {score_title(view.score)} of {nice(name)} {what}"
        parts.append(table(Table(caption, ["cell", *columns, last], rows)))
    return "".join(parts)


def _words(size: tuple[int, int]) -> str:
    return f"{size[0]} → {size[1]}"
