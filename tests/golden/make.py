"""Draws the golden tiles: one small tile for each organelle. Run it when pixels are meant to change:

    python tests/golden/make.py

and raise `GENERATOR_VERSION` where tiles of a release change with it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from synthem.raster.render import render
from synthem.recipe import Recipe
from synthem.scene.scene import compose
from synthem.tiles import codec
from synthem.version import GENERATOR_VERSION

HERE = Path(__file__).parent
SEED = 2
BARE: dict[str, Any] = {"size": 128, "nm_per_px": 5, "artefacts": {"drift_nm": 3, "curtain": 2, "streaks": 1}}
GOLDEN = {
    "axon": {**BARE, "organelles": [{"kind": "axon", "count": 1, "radius_nm": "200..240", "inside": "ring"}]},
    "mitochondrion": {**BARE, "organelles": [{"kind": "mitochondrion", "count": 2}]},
    "psd": {**BARE, "organelles": [{"kind": "psd", "count": 3}]},
    "vesicles": {**BARE, "organelles": [{"kind": "psd", "count": 1}, {"kind": "vesicles", "count": 3}]},
    "debris": {**BARE, "organelles": [{"kind": "debris", "count": 5}]},
    "process": {**BARE, "membranes": {}, "organelles": [{"kind": "process", "count": 1, "radius_nm": "160..200"}]},
    "membranes": {**BARE, "membranes": {"blotch_share": 0.2, "tear_share": 0.1, "look": {"shading": 10}}},
}
"""Name → recipe."""


def planes(name: str) -> dict[str, Any]:
    """Image, packed masks and instances of a golden tile as they are drawn now."""
    tile = render(compose(Recipe.build(GOLDEN[name]), SEED, 0))
    return {"image": tile.image, "mask": tile.stored, "instances": tile.instances}


def main() -> None:
    """Write every plane as a PNG beside this file."""
    for name in GOLDEN:
        palette = Recipe.build(GOLDEN[name]).classes.palette()
        for plane, pixels in planes(name).items():
            data = codec.encode(pixels, palette if plane == "mask" else None)
            (HERE / f"{name}.{plane}.png").write_bytes(data)
    (HERE / "made.json").write_text(json.dumps({"generator_version": GENERATOR_VERSION}) + "\n")


if __name__ == "__main__":
    main()
