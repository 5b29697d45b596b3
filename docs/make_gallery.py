"""Draws the gallery: every organelle with each of its parameters low, in the middle and high.

    python docs/make_gallery.py [FOLDER]

All other parameters stay in their middle, and the seed stays the same, so a row shows what its parameter does and
nothing else. A range is shown at 3, 50 and 97 % of its draws, a fixed number at half, once and twice its value, a
choice at every value. Noise and artefacts are off, the cytoplasm is calm and the microscope sharp. What keeps a
distance from membranes is shown among them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from synthem.organelles.membranes import Membranes
from synthem.organelles.registry import BUILT_IN, kinds
from synthem.ranges import Choice, Drawable
from synthem.recipe import Recipe
from synthem.tiles.generate import make_tile

SIDE = 112
"""Height and width of a picture, px."""
NM_PER_PX = {
    "axon": 8.0,
    "mitochondrion": 5.0,
    "psd": 4.0,
    "vesicles": 5.0,
    "debris": 5.0,
    "process": 12.0,
    "membranes": 12.0,
}
"""Pixel size of each organelle's pictures, nm."""
CLOSER = {"vesicles": {"half_length_nm": 230, "half_width_nm": 190}}
"""What else is set so that an organelle fits its picture."""
SEED = {"mitochondrion": 31, "psd": 11, "vesicles": 3, "membranes": 2}
"""Where every row shows something; 0 for the others."""
BEFORE = {
    "axon": {
        "opening": {"inside": "sheath"},
        "membrane_nm": {"inside": "sheath", "opening": 0.3},
        "split_nm": {"splits": 5},
        "look.split_grey": {"splits": 5},
    },
    "debris": {"radius_nm": {"shape": "ring"}, "dot_nm": {"shape": "dot"}},
    "mitochondrion": {"oblique_nm": {"oblique_share": 1}, "break_nm": {"breaks": 8}},
    "membranes": {"look.shading_nm": {"look.shading": 40.0}},
}
"""What else is set so that a parameter shows."""
UNLIKE = {
    "number": [0, 10, 20],
    "splits": [0, 3, 6],
    "sheath_texture": [0.2, 1, 3],
    "ring_texture": [0.2, 1, 3],
    "shading": [0.0, 20.0, 40.0],
}
"""What is shown of a parameter whose default says too little of it."""
AMONG_MEMBRANES = {("mitochondrion", "gap_nm"), ("psd", "width_nm"), ("vesicles", "wall_nm")}
TISSUE_NM_PER_PX = 8.0
CALM = {"grain": 4, "clump": 3, "cloud": 0, "cell_spread": 0, "strokes": 0, "dots": 0}
POSITION = ("kind", "name", "count", "per", "margin_nm", "edge_nm", "facing", "scattered", "rays", "holds")
"""Parameters that say how many there are and where, not what one looks like."""
FAINT = ("look.blur_nm", "look.border_blur_nm", "look.around_blur_nm", "look.around_nm")
"""Parameters that are too slight to be seen at this size."""
STEPS = (0.03, 0.5, 0.97)
GREYS = 48
LABEL = 150


def middle(model: Drawable) -> dict[str, Any]:
    """Every parameter at its median."""
    values = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, Drawable):
            values[name] = middle(value)
        else:
            values[name] = value.at(0.5) if hasattr(value, "at") else value
    return values


def rows(model: Drawable, prefix: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Dotted parameter, and the values that are shown of it."""
    for name in type(model).ranged:
        value = getattr(model, name)
        if name in POSITION:
            continue
        if isinstance(value, Choice):
            yield prefix + name, list(value.choice)
        elif hasattr(value, "at"):
            yield prefix + name, list(dict.fromkeys(value.at(u) for u in STEPS))
        elif name in UNLIKE:
            yield prefix + name, UNLIKE[name]
        else:
            yield prefix + name, [value / 2, value, min(2 * value, 1.0) if "share" in name else 2 * value]
    if hasattr(model, "look"):
        yield from ((path, values) for path, values in rows(model.look, "look.") if path not in FAINT)


def picture(kind: str, changes: dict[str, Any]) -> Image.Image:
    """One organelle in the middle of a tile, with some parameters changed."""
    tissue = any((kind, path) in AMONG_MEMBRANES for path in changes)
    nm = TISSUE_NM_PER_PX if tissue else NM_PER_PX[kind]
    values = middle(Membranes() if kind == "membranes" else kinds()[kind]()) | CLOSER.get(kind, {})
    before = BEFORE.get(kind, {})
    needed = {key: value for path in changes for key, value in before.get(path, {}).items()}
    for path, value in (needed | changes).items():
        *way, last = path.split(".")
        place = values[way[0]] if way else values
        place[last] = round(value) if isinstance(place[last], int) and not isinstance(place[last], bool) else value
    content: dict[str, Any] = {
        "size": SIDE,
        "nm_per_px": nm,
        "membranes": middle(Membranes()) if tissue else None,
        "cytoplasm": CALM,
        "optics": {"psf_nm": 3, "gain_noise": 0, "floor_noise": 0},
        "artefacts": {"background": 0, "brightness": 0},
    }
    if kind == "membranes":
        content["membranes"] = values
    else:
        content["organelles"] = [{**values, "count": 1, "edge_nm": (0.25 if tissue else 0.49) * SIDE * nm}]
    return Image.fromarray(make_tile(Recipe.build(content, kind), SEED.get(kind, 0), 0)[1].image)


def sheet(kind: str) -> Image.Image:
    """All rows of an organelle."""
    model = Membranes() if kind == "membranes" else kinds()[kind]()
    shown = list(rows(model))
    columns = max(len(values) for _, values in shown)
    font = ImageFont.load_default(11)
    made = Image.new("L", (LABEL + columns * (SIDE + 6), len(shown) * (SIDE + 20)), 255)
    pen = ImageDraw.Draw(made)
    for i, (name, values) in enumerate(shown):
        top = i * (SIDE + 20)
        pen.text((4, top + SIDE // 2 - 6), name, fill=0, font=font)
        for k, value in enumerate(values):
            left = LABEL + k * (SIDE + 6)
            made.paste(picture(kind, {name: value}), (left, top))
            text = value if isinstance(value, str) else f"{float(f'{value:.3g}'):g}"
            pen.text((left, top + SIDE + 2), text, fill=60, font=font)
    coarse = np.rint(np.asarray(made) / 255 * (GREYS - 1)) * (255 / (GREYS - 1))
    return Image.fromarray(coarse.astype(np.uint8)).quantize(GREYS)


def main(folder: Path) -> None:
    """Write a PNG for each organelle."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in (*BUILT_IN, "membranes"):
        sheet(kind).save(folder / f"{kind}.png", optimize=True)
        print(folder / f"{kind}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "gallery")
