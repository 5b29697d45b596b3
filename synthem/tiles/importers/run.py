"""Importing: from the files of a real data set to one dataset folder of whole layers.

Besides what every dataset has, `synthem.json` of an imported one holds these keys:

- `kind`: `imported`; `source`: `descriptor`, the fingerprint of the descriptor
- `name`, `title`, `description`, `where`, `citation`
- `licences`: `images` and `labels`, each a name or null
- `unknown_classes`: classes that nobody labelled in these layers
- `layers`: for each row its `name`, `split`, `volume` and `z` (null where layers aren't slices of a volume)
- `order`: names of all layers outside `test` in their nested order; a set of k real layers is its first k
- `selections`: named lists of layers
- `problems`: what didn't fit, as rows of `file`, `what` and `done`
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synthem.classes import Classes
from synthem.errors import SynthemError
from synthem.tiles import codec
from synthem.tiles.fresh import check_free, fresh_folder
from synthem.tiles.importers.card import card
from synthem.tiles.importers.descriptor import Descriptor, load_descriptor
from synthem.tiles.importers.levels import to_image
from synthem.tiles.importers.order import Layer, nested
from synthem.tiles.importers.pictures import Picture, Unreadable
from synthem.tiles.importers.problems import Problem, Problems, Refused, Unfit, as_json
from synthem.tiles.importers.splits import OpenSplit, open_splits, report_strays
from synthem.tiles.measure import measure
from synthem.tiles.schema import features, picture
from synthem.tiles.shards import Row, ShardWriter, write_atomically


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    folder: Path
    layers: list[Layer]
    problems: list[Problem]
    fingerprint: str
    existed: bool
    """The folder held the very same dataset already."""

    def summary(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "out": str(self.folder),
            "layers": len(self.layers),
            "splits": dict(Counter(layer.split for layer in self.layers)),
            "fingerprint": self.fingerprint,
            "existed": self.existed,
            "problems": as_json(self.problems),
        }


def import_dataset(
    descriptor: Descriptor | str | Path,
    root: str | Path | None,
    out: str | Path,
    *,
    strict: bool = False,
    advance: Callable[[int], object] = lambda n: None,
) -> Imported:
    """Import whole layers into a dataset folder; nothing is written unless all goes well.

    Args:
        descriptor: what the data are, or a YAML file that says so.
        root: the folder that places are relative to; None for the folder of the YAML file.
        out: a new or empty folder, or one that holds the same import already.
        strict: refuse what doesn't fit instead of listing it.
        advance: called with 1 after each layer.

    Raises:
        SynthemError: data or descriptor that can't be used; `Refused`, which carries the table, with `strict`.
    """
    if not isinstance(descriptor, Descriptor):
        root = Path(descriptor).parent if root is None else root
        descriptor = load_descriptor(descriptor)
    if root is None or not Path(root).is_dir():
        raise SynthemError(f"{root}: there is no such folder; name the data's folder with --root")
    root, out = Path(root).resolve(), Path(out)
    splits = open_splits(descriptor, root)
    classes = descriptor.table(splits[0].reader.names)
    header = _header(descriptor, classes)
    held = _held(out, header)
    problems = Problems()
    layers: list[Layer] = []
    with fresh_folder(out, keep=held is None) as built:
        with ShardWriter(built, features(classes), header, "") as writer:
            for split in splits:
                for layer, row, digest in _read(split, descriptor, classes, problems):
                    writer.append(row, digest)
                    layers.append(layer)
                    advance(1)
        report_strays(splits, root, problems)
        rows = problems.rows()
        if strict and rows:
            raise Refused(rows)
        if not layers:
            raise SynthemError(f"{rows[0].file}: {rows[0].what}; so no layer of {root} can be used")
        _declare(built, descriptor, splits, layers, problems)
        rows = problems.rows()
        write_atomically(built / "README.md", card(descriptor, classes, layers, rows))
    if held not in (None, writer.fingerprint):
        raise SynthemError(
            f"{out}: holds an earlier import of files that have changed since; delete it or name another"
        )
    return Imported(out, layers, rows, writer.fingerprint, existed=held is not None)


def _header(descriptor: Descriptor, classes: Classes) -> dict[str, Any]:
    declared = descriptor.model_dump(mode="json")
    return {
        "kind": "imported",
        "synthem_version": version("synthem"),
        "classes": classes.to_json(),
        "source": {"descriptor": descriptor.fingerprint()},
        **{key: declared[key] for key in ("name", "title", "description", "where", "citation", "licences")},
        "unknown_classes": list(descriptor.unknown_classes),
    }


def _held(out: Path, header: dict[str, Any]) -> str | None:
    """Fingerprint of the pixels of an earlier import by the same descriptor; None where the folder is free.

    Raises:
        SynthemError: it holds something else.
    """
    declared = out / "synthem.json"
    if declared.is_file():
        try:
            found = json.loads(declared.read_text())
        except ValueError:
            found = {}
        if found.get("source") == header["source"] and found.get("kind") == "imported":
            return str(found["fingerprint"])
    check_free(out)
    return None


def _read(
    split: OpenSplit, descriptor: Descriptor, classes: Classes, problems: Problems
) -> Iterator[tuple[Layer, Row, bytes]]:
    """The rows of one split; what can't be used is listed and left out."""
    palette = classes.palette()
    for key, layer in split.layers.items():
        file = split.images.file(key)
        try:
            stored_image = split.images.read(key)
            image = to_image(stored_image, descriptor.colour, descriptor.grey_range, problems.about(file))
            nm_per_px = _pixel_size(stored_image, descriptor.nm_per_px, file, problems)
            labelled = split.reader.read(key, image.shape[:2], classes, problems)
        except Unreadable as error:
            problems.add(file, str(error), "layer left out")
            continue
        except Unfit as error:
            problems.add(error.file or file, error.what, "layer left out")
            continue
        stored, instances = labelled.stored, labelled.instances
        count, area = measure(stored, classes)
        row = {
            "image": picture(codec.encode(image)),
            "mask": picture(codec.encode(stored, palette)),
            "instances": None if instances is None else picture(codec.encode(instances)),
            "source": "real",
            "dataset": descriptor.name,
            "split": layer.split,
            "layer": layer.name,
            "y": 0,
            "x": 0,
            "nm_per_px": nm_per_px,
            "count": count,
            "area_px": area,
            **dict.fromkeys(("requested", "placed", "scene", "recipe", "seed", "index")),
        }
        yield layer, row, codec.digest(image, stored, instances)


