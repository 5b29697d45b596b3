"""synthem: synthetic electron microscopy with exact labels, exact mixes with real layers, and what each mix is worth.

The pipeline, one function for each arrow:

    recipe → scene → raster → tiles → mix → train → evaluate → report

Every command is also a function. Those of the stages that are folders here are imported from them, as in
`from synthem.train import train`; the others are at the top, and loaded when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from synthem.errors import SynthemError

if TYPE_CHECKING:
    from synthem.classes import SIX, Classes, unpack
    from synthem.curate.check import check
    from synthem.curate.corrupt import corrupt
    from synthem.curate.mix import Mix, mix
    from synthem.curate.stats import stats
    from synthem.recipe import Recipe
    from synthem.scene.scene import Scene, compose
    from synthem.tiles.dataset import TileDataset
    from synthem.tiles.exporters import export
    from synthem.tiles.generate import generate, make_tile
    from synthem.tiles.importers import import_dataset
    from synthem.tiles.repaint import repaint

__version__ = "0.1.0"

_LAZY = {
    "SIX": "synthem.classes",
    "Classes": "synthem.classes",
    "Mix": "synthem.curate.mix",
    "Recipe": "synthem.recipe",
    "Scene": "synthem.scene.scene",
    "TileDataset": "synthem.tiles.dataset",
    "check": "synthem.curate.check",
    "compose": "synthem.scene.scene",
    "corrupt": "synthem.curate.corrupt",
    "export": "synthem.tiles.exporters",
    "generate": "synthem.tiles.generate",
    "import_dataset": "synthem.tiles.importers",
    "make_tile": "synthem.tiles.generate",
    "mix": "synthem.curate.mix",
    "repaint": "synthem.tiles.repaint",
    "stats": "synthem.curate.stats",
    "unpack": "synthem.classes",
}

__all__ = [
    "SIX",
    "Classes",
    "Mix",
    "Recipe",
    "Scene",
    "SynthemError",
    "TileDataset",
    "__version__",
    "check",
    "compose",
    "corrupt",
    "export",
    "generate",
    "import_dataset",
    "make_tile",
    "mix",
    "repaint",
    "stats",
    "unpack",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'synthem' has no attribute {name!r}")
