"""Writing a report: the page, and the same plots as files beside it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthem.errors import SynthemError
from synthem.models.files import write_through
from synthem.report.figures import (
    confusion_against_x,
    learning_curves,
    score_against_count,
    score_against_x,
    titles,
    with_titles,
)
from synthem.report.moments import score_against_resolution, score_against_share
from synthem.report.page import Plot, page
from synthem.report.view import TILES, View, axis_title, nice
from synthem.sweep.table import write_tables


def report(sweeps: Sequence[str | Path], out: str | Path) -> Path:
    """Write one page over one or several sweeps, as far as they are done; gives its path.

    The page needs nothing else. The folder `NAME-plots` beside it holds every plot as SVG and PNG. The sweeps' tables
    are written anew too.

    Raises:
        SynthemError: no sweeps, a folder without one, or one that is named twice.
    """
    if not sweeps:
        raise SynthemError("report: name the folder of a sweep at least")
    folders = [Path(folder).resolve() for folder in sweeps]
    twice = [str(given) for i, given in enumerate(sweeps) if folders[i] in folders[:i]]
    if twice:
        raise SynthemError(f"{twice[0]}: is named twice; name each sweep once")
    out = Path(out)
    if out.is_dir():
        raise SynthemError(f"{out}: is a folder; name the page's file, such as {out / 'report.html'}")
    views = [View(folder) for folder in folders]
    for view in views:
        write_tables(view.plan)
    out.parent.mkdir(parents=True, exist_ok=True)
    plots = [_drawn(plot, out.with_name(f"{out.stem}-plots")) for plot in _plots([v for v in views if v.rows])]
    text = page(views, plots)
    write_through(out, lambda path: path.write_text(text))
    return out


def _plots(views: Sequence[View]) -> list[tuple[str, str, str, Any]]:
    """Section, name, caption and figure of every plot."""
    if not views:
        return []
    names = list(dict.fromkeys(name for view in views for name in view.classes))
    x = " / ".join(dict.fromkeys(axis_title(view.x) or "the one cell" for view in views))
    title, kind = titles(views), views[0].score
    found: list[tuple[str, str, str, Any]] = []

    def add(section: str, name: str, caption: str, figure: Any) -> None:
        found.append((section, name, caption, with_titles(figure, views)))

    for name in names:
        add("tiles", f"{kind}-{name}", f"{title} of {nice(name)} against {x}", score_against_x(views, name))
    for name in names:
        if any(view.along(name, "share") for view in views):
            caption = f"{title} of {nice(name)} on the way"
            add("shares", f"{kind}-share-{name}", caption, score_against_share(views, name))
        if any(view.along(name, "resolution") for view in views):
            caption = f"{title} of {nice(name)} at other resolutions"
            add("resolutions", f"{kind}-resolution-{name}", caption, score_against_resolution(views, name))
    if all(view.x == TILES for view in views):
        for name in names:
            caption = f"{title} of {nice(name)} against its number in the mix, counted in every window"
            add("organelles", f"organelles-{name}", caption, score_against_count(views, name))
    pairs = dict.fromkeys(tuple(view.options["confusion"]) for view in views if view.options["confusion"])
    for a, b in pairs:
        if {a, b} <= set(names):
            for predicted, true in ((a, b), (b, a)):
                caption = f"Of what is predicted as {nice(predicted)}, the share that is labelled {nice(true)}"
                figure = confusion_against_x(views, predicted, true)
                add("confusion", f"confusion-{predicted}-{true}", caption, figure)
    for name in dict.fromkeys(view.focus for view in views if view.focus is not None):
        held = [view for view in views if name in view.classes]
        caption = (
            f"Learning curves: loss and Dice of {nice(name)}; training dotted, validation solid, mean over repeats"
        )
        found.append(("curves", f"curves-{name}", caption, learning_curves(held, name)))
    return found


def _drawn(plot: tuple[str, str, str, Any], folder: Path) -> Plot:
    """Save a figure as SVG and PNG; as the page takes it."""
    import matplotlib as mpl

    section, name, caption, figure = plot
    folder.mkdir(exist_ok=True)
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "synthem", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
        figure.set_layout_engine("none")  # it is laid out now; doing it again takes as long as drawing
        svg = text.getvalue()
        write_through(folder / f"{name}.svg", lambda path: path.write_text(svg))
        write_through(folder / f"{name}.png", lambda path: figure.savefig(path, dpi=150))
    return Plot(section, name, caption, svg)
