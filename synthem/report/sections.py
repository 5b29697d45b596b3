"""The sections of a report, each a function from a sweep to HTML; empty where there is nothing to say."""

from __future__ import annotations

import base64
import html
import io
import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthem.report.least import least
from synthem.report.tables import Table, table
from synthem.report.view import TILES, View, ends_text, interval_text, nice, number, score_title
from synthem.sweep.estimate import duration
from synthem.sweep.pictures import overlay_files, pictured
from synthem.sweep.runs import result

_WIDTH_PX = 480
_FEW_CELLS = 5
_INTERVALS = (
    "<p>Scores of counts pooled over the test layers: mean over the repeats with Student's 95 % interval, which says "
    "nothing of other test layers.</p>"
)
LEAST = (
    "<p>The fewest tiles whose mean score is near enough to the best on the same line. Confidence is the share of "
    "bootstrap resamples over the repeats in which that holds; with few repeats it is coarse.</p>"
)
SCORES = (
    "<p>Intervals beside a mean are Student's over the repeats. <em>Over layers too</em> is the 95 % interval of the "
    "pooled Dice by bootstrap over the repeats and over blocks of neighbouring test layers: few blocks, wide ends.</p>"
)
_PICKED = "<p>The best cell of each class is picked by this very score, so it flatters a little.</p>"
BANDS = (
    "<p>Large marks are means over the repeats, bands reach from the lowest to the highest, dots are single runs.</p>"
)


def short(views: Sequence[View]) -> list[str]:
    """What came out, before all else."""
    tables = [_in_short(view) for view in views]
    picked = [_PICKED] if any("best cell" in text for text in tables) else []
    return [_INTERVALS, *picked, *tables] if any(tables) else []


def _in_short(view: View) -> str:
    """Few cells side by side; of many the one with the fewest synthetic tiles beside each class's best."""
    if not view.cells:
        return ""
    shown = [cell for line in view.lines(view.classes[0]) for cell in line.cells]
    if len(shown) <= _FEW_CELLS:
        rows = [
            [nice(name), *(interval_text(view.find(cell, name, "pooled"), view.score) for cell in shown)]
            for name in view.classes
        ]
        return table(Table(f"{view.title}: {score_title(view.score)}", ["class", *map(view.describe, shown)], rows))
    plain, rows = pictured(view.plan)[0], []
    for name in view.classes:
        best, before = view.best(name), view.find(plain, name, "pooled")
        means = [math.nan if cell is None else cell.interval(view.score).mean for cell in (best, before)]
        found = ["–", ""] if best is None else [interval_text(best, view.score), view.describe(best)]
        gain = number(means[0] - means[1])
        rows.append([nice(name), interval_text(before, view.score), found[0], gain, found[1]])
    head = ["class", view.describe(plain), "best cell", "difference", "which"]
    return table(Table(f"{view.title}: {score_title(view.score)}", head, rows, text_columns=(4,)))


def confusion(view: View) -> str:
    """Of the pixels predicted as each class, the share with each label, in the cell that is best for the focus."""
    cell = None if view.focus is None else view.best(view.focus)
    if cell is None:
        return ""
    found = {name: view.find(cell, name, "pooled") for name in view.classes}
    held = {name: own for name, own in found.items() if own is not None}
    rows = []
    for name, own in held.items():
        whole = own.mean("tp") + own.mean("fp")
        rows.append([nice(name), *(number(own.mean(f"on_{other}") / whole if whole else None) for other in held)])
    if len(rows) < 2:
        return ""
    caption = f"{view.title}: share of the pixels predicted as the row's class, by label ({view.describe(cell)})"
    return table(Table(caption, ["predicted as", *map(nice, held)], rows))


def least_amounts(view: View) -> str:
    """Of each class and line; see `synthem.report.least`."""
    if view.x != TILES or not view.classes:
        return ""
    tolerance, rows = float(view.options["tolerance"]), []
    for name in view.classes:
        for line in view.lines(name):
            scored = {float(x): cell.values(view.score) for x, cell in line.points(TILES) if x is not None}
            found = least(scored, tolerance)
            if found is not None:
                sure = "–" if found.confidence is None else f"{100 * found.confidence:.0f} %"
                best = f"{number(found.best)} at {found.best_at:.0f}"
                at = [line.label] if line.label else []
                rows.append([nice(name), *at, best, f"{found.least_at:.0f}", number(found.score), sure])
    lines = ["line"] if view.lines(view.classes[0])[0].label else []
    head = ["class", *lines, f"best {score_title(view.score)} at tiles", f"least within {tolerance:g}"]
    head += [f"{score_title(view.score)} there", "confidence"]
    return table(Table(view.title, head, rows, text_columns=(1,) if lines else ())) if rows else ""


