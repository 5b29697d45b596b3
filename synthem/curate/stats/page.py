"""Statistics as one HTML file that needs nothing else: tables, plots as SVG, pictures with their labels as PNG."""

from __future__ import annotations

import base64
import html
import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from synthem.curate.pictures import Pictures, grey, open_pictures
from synthem.curate.stats.gather import Stats
from synthem.curate.stats.table import HEAD, cells
from synthem.errors import SynthemError
from synthem.tiles import codec
from synthem.tiles.shards import write_atomically

SHOWN = 6
"""Pictures on the page, evenly spread over the rows; rare classes get one each beside them."""
_WIDTH_PX = 360

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1160px; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd; }
td:first-child, th:first-child { text-align: left; } figure { display: inline-block; margin: .4rem; }
.swatch { display: inline-block; width: .8em; height: .8em; margin-right: .5em; }
img { width: 360px; image-rendering: pixelated; } figcaption { font-size: 13px; color: #555; }
"""


def write(held: Stats, out: str | Path) -> None:
    """Write `stats.html` and `stats.json` into a folder.

    Raises:
        SynthemError: `out` is a file.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise SynthemError(f"{out}: is a file; name a folder")
    text = page(held)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "stats.html", text)
    write_atomically(out / "stats.json", json.dumps(held.to_json(), indent=1, ensure_ascii=False) + "\n")


def page(held: Stats) -> str:
    """The page."""
    name = html.escape(Path(held.folder).name)
    rare = ", ".join(html.escape(name) for name in held.rare) or "none"
    about = [
        f"{held.pictures:,} pictures; grey level {held.grey_mean:.1f} ± {held.grey_std:.1f}.",
        "; ".join(
            f"{key}: {number:,}" for part in (held.sources, held.splits, held.sizes) for key, number in part.items()
        ),
        f"Rare classes: {rare}.",
    ]
    body = [
        f"<h1>{name}</h1>",
        *(f"<p>{line}</p>" for line in about),
        _table(held),
        "<h2>Texture</h2>",
        "<p>" + ", ".join(f"{key} {value:.3g}" for key, value in held.texture.items()) + "</p>",
        "<h2>Histograms</h2>",
        *(_svg(figure) for figure in _figures(held)),
        "<h2>Pictures</h2>",
        *_pictures(open_pictures(held.folder), held),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _table(held: Stats) -> str:
    def row(tag: str, values: tuple[str, ...], swatch: str = "") -> str:
        inner = [html.escape(value) for value in values]
        inner[0] = swatch + inner[0]
        return "<tr>" + "".join(f"<{tag}>{value}</{tag}>" for value in inner) + "</tr>"

    rows = [row("th", HEAD)]
    for part in (*held.classes, held.none):
        colour = "#{:02x}{:02x}{:02x}".format(*part.colour)
        rows.append(row("td", cells(part), f'<span class="swatch" style="background:{colour}"></span>'))
    return "<table>" + "".join(rows) + "</table>"


def _figures(held: Stats) -> list[Any]:
    from matplotlib.figure import Figure

    def axes(title: str, x: str, y: str) -> tuple[Any, Any]:
        figure = Figure(figsize=(5.4, 3.6), layout="constrained")
        plot = figure.add_subplot(title=title, xlabel=x, ylabel=y)
        plot.spines[["top", "right"]].set_visible(False)
        return figure, plot

    greys, plot = axes("Grey levels", "grey level", "share of the class's pixels")
    for part, levels in zip((*held.classes, held.none), held.grey_counts, strict=True):
        if levels.sum():
            colour = "#777777" if part.name == "none" else np.array(part.colour) / 255
            plot.plot(levels / levels.sum(), color=colour, label=part.name)
    plot.legend(fontsize=7, frameon=False)

    there = [c for c in range(len(held.classes)) if held.classes[c].area_px]
    areas, plot = axes("Area of a component", "px", "components")
    largest = max((int(held.components_px[c].max()) for c in there), default=1)
    bins = np.geomspace(1, largest + 1, 40).tolist()
    for c in there:
        part = held.classes[c]
        plot.hist(held.components_px[c], bins, histtype="step", color=np.array(part.colour) / 255, label=part.name)
    plot.set(xscale="log", yscale="log")
    counts, plot = axes("Organelles in a picture", "class", "components")
    shares, plot_shares = axes("Area in a picture", "class", "share of the area, %")
    shares_percent = 100 * held.area_px * held.pictures / held.pixels
    for where, values in ((plot, held.count), (plot_shares, shares_percent)):
        if there:
            boxes = where.boxplot([values[:, c] for c in there], patch_artist=True, showfliers=False)
            for box, c in zip(boxes["boxes"], there, strict=True):
                box.set_facecolor(np.array(held.classes[c].colour) / 255)
        names = [held.classes[c].name.replace("_", "\n") for c in there]
        where.set_xticks(range(1, len(there) + 1), names, fontsize=7)
    return [greys, areas, counts, shares]


def _svg(figure: Any) -> str:
    import matplotlib

    sheet = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "synthem"}):
        figure.savefig(sheet, format="svg", metadata={"Date": None})
    text = sheet.getvalue()
    return text[text.index("<svg") :]


def _pictures(pictures: Pictures, held: Stats) -> list[str]:
    rows = {held.rows[int(i)]: "" for i in np.linspace(0, held.pictures - 1, min(SHOWN, held.pictures))}
    for c, part in enumerate(held.classes):
        if part.rare and part.area_px:
            rows.setdefault(held.rows[int(held.area_px[:, c].argmax())], part.name)
    return [
        f'<figure><img alt="row {i}" src="data:image/png;base64,{_png(pictures, i)}">'
        f"<figcaption>row {i}{', for its ' + html.escape(why) if why else ''}</figcaption></figure>"
        for i, why in rows.items()
    ]


def _png(pictures: Pictures, i: int) -> str:
    image, planes = grey(pictures.image(i)), pictures.classes.unpack(pictures.stored(i))
    labelled = overlay(image, planes, pictures.classes.colours)
    scale = _WIDTH_PX / image.shape[1]
    if scale < 1:
        size = (_WIDTH_PX, max(1, round(image.shape[0] * scale)))
        labelled = np.asarray(cv2.resize(labelled, size, interpolation=cv2.INTER_AREA), np.uint8)
    return base64.b64encode(codec.encode(np.ascontiguousarray(labelled))).decode()


def overlay(
    image: npt.NDArray[np.uint8], planes: npt.NDArray[np.bool_], colours: tuple[tuple[int, int, int], ...]
) -> npt.NDArray[np.uint8]:
    """(y, x, 3): a grey image with 40 % of its classes' colours over it."""
    shown = np.repeat(image[..., None], 3, axis=2).astype(np.float32)
    for plane, colour in zip(planes, colours, strict=True):
        shown[plane] = 0.6 * image[plane][:, None] + 0.4 * np.array(colour, np.float32)
    return shown.astype(np.uint8)
