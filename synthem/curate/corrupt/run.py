"""A dataset with corrupted labels, and how far they are from the true ones."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthem.curate.check.labels import disjoint_pairs
from synthem.curate.corrupt.objects import Corruption, corrupt_masks
from synthem.curate.names import TRAIN
from synthem.curate.rewrite import check_free
from synthem.errors import SynthemError
from synthem.seeds import stream
from synthem.tiles import codec
from synthem.tiles.dataset import TileDataset
from synthem.tiles.measure import measure
from synthem.tiles.pool import one_thread
from synthem.tiles.schema import features, picture
from synthem.tiles.shards import Row, ShardWriter, write_atomically


@dataclass(frozen=True)
class Corrupted:
    """What was written."""

    folder: Path
    rows: int
    changed: int
    """Rows whose masks are not what they were."""
    agreement: dict[str, float | None]
    """Dice of the corrupted against the true masks of each class, over the rows that were to be corrupted; None where a
    class is in neither."""


def corrupt(
    dataset: TileDataset | str | Path,
    out: str | Path,
    corruptions: Sequence[Corruption],
    *,
    of: str | None = TRAIN,
    layers: Collection[str] | None = None,
    seed: int = 0,
    advance: Callable[[int], object] = lambda n: None,
) -> Corrupted:
    """Write a dataset with the same images and corrupted masks.

    What was done is recorded in its `synthem.json` under `corruption`. Counts and areas are those of the new masks; a
    row whose masks changed has no `instances`, and keeps its scene, which tells the truth.

    Args:
        dataset: whose labels are corrupted.
        out: a new folder.
        corruptions: are applied one after the other.
        of: the split that is corrupted, so that test labels stay true; None corrupts all rows.
        layers: whose rows are written, each as it is without the others; None for all.
        seed: of everything that is drawn.
        advance: called with the number of rows that were written since the last call.

    Raises:
        SynthemError: nothing to do, a corruption that doesn't fit the classes, or a folder that is taken.
    """
    held = dataset if isinstance(dataset, TileDataset) else TileDataset.open(dataset)
    out = Path(out)
    if not corruptions:
        raise SynthemError("name at least one error, such as --grow 2 or --leave-out 0.1")
    for corruption in corruptions:
        corruption.check(held.classes)
    if of is not None and of not in held.column("split"):
        known = ", ".join(sorted(set(held.column("split")))) or "no rows"
        raise SynthemError(f"{held.folder}: no split {of!r} to corrupt; it has {known}")
    check_free(out)
    tally = _Tally(len(held.classes))
    about: dict[str, Any] = {
        "of": held.fingerprint,
        "split": of,
        "seed": seed,
        "steps": [corruption.to_json() for corruption in corruptions],
    }
    kept = [i for i, name in enumerate(held.column("layer")) if layers is None or name in layers]
    header = {k: v for k, v in held.meta.items() if k not in ("rows", "fingerprint", "shards")}
    header |= _listed(held, {held.column("layer")[i] for i in kept}) | {"kind": "corrupted", "corruption": about}
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with one_thread(), ShardWriter(fresh, features(held.classes), header, "") as writer:
            for row, digest in _rows(held, kept, corruptions, of, seed, tally):
                writer.append(row, digest)
                advance(1)
        done = Corrupted(out, len(kept), tally.changed, tally.dice(held.classes.names))
        told = json.loads((fresh / "synthem.json").read_text())
        told["corruption"]["agreement"] = done.agreement
        write_atomically(fresh / "synthem.json", json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        write_atomically(fresh / "README.md", _card(held, about, done))
        fresh.replace(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return done


class _Tally:
    """Pixels of true and corrupted masks, class by class."""

    def __init__(self, classes: int) -> None:
        self.changed = 0
        self._both = np.zeros(classes, np.int64)
        self._sum = np.zeros(classes, np.int64)

    def add(self, before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]) -> None:
        self.changed += not np.array_equal(before, after)
        self._both += (before & after).sum(axis=(1, 2))
        self._sum += before.sum(axis=(1, 2)) + after.sum(axis=(1, 2))

    def dice(self, names: Sequence[str]) -> dict[str, float | None]:
        pairs = zip(names, self._both.tolist(), self._sum.tolist(), strict=True)
        return {name: round(2 * both / total, 6) if total else None for name, both, total in pairs}


def _listed(held: TileDataset, kept: Collection[str]) -> dict[str, Any]:
    """What `synthem.json` says of layers, of those that are kept."""
    meta = held.meta
    chosen = {name: [n for n in names if n in kept] for name, names in (meta.get("selections") or {}).items()}
    listed = {
        "layers": [layer for layer in meta.get("layers") or () if layer["name"] in kept],
        "order": [name for name in meta.get("order") or () if name in kept],
        "selections": {name: names for name, names in chosen.items() if names},
    }
    return {key: value for key, value in listed.items() if key in meta}


def _rows(
    held: TileDataset,
    kept: Sequence[int],
    corruptions: Sequence[Corruption],
    of: str | None,
    seed: int,
    tally: _Tally,
) -> Iterator[tuple[Row, bytes]]:
    disjoint = disjoint_pairs(held.classes, held.meta)
    if held.classes.storage == "index":
        disjoint = disjoint_pairs(held.classes, {"overlaps": []})
    palette = held.classes.palette()
    for i in kept:
        row = held.row(i)
        image, stored, instances = held.image(i), held.stored(i), held.instances(i)
        if of is None or row["split"] == of:
            before = held.classes.unpack(stored)
            masks = before
            for step, corruption in enumerate(corruptions):
                rng, bias = stream(seed, "corrupt", step, "row", i), stream(seed, "corrupt", step, "bias")
                masks = corrupt_masks(masks, corruption, held.classes, disjoint, rng, bias)
            tally.add(before, masks)
            if not np.array_equal(before, masks):
                stored, instances = held.classes.pack(masks), None
                row["count"], row["area_px"] = measure(stored, held.classes)
        cells = {
            "image": picture(codec.encode(image)),
            "mask": picture(codec.encode(stored, palette)),
            "instances": picture(None if instances is None else codec.encode(instances)),
        }
        yield row | cells, codec.digest(image, stored, instances)


def _card(held: TileDataset, about: dict[str, Any], done: Corrupted) -> str:
    steps = "\n".join(
        "- " + ", ".join(f"{key} {value}" for key, value in step.items() if value not in (None, [], False))
        for step in about["steps"]
    )
    scores = "\n".join(
        f"| {name} | {'–' if dice is None else f'{dice:.3f}'} |" for name, dice in done.agreement.items()
    )
    which = "all rows" if about["split"] is None else f"the rows of split `{about['split']}`"
    return (
        f"# {held.meta.get('name', held.folder.name)}, with corrupted labels\n\n"
        f"The images are those of the dataset with fingerprint `{about['of']}`; the masks of {which} have these errors "
        f"in them, seed {about['seed']}:\n\n{steps}\n\nDice of the corrupted against the true masks:\n\n"
        f"| class | Dice |\n|---|---|\n{scores}\n"
    )
