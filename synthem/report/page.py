"""The page of a report: one HTML file with everything inside, readable without a mouse, a screen, or a network."""

from __future__ import annotations

import base64
import html
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthem.report.least import least
from synthem.report.tables import Table, table
from synthem.report.view import TILES, View, axis_title, interval_text, number
from synthem.sweep.estimate import duration
from synthem.sweep.pictures import overlay_files, pictured

STYLE = """
:root { --ink: #1c1c1c; --soft: #595959; --line: #d9d9d9; --warn: #fff4d6; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff; max-width: 76rem; margin: 0 auto;
  padding: 1rem 1.2rem 4rem; }
h1 { line-height: 1.2; margin: .6rem 0; } h2 { margin: 2.4rem 0 .6rem; border-bottom: 1px solid var(--line); }
p { max-width: 46rem; } nav a { margin-right: 1rem; }
.note { background: var(--warn); border-left: .3rem solid #b58900; padding: .5rem .8rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem; }
.plots.wide { grid-template-columns: 1fr; }
figure { margin: 0; break-inside: avoid; } figure img { width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: .9rem; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); gap: .8rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0 1.4rem; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th[scope=row], thead th:first-child { text-align: left; } thead th { border-bottom: 2px solid var(--soft); }
td.text, th.text { text-align: left; }
pre { white-space: pre-wrap; font-size: .8rem; } summary { cursor: pointer; }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 .8em; }
@media print {
  body { max-width: none; padding: 0; font-size: 11px; } nav { display: none; } .scroll { overflow: visible; }
}
"""

_WIDTH_PX = 480


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
        ("scores", "In short", [*map(_in_short, views)]),
        ("tiles", _tiles_title(views), [_figures(plots, "tiles", len(views) > 1)]),
        ("organelles", "Dice against organelles in the mix", [_figures(plots, "organelles", len(views) > 1)]),
        ("confusion", "Confusion of classes", [_figures(plots, "confusion", len(views) > 1), *map(_confusion, views)]),
        ("least", "How few synthetic tiles are enough", [*map(_least, views)]),
        ("overlays", "What was found", [*map(_overlays, views)]),
        ("curves", "Learning curves", [_figures(plots, "curves", wide=True)]),
        ("table", "All scores", [*map(_scores, views)]),
        ("run", "What was run", [*map(_what, views)]),
    ]
    held = [(key, name, "\n".join(filter(None, parts))) for key, name, parts in sections]
    held = [(key, name, text) for key, name, text in held if text]
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
    text += "".join(f'<p class="note" role="note">{html.escape(note)}</p>' for note in view.plan.about["notes"])
    open_ = [
        f"{status[kind]} {what}" for kind, what in (("failed", "failed"), ("missing", "not run yet")) if status[kind]
    ]
    if open_:
        text += (
            f'<p class="note" role="note">{html.escape(view.title)}: {html.escape(", ".join(open_))}; see below.</p>'
        )
    return text


def _tiles_title(views: Sequence[View]) -> str:
    return "Dice against " + " / ".join(dict.fromkeys(axis_title(view.x) or "the one cell" for view in views))


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


def _in_short(view: View) -> str:
    """The cell with the fewest synthetic tiles beside each class's best."""
    if not view.cells:
        return ""
    plain = pictured(view.plan)[0]
    rows = []
    for name in view.classes:
        best = view.best(name)
        before = view.find(plain, name, "pooled")
        if best is None:
            rows.append([_nice(name), interval_text(before), "–", "", ""])
            continue
        gain = number(best.interval().mean - before.interval().mean) if before.values() else "–"
        rows.append([_nice(name), interval_text(before), interval_text(best), gain, view.describe(best)])
    head = ["class", view.describe(plain), "best cell", "difference", "which"]
    text = (
        "<p>Dice of counts pooled over the test layers: mean over the repeats with Student's 95 % interval. The best "
        "cell of each class is picked by this very score, so it flatters a little; the intervals are over repeats, "
        "not over other test layers.</p>"
    )
    return text + table(Table(view.title, head, rows, text_columns=(4,)))


def _confusion(view: View) -> str:
    """Of the pixels predicted as each class, the share with each label, in the cell that is best for the focus."""
    cell = None if view.focus is None else view.best(view.focus)
    if cell is None:
        return ""
    rows = []
    for name in view.classes:
        own = view.find(cell, name, "pooled")
        whole = own.mean("tp") + own.mean("fp")
        shares = [number(own.mean(f"on_{other}") / whole if whole else None) for other in view.classes]
        rows.append([_nice(name), *shares])
    caption = f"{view.title}: share of the pixels predicted as the row's class, by label ({view.describe(cell)})"
    return table(Table(caption, ["predicted as", *map(_nice, view.classes)], rows))


def _least(view: View) -> str:
    if view.x != TILES:
        return ""
    tolerance, rows = float(view.options["tolerance"]), []
    for name in view.classes:
        for line in view.lines(name):
            found = least({float(x): cell.values() for x, cell in line.points(TILES) if x is not None}, tolerance)
            if found is not None:
                sure = "–" if found.confidence is None else f"{100 * found.confidence:.0f} %"
                best = f"{number(found.best)} at {found.best_at:.0f}"
                rows.append([_nice(name), line.label, best, f"{found.least_at:.0f}", number(found.score), sure])
    head = ["class", "line", "best Dice at tiles", f"least within {tolerance:g}", "Dice there", "confidence"]
    text = (
        f"<p>The fewest tiles whose mean Dice is at most {tolerance:g} below the best on the same line. Confidence is "
        "the share of bootstrap resamples over the repeats in which that holds; with few repeats it is coarse.</p>"
    )
    return text + table(Table(view.title, head, rows, text_columns=(1,))) if rows else ""


