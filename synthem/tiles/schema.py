"""The table of tiles: its columns, as Arrow and as Hugging Face `datasets` describe them."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from synthem.classes import Classes

ORGANELLES = ("axon", "mitochondrion", "psd", "vesicles", "debris", "process")
"""Built-in organelles that `requested` and `placed` count; those of other packages are in `scene`."""

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_TYPES = {
    "string": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
}

Features = dict[str, Any]


def features(classes: Classes) -> Features:
    """Columns in order, in the notation of `datasets.Features.to_dict`."""

    def value(dtype: str) -> Features:
        return {"dtype": dtype, "_type": "Value"}

    per_class = {name: value("int32") for name in classes.names}
    per_organelle = {name: value("int32") for name in ORGANELLES}
    return {
        "image": {"_type": "Image"},
        "mask": {"_type": "Image"},
        "instances": {"_type": "Image"},
        "source": value("string"),
        "dataset": value("string"),
        "split": value("string"),
        "layer": value("string"),
        "y": value("int32"),
        "x": value("int32"),
        "nm_per_px": value("float32"),
        "count": per_class,
        "area_px": dict(per_class),
        "requested": per_organelle,
        "placed": dict(per_organelle),
        "scene": value("string"),
        "recipe": value("string"),
        "seed": value("int64"),
        "index": value("int64"),
    }


def schema(columns: Features) -> pa.Schema:
    """The Arrow schema of some columns, with the metadata by which `datasets` knows its features again."""

    def arrow(feature: Features) -> pa.DataType:
        kind = feature.get("_type")
        if kind == "Image":
            return _IMAGE
        if kind == "Value":
            return _TYPES[feature["dtype"]]
        return pa.struct([(name, arrow(inner)) for name, inner in feature.items()])

    metadata = {"huggingface": json.dumps({"info": {"features": columns}})}
    return pa.schema([(name, arrow(feature)) for name, feature in columns.items()], metadata=metadata)


def picture(data: bytes | None) -> dict[str, bytes | None] | None:
    """One cell of an image column."""
    return None if data is None else {"bytes": data, "path": None}
