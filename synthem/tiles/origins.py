"""Where the pictures of a dataset are from, and under which licences: what decides whether it may be published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from synthem.tiles.dataset import TileDataset


@dataclass(frozen=True)
class Origin:
    """One source of pictures and labels. `synthem.json` lists those of a derived dataset under `origins`."""

    kind: Literal["real", "synthetic"]
    name: str
    images: str | None = None
    """Licence of real images as their descriptor names it; None where none is stated."""
    labels: str | None = None
    """Licence of their labels, likewise."""
    where: str = ""
    """Where they are from; of tiles, what they were drawn with."""
    citation: str = ""

    def to_json(self) -> dict[str, Any]:
        """As `synthem.json` holds it."""
        return asdict(self)


def origins(dataset: TileDataset) -> list[Origin]:
    """What a dataset is made of: what it declares, else what follows from its rows.

    Real rows without a word about licences count as real pictures whose licence nobody knows.
    """
    meta = dataset.meta
    if "origins" in meta:
        return [Origin(**declared) for declared in meta["origins"]]
    sources = set(dataset.column("source"))
    found = []
    if "real" in sources:
        licences = meta.get("licences") or {}
        name = str(meta.get("name") or next(iter(dataset.column("dataset")), dataset.folder.name))
        found.append(
            Origin(
                "real",
                name,
                licences.get("images"),
                licences.get("labels"),
                str(meta.get("where") or ""),
                str(meta.get("citation") or ""),
            )
        )
    if sources - {"real"}:
        names = [name for name, source in zip(dataset.column("dataset"), dataset.column("source"), strict=True)]
        found.append(Origin("synthetic", str(meta.get("name") or names[0]), where=_drawing(meta)))
    return found


def _drawing(meta: Mapping[str, Any]) -> str:
    """Recipe, seed, versions and command of tiles, as far as they were recorded."""
    parts = {
        "recipe of fingerprint": meta.get("recipe_fingerprint"),
        "seed": meta.get("seed"),
        "generator version": meta.get("generator_version"),
        "command": meta.get("command"),
        **(meta.get("versions") or {}),
    }
    return ", ".join(f"{what} `{value}`" for what, value in parts.items() if value not in (None, ""))


def joined(datasets: Iterable[TileDataset]) -> list[Origin]:
    """The origins of several datasets, each once."""
    return list(dict.fromkeys(origin for dataset in datasets for origin in origins(dataset)))
