"""How things show themselves, on contact sheets and in notebooks: pictures beside their labels, and tables.

A contact sheet is tiles beside the same tiles with their labels in colour, and a legend.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from synthem.classes import Classes

GAP = 6
"""Pixels between tiles."""
LEGEND = 24
"""Height of the legend's line, px."""


def overlay(
    image: npt.NDArray[np.uint8], masks: npt.NDArray[np.bool_], classes: Classes, strength: float = 0.45
) -> Any:
    """(y, x, 3) uint8: an image, grey or RGB, with its masks (class, y, x) laid over it in their colours."""
    grey = image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)
    painted = grey.astype(np.float32)
    for mask, colour in zip(masks, classes.colours, strict=True):
        painted[mask] = grey[mask] * (1 - strength) + np.array(colour, np.float32) * strength
    return np.rint(painted).astype(np.uint8)


def contact_sheet(
    pictures: Sequence[npt.NDArray[np.uint8]],
    masks: Sequence[npt.NDArray[np.bool_]],
    classes: Classes,
    columns: int = 0,
) -> Any:
    """A PIL image: each tile beside its labelled copy, `columns` pairs a row (0: about square), the legend below."""
    from PIL import Image, ImageDraw, ImageFont

    n = max(len(pictures), 1)
    columns = columns or max(1, round(np.sqrt(n / 2)))
    height = max((p.shape[0] for p in pictures), default=64)
    width = max((p.shape[1] for p in pictures), default=64)
    rows = -(-n // columns)
    font = ImageFont.load_default(13)
    sheet = Image.new("RGB", (columns * 2 * (width + GAP) + GAP, rows * (height + GAP) + GAP), "white")
    for k, (picture, planes) in enumerate(zip(pictures, masks, strict=True)):
        y = GAP + (k // columns) * (height + GAP)
        x = GAP + (k % columns) * 2 * (width + GAP)
        sheet.paste(Image.fromarray(picture).convert("RGB"), (x, y))
        sheet.paste(Image.fromarray(overlay(picture, planes, classes)), (x + width + GAP, y))
    return _with_legend(sheet, classes, font, ImageDraw)


def _with_legend(sheet: Any, classes: Classes, font: Any, drawing: Any) -> Any:
    """The sheet with a swatch and a name for each class below, in as many lines as it takes."""
    from PIL import Image

    places, x, line = [], GAP, 0
    for name, colour in zip(classes.names, classes.colours, strict=True):
        wide = 24 + int(font.getlength(name)) + 14
        if x + wide > sheet.width and x > GAP:
            x, line = GAP, line + 1
        places.append((x, line, name, colour))
        x += wide
    whole = Image.new("RGB", (sheet.width, sheet.height + (line + 1) * LEGEND), "white")
    whole.paste(sheet, (0, 0))
    pen = drawing.Draw(whole)
    for left, row, name, colour in places:
        top = sheet.height + row * LEGEND
        pen.rectangle((left, top + 3, left + 16, top + 17), fill=colour)
        pen.text((left + 22, top + 2), name, fill="black", font=font)
    return whole


def png(pictures: Sequence[npt.NDArray[np.uint8]], masks: Sequence[npt.NDArray[np.bool_]], classes: Classes) -> bytes:
    """A contact sheet as the bytes of a PNG."""
    data = io.BytesIO()
    contact_sheet(pictures, masks, classes, columns=min(2, max(1, len(pictures)))).save(data, format="png")
    return data.getvalue()


def html_table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as HTML, every text escaped; the first cell of a row is its name."""
    lines = [f"<table><caption>{escape(caption)}</caption>"]
    lines.append("<tr>" + "".join(f"<th>{escape(text)}</th>" for text in head) + "</tr>")
    for name, *cells in rows:
        held = "".join(f"<td>{escape(str(cell))}</td>" for cell in cells)
        lines.append(f'<tr><th style="text-align: left">{escape(str(name))}</th>{held}</tr>')
    return "\n".join([*lines, "</table>"])


def html_picture(data: bytes, alt: str) -> str:
    """The bytes of a PNG as HTML that needs no file."""
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'
