"""The same pixels in a new dataset folder, with another column: what a split is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from synthem.errors import SynthemError
from synthem.tiles.dataset import TileDataset
from synthem.tiles.shards import hugging_face_files, write_atomically


def rewrite_split(dataset: TileDataset, out: Path, split: Sequence[str], changes: Mapping[str, Any], card: str) -> None:
    """Write a copy of a dataset whose column `split` is another; nothing is decoded, and fingerprints stay.

    Args:
        dataset: what is copied, shard by shard.
        out: a folder that doesn't exist yet.
        split: (row,) the new column.
        changes: keys that change in `synthem.json`.
        card: its `README.md`.
    """
    out.mkdir(parents=True)
    start = 0
    shape = dataset.table.schema
    at = shape.get_field_index("split")
    for shard in dataset.meta["shards"]:
        part = dataset.table.slice(start, shard["rows"])
        values = pa.array(split[start : start + shard["rows"]], pa.string())
        fresh = part.set_column(at, shape.field(at), values).combine_chunks()
        batches = fresh.to_batches() or [pa.RecordBatch.from_pylist([], schema=shape)]
        with pa.OSFile(str(out / shard["file"]), "wb") as sink, pa.ipc.new_stream(sink, shape) as stream:
            stream.write_batch(batches[0])
        start += shard["rows"]
    columns = json.loads(shape.metadata[b"huggingface"])["info"]["features"]
    files = hugging_face_files(columns, [shard["file"] for shard in dataset.meta["shards"]], dataset.fingerprint)
    for name, content in {**files, "synthem.json": {**dataset.meta, **changes}}.items():
        write_atomically(out / name, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    write_atomically(out / "README.md", card)


def check_free(out: Path) -> None:
    """Make sure that a folder is new or empty.

    Raises:
        SynthemError: it is a file, or holds something.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SynthemError(f"{out}: holds something already; name a new or an empty folder")
