"""Real layers in: class folders, label images, instance maps, drawn lines, COCO, TIFF stacks and HDF5 volumes."""

from __future__ import annotations

from synthem.tiles.importers.descriptor import Descriptor, load_descriptor
from synthem.tiles.importers.guess import guess_descriptor, to_yaml
from synthem.tiles.importers.problems import Problem, Refused
from synthem.tiles.importers.run import Imported, import_dataset

__all__ = [
    "Descriptor",
    "Imported",
    "Problem",
    "Refused",
    "guess_descriptor",
    "import_dataset",
    "load_descriptor",
    "to_yaml",
]
