"""The text that lies beside an imported dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from synthem.classes import Classes
from synthem.tiles.importers.descriptor import Descriptor
from synthem.tiles.importers.order import Layer
from synthem.tiles.importers.problems import Problem


def card(descriptor: Descriptor, classes: Classes, layers: Sequence[Layer], problems: Sequence[Problem]) -> str:
    """`README.md` of an imported dataset."""
    splits = Counter(layer.split for layer in layers)
    lines = [f"# {descriptor.title or descriptor.name}", ""]
    if descriptor.description:
        lines += [descriptor.description.strip(), ""]
    lines += [
        "| | |",
        "|---|---|",
        f"| layers | {', '.join(f'{count} {name}' for name, count in splits.items())} |",
        f"| classes | {', '.join(classes.names)} |",
        f"| pixel size | {_size(descriptor)} |",
        f"| licence of the images | {descriptor.licences.images or 'none stated'} |",
        f"| licence of the labels | {descriptor.licences.labels or 'none stated'} |",
    ]
    if descriptor.where:
        lines.append(f"| from | {descriptor.where} |")
    lines += ["", f"{len(problems)} problems of the files are listed in `synthem.json`.", ""]
    if descriptor.citation:
        lines += [descriptor.citation.strip(), ""]
    lines += ["Imported by `synthem import`; `datasets.load_from_disk` opens this folder.", ""]
    return "\n".join(lines)


def _size(descriptor: Descriptor) -> str:
    return "that of each file" if descriptor.nm_per_px is None else f"{descriptor.nm_per_px:g} nm"