def _pixel_size(read: Picture, declared: float | None, file: str, problems: Problems) -> float | None:
    if read.nm is None:
        return declared
    y_nm, x_nm = read.nm
    if declared is None:
        if abs(y_nm - x_nm) > 0.01 * x_nm:
            raise Unfit(file, f"pixels aren't square: declare nm_per_px ({y_nm:g} x {x_nm:g} nm)")
        return x_nm
    if max(abs(y_nm - declared), abs(x_nm - declared)) > 0.01 * declared:
        problems.add(file, f"pixel size in its metadata differs ({y_nm:g} x {x_nm:g} nm)", f"{declared:g} nm is used")
    return declared


def _declare(
    built: Path, descriptor: Descriptor, splits: Sequence[OpenSplit], layers: Sequence[Layer], problems: Problems
) -> None:
    """Complete `synthem.json` by what only reading tells."""
    existing = {layer.name for split in splits for layer in split.layers.values()}
    kept = {layer.name for layer in layers}
    selections = {}
    for where, names in (("order", descriptor.order), *descriptor.selections.items()):
        for name in names:
            if name not in existing:
                raise SynthemError(f"{where}: no layer {name!r}; the layers are {', '.join(sorted(existing)[:5])}, …")
            if name not in kept:
                problems.add(name, f"layer that {where} names was left out", "the list is shorter by it")
        selections[where] = [name for name in names if name in kept]
    order = nested(layers, selections.pop("order"))
    path = built / "synthem.json"
    meta = json.loads(path.read_text())
    meta |= {
        "layers": [asdict(layer) for layer in layers],
        "order": order,
        "selections": selections,
        "problems": as_json(problems.rows()),
    }
    write_atomically(path, json.dumps(meta, indent=2, ensure_ascii=False) + "\n")