def overlays(view: View) -> str:
    """Pictures of the focus class; see `synthem.sweep.pictures`."""
    parts = []
    for cell in pictured(view.plan):
        for path in overlay_files(view.plan, cell):
            layer = path.stem.removesuffix(f"-{cell.name}")
            caption = html.escape(f"{nice(cell.name)} on {layer}: {view.describe(cell)}")
            parts.append(
                f'<figure><img alt="{caption}" src="{_jpeg(path)}"><figcaption>{caption}</figcaption></figure>'
            )
    if not parts:
        return ""
    keys = (("#00aa3c", "found"), ("#e11e28", "invented"), ("#285af0", "missed"))
    legend = "".join(f'<span class="key" style="background:{colour}"></span>{what}' for colour, what in keys)
    about = "The cell with the fewest synthetic tiles (else the first one), and the best one; the first repeat of each"
    return f'<h3>{html.escape(view.title)}</h3><p>{about}.{legend}</p><div class="pictures">{"".join(parts)}</div>'


def scores(view: View) -> str:
    """One table a class, one row a cell."""
    several = len({cell.pooling for cell in view.cells}) > 1
    tables = []
    for name in view.classes:
        rows = []
        for line in view.lines(name):
            for cell in line.cells:
                mean = view.find(cell, name, "mean") if several else cell
                others = [number(cell.interval(score).mean) for score in ("iou", "precision", "recall", "accuracy")]
                held = [number(cell.mean(f"count_{part}"), 0) for part in ("real", "synthetic")]
                in_mix = " + ".join(held) if set(held) != {"–"} else "–"
                counts = [str(len(cell.values())), in_mix, f"{cell.mean('windows'):.0f}", f"{cell.mean('steps'):.0f}"]
                drawn = view.over_layers(cell)
                ends = "–" if drawn is None else ends_text(drawn) or "–"
                rows.append([view.describe(cell), interval_text(cell), ends, interval_text(mean), *others, *counts])
        head = ["cell", "Dice, pooled", "over layers too", "Dice, mean of layers"]
        head += ["IoU", "precision", "recall", "accuracy"]
        head += ["repeats", "in the mix, real + synthetic", "windows", "steps"]
        tables.append(table(Table(f"{view.title}: {nice(name)}", head, rows, {"data-class": name})))
    return "".join(tables)


def what_was_run(view: View) -> str:
    """Data, settings, versions, and what failed or wasn't run."""
    plan, done = view.plan, [o.result for o in view.outcomes if o.result is not None]
    runs = {o.entry.run: o for o in view.outcomes if o.entry.run is not None}
    status = Counter(o.status for o in runs.values())
    untrainable = [o for o in view.outcomes if o.status == "untrainable"]
    repeats = sorted({len({row["run"] for row in cell.rows}) for cell in view.cells})
    stages = [result(plan.run_folder(run)) for run in plan.items if run not in runs]
    earlier = [held for held in stages if held is not None]
    count = ", ".join(f"{n} {_status(kind)}" for kind, n in status.items()) or "none"
    finished = [o.result for o in runs.values() if o.result is not None] + earlier
    facts = [
        ("runs", count + (f"; of {len(stages)} earlier stages {len(earlier)} done" if stages else "")),
        ("repeats of a cell", " to ".join(map(str, repeats[:1] + repeats[1:][-1:])) or "none yet"),
        ("time of all finished runs", duration(sum(r["seconds"] for r in finished))),
        ("machines", "; ".join(sorted({r["training"]["machine"] for r in finished})) or "–"),
        ("parameters of the model", ", ".join(sorted({f"{r['training']['parameters']:,}" for r in done})) or "–"),
        ("test layers", "; ".join(sorted({", ".join(r["evaluation"]["layers"]) for r in done})) or "–"),
        ("versions", "; ".join(sorted({", ".join(f"{k} {v}" for k, v in r["versions"].items()) for r in done})) or "–"),
    ]
    facts += [(_role(data), _about(data)) for data in plan.about["data"]]
    parts = [table(Table(view.title, ["what", "value"], [list(fact) for fact in facts], text_columns=(1,)))]
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
    if data.get("label_dice"):
        text += f", wrong labels ({data['errors']}): their Dice with the true ones "
        text += ", ".join(f"{nice(name)} {number(dice)}" for name, dice in data["label_dice"].items())
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