def _overlays(view: View) -> str:
    parts = []
    for cell in pictured(view.plan):
        for path in overlay_files(view.plan, cell):
            layer = path.stem.removesuffix(f"-{cell.name}")
            caption = html.escape(f"{_nice(cell.name)} on {layer}: {view.describe(cell)}")
            parts.append(
                f'<figure><img alt="{caption}" src="{_jpeg(path)}"><figcaption>{caption}</figcaption></figure>'
            )
    if not parts:
        return ""
    keys = (("#00aa3c", "found"), ("#e11e28", "invented"), ("#285af0", "missed"))
    legend = "".join(f'<span class="key" style="background:{colour}"></span>{what}' for colour, what in keys)
    about = "the cell with the fewest synthetic tiles beside the best one, first repeat of each"
    return f'<h3>{html.escape(view.title)}</h3><p>{about}:{legend}</p><div class="pictures">{"".join(parts)}</div>'


def _scores(view: View) -> str:
    """One table a class, one row a cell."""
    several = len({cell.pooling for cell in view.cells}) > 1
    tables = []
    for name in view.classes:
        rows = []
        for line in view.lines(name):
            for cell in line.cells:
                mean = view.find(cell, name, "mean") if several else cell
                others = [number(cell.interval(score).mean) for score in ("iou", "precision", "recall", "accuracy")]
                in_mix = f"{cell.mean('count_real'):.0f} + {cell.mean('count_synthetic'):.0f}"
                counts = [str(len(cell.values())), in_mix, f"{cell.mean('windows'):.0f}", f"{cell.mean('steps'):.0f}"]
                rows.append([view.describe(cell), interval_text(cell), interval_text(mean), *others, *counts])
        head = ["cell", "Dice, pooled", "Dice, mean of layers", "IoU", "precision", "recall", "accuracy"]
        head += ["repeats", "in the mix, real + synthetic", "windows", "steps"]
        tables.append(table(Table(f"{view.title}: {_nice(name)}", head, rows, {"data-class": name})))
    return "".join(tables)


def _what(view: View) -> str:
    """Data, settings, versions, and what failed or wasn't run."""
    plan, done = view.plan, [o.result for o in view.outcomes if o.result is not None]
    runs = {o.entry.run: o for o in view.outcomes if o.entry.run is not None}
    status = Counter(o.status for o in runs.values())
    untrainable = [o for o in view.outcomes if o.status == "untrainable"]
    repeats = sorted(len({row["run"] for row in cell.rows}) for cell in view.cells)
    seconds = sum(o.result["seconds"] for o in runs.values() if o.result is not None)
    facts = [
        ("runs", ", ".join(f"{n} {_status(kind)}" for kind, n in status.items()) or "none"),
        ("repeats of a cell", f"{repeats[0]} to {repeats[-1]}" if repeats else "none yet"),
        ("time of all finished runs", duration(seconds)),
        ("machines", "; ".join(sorted({r["training"]["machine"] for r in done})) or "–"),
        ("parameters of the model", ", ".join(sorted({f"{r['training']['parameters']:,}" for r in done})) or "–"),
        ("test layers", "; ".join(sorted({", ".join(r["evaluation"]["layers"]) for r in done})) or "–"),
        ("versions", "; ".join(sorted({", ".join(f"{k} {v}" for k, v in r["versions"].items()) for r in done})) or "–"),
    ]
    facts += [(_role(data), _about(data)) for data in plan.about["data"]]
    parts = [table(Table(view.title, ["what", ""], [list(fact) for fact in facts], text_columns=(1,)))]
    failed = [[str(o.entry), o.reason] for o in runs.values() if o.status == "failed"]
    parts += [_list("Failed", failed)] if failed else []
    parts += [_list("Can't be trained", [[str(o.entry), o.reason] for o in untrainable])] if untrainable else []
    missing = [[str(o.entry), "the sweep was stopped before it"] for o in runs.values() if o.status == "missing"]
    parts += [_list("Not run yet", missing)] if missing else []
    settings = html.escape(json.dumps(plan.about["study"], indent=1, ensure_ascii=False))
    return (
        "".join(parts)
        + f"<details><summary>All settings of {html.escape(view.name)}</summary><pre>{settings}</pre></details>"
    )


def _list(caption: str, rows: list[list[str]]) -> str:
    return table(Table(caption, ["point of the grid", "why"], rows, text_columns=(1,)))


def _status(kind: str) -> str:
    return {"missing": "not run yet"}.get(kind, kind)


def _role(data: dict[str, Any]) -> str:
    return f"{'stand-in layers' if data['stand_in'] else 'dataset'} {data['name']}"


def _about(data: dict[str, Any]) -> str:
    text = f"{data['rows']} rows, pixels {data['fingerprint'][:12]}"
    if "recipe_fingerprint" in data:
        version = data["generator_version"]
        text += f", recipe {data['recipe_fingerprint'][:12]}, seed {data['seed']}, generator version {version}"
    return text


def _jpeg(path: Path) -> str:
    """A picture small enough for the page, as a data address."""
    from PIL import Image

    with Image.open(path) as picture:
        small = picture.convert("RGB")
        small.thumbnail((_WIDTH_PX, _WIDTH_PX))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


def _nice(name: str) -> str:
    return name.replace("_", " ")
