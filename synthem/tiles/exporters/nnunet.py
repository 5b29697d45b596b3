"""nnU-Net's raw layout (version 2): one picture and one label picture for each row, and `dataset.json`.

nnU-Net reads one number for each pixel. Every combination of classes that occurs in the dataset is one number, and a
class is the list of numbers that contain it: what nnU-Net calls regions. Where no classes overlap that comes down to
one number for each class. `regions_class_order` gives each class the number of the most frequent combination in which
it is the last: a predicted mitochondrial boundary is written as boundary and mitochondrion.

nnU-Net expects the folder to be called `DatasetNNN_Name`; name `out` so. Splits other than `test` are put together in
`imagesTr` (nnU-Net makes its own folds); `rows.csv` keeps them apart.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthem.tiles import codec
from synthem.tiles.exporters.rows import Advance, Plan, Rows


def write(rows: Rows, folder: Path, advance: Advance) -> Plan:
    """`imagesTr`, `labelsTr` and, where there is a split `test`, `imagesTs` and `labelsTs`."""
    values, counts = combinations(rows)
    table = np.zeros(np.iinfo(rows.classes.dtype).max + 1, np.uint8 if len(values) < 256 else np.uint16)
    table[values] = np.arange(len(values))
    ends = ["Ts" if split == "test" else "Tr" for split in rows.splits]
    for end in {"Tr", *ends}:
        (folder / f"images{end}").mkdir()
        (folder / f"labels{end}").mkdir()
    for row, end in enumerate(ends):
        name = rows.names[row]
        (folder / f"images{end}" / f"{name}_0000.png").write_bytes(codec.encode(rows.dataset.image(row)))
        (folder / f"labels{end}" / f"{name}.png").write_bytes(codec.encode(table[rows.stored(row)]))
        advance(1)
    labels, order = regions(rows, values, counts)
    colour = bool(len(rows)) and rows.dataset.image(0).ndim == 3
    content: dict[str, Any] = {
        "channel_names": {"0": "R", "1": "G", "2": "B"} if colour else {"0": "grey"},
        "labels": {"background": 0, **labels},
        "numTraining": ends.count("Tr"),
        "file_ending": ".png",
    }
    if order is not None:
        content["regions_class_order"] = order
    (folder / "dataset.json").write_text(json.dumps(content, indent=2) + "\n")
    places = {"kind": "labels", "at": "labels{split}/*.png", "values": labels}
    splits = {"train" if end == "Tr" else "test": end for end in dict.fromkeys(ends)}
    files = [f"images{end}/{name}_0000.png" for end, name in zip(ends, rows.names, strict=True)]
    return Plan(rows.descriptor("images{split}/*_0000.png", places, splits), files)


def combinations(rows: Rows) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Stored values that occur, in order, and how many pixels have each.

    0 is among them in any case, and so is the value of every class that never occurs, so that nnU-Net knows of it.
    """
    counts = np.zeros(np.iinfo(rows.classes.dtype).max + 1, np.int64)
    for row in range(len(rows)):
        counts += np.bincount(rows.stored(row).ravel(), minlength=len(counts))
    values = np.flatnonzero(counts)
    held = rows.classes.unpack(values[None])[:, 0]
    alone = rows.classes.pack(np.eye(len(rows.classes), dtype=np.bool_)[:, None])[0]
    every = np.union1d(np.append(values, 0), alone[~held.any(axis=1)]).astype(np.int64)
    return every, counts[every]


def regions(
    rows: Rows, values: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> tuple[dict[str, int | list[int]], list[int] | None]:
    """`labels` of `dataset.json`, and `regions_class_order`, which is None where no classes overlap."""
    held = rows.classes.unpack(values[None])[:, 0]
    numbers = [np.flatnonzero(line).tolist() for line in held]
    if int(held.sum(axis=0).max(initial=0)) <= 1:
        return {name: line[0] for name, line in zip(rows.classes.names, numbers, strict=True)}, None
    last = len(held) - 1 - held[::-1].argmax(axis=0)
    order = []
    for c, line in enumerate(numbers):
        ending = [n for n in line if last[n] == c] or line
        order.append(max(ending, key=lambda n: (counts[n], -n)))
    return dict(zip(rows.classes.names, numbers, strict=True)), order
