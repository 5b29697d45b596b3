"""The page of a report: one HTML file with everything inside, readable without a mouse, a screen, or a network."""

from __future__ import annotations

import base64
import html
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from synthem.report.figures import titles
from synthem.report.learning import PARTING, learned
from synthem.report.moments import RESOLUTIONS, SHARES, also_table, resolutions_table, shares_table
from synthem.report.sections import (
    BANDS,
    LEAST,
    SCORES,
    confusion,
    least_amounts,
    overlays,
    scores,
    short,
    what_was_run,
)
from synthem.report.segments import SEGMENTS, segments_tables
from synthem.report.view import View, axis_title

STYLE = """
:root { --ink: #1c1c1c; --soft: #595959; --line: #d9d9d9; --warn: #fff4d6; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff; max-width: 76rem; margin: 0 auto;
  padding: 1rem 1.2rem 4rem; }
h1 { line-height: 1.2; margin: .6rem 0; } h2 { margin: 2.4rem 0 .6rem; border-bottom: 1px solid var(--line); }
p { max-width: 46rem; } nav a { margin-right: 1rem; }
.note { background: var(--warn); border-left: .3rem solid #b58900; padding: .5rem .8rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(21rem, 100%), 1fr)); gap: 1rem; }
.plots figure { max-width: 40rem; } .plots.wide { grid-template-columns: 1fr; } .plots.wide figure { max-width: none; }
figure { margin: 0; break-inside: avoid; } figure img { width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: .9rem; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); gap: .8rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0 1.4rem; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th[scope=row], thead th:first-child { text-align: left; } th[scope=row], td { white-space: nowrap; }
thead th { border-bottom: 2px solid var(--soft); }
td.text, th.text { text-align: left; white-space: normal; }
pre { white-space: pre-wrap; font-size: .8rem; } summary { cursor: pointer; }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 .8em; }
@media print {
  body { max-width: none; padding: 0; font-size: 11px; } nav { display: none; } .scroll { overflow: visible; }
}
"""


@dataclass(frozen=True)
class Plot:
    """A drawn plot."""

    section: str
    name: str
    caption: str
    svg: str


def page(views: Sequence[View], plots: Sequence[Plot]) -> str:
    """The whole page."""
    title = " · ".join(view.title for view in views)
    sections = [
        ("scores", "In short", short(views)),
        ("tiles", _tiles_title(views), [_figures(plots, "tiles", len(views) > 1)]),
        ("shares", "On the way", [_figures(plots, "shares", len(views) > 1), *map(shares_table, views)]),
        (
            "resolutions",
            "At other resolutions",
            [_figures(plots, "resolutions", len(views) > 1), *map(resolutions_table, views)],
        ),
        ("also", "Training, validation and test", [*map(also_table, views)]),
        (
            "organelles",
            f"{titles(views)} against organelles in the mix",
            [_figures(plots, "organelles", len(views) > 1)],
        ),
        ("confusion", "Confusion of classes", [_figures(plots, "confusion", len(views) > 1), *map(confusion, views)]),
        ("segments", "Confusion of segments", [*map(segments_tables, views)]),
        ("least", "How few synthetic tiles are enough", [*map(least_amounts, views)]),
        ("overlays", "What was found", [*map(overlays, views)]),
        ("curves", "Learning curves", [_figures(plots, "curves", wide=True), *map(learned, views)]),
        ("table", "All scores", [*map(scores, views)]),
        ("run", "What was run", [*map(what_was_run, views)]),
    ]
    about = {"tiles": BANDS, "shares": SHARES, "resolutions": RESOLUTIONS, "segments": SEGMENTS}
    about |= {"least": LEAST, "curves": PARTING, "table": SCORES}
    joined = [(key, name, "\n".join(filter(None, parts))) for key, name, parts in sections]
    held = [(key, name, about.get(key, "") + text) for key, name, text in joined if text]
    nav = "".join(f'<a href="#{key}">{html.escape(name)}</a>' for key, name, _ in held)
    body = [f'<section id="{key}"><h2>{html.escape(name)}</h2>\n{text}</section>' for key, name, text in held]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{html.escape(title)}</title><link rel="icon" href="data:,"><style>{STYLE}</style></head>\n'
        f"<body><header><h1>{html.escape(title)}</h1>{''.join(map(_begin, views))}"
        f'<nav aria-label="Sections">{nav}</nav></header>\n<main>{"".join(body)}</main></body></html>\n'
    )


def _begin(view: View) -> str:
    status: Counter[str] = Counter(outcome.status for outcome in view.outcomes)
    text = f"<p>{html.escape(view.plan.about['description'])}</p>" if view.plan.about["description"] else ""
    if view.plan.about["quick"] and text:
        text += _note(view, "the text above is of the full size; what was run is under What was run.")
    text += "".join(_note(view, note) for note in view.plan.about["notes"])
    open_ = [
        f"{status[kind]} {what}" for kind, what in (("failed", "failed"), ("missing", "not run yet")) if status[kind]
    ]
    if open_:
        text += _note(view, f"{', '.join(open_)}; see What was run.")
    return text


def _note(view: View, text: str) -> str:
    return f'<p class="note" role="note">{html.escape(view.title)}: {html.escape(text)}</p>'


def _tiles_title(views: Sequence[View]) -> str:
    return f"{titles(views)} against " + " / ".join(
        dict.fromkeys(axis_title(view.x) or "the one cell" for view in views)
    )


def _figures(plots: Sequence[Plot], section: str, wide: bool) -> str:
    held = [plot for plot in plots if plot.section == section]
    return f'<div class="plots{" wide" if wide else ""}">{"".join(map(_figure, held))}</div>' if held else ""


def _figure(plot: Plot) -> str:
    data = base64.b64encode(plot.svg.encode()).decode()
    caption = html.escape(plot.caption)
    return (
        f'<figure class="plot" id="{plot.name}"><img alt="{caption}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )
