"""A dataset as the files of a repository: Parquet for each split, the card, its picture, and what synthem declares."""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from synthem.curate.mix import Mix
from synthem.curate.mix.materialise import copied
from synthem.errors import SynthemError
from synthem.publish.card import PREVIEW, Facts, write, written
from synthem.publish.licences import check_licence
from synthem.show import contact_sheet
from synthem.tiles.dataset import TileDataset
from synthem.tiles.hub import ABOUT, DATA
from synthem.tiles.origins import joined, origins

SHARD_BYTES = 500_000_000
"""Bytes of rows in a Parquet file; what `push_to_hub` of `datasets` takes."""
SHOWN = 8
"""Pictures on the card."""
_SHOWN_PX = 256
"""Longest side of each."""


@contextmanager
def opened(folder: str | Path, repo: str, licence: str) -> Iterator[Facts]:
    """What is to be published: a dataset, or the windows of a mix with their pixels.

    Raises:
        SynthemError: nothing there that could be published.
    """
    check_licence(licence)
    title = repo.split("/")[-1]
    if not (Path(folder) / "mix.json").is_file():
        dataset = TileDataset.open(folder)
        title = str(dataset.meta.get("title") or title)
        yield Facts(repo, dataset, _splits(dataset), origins(dataset), licence, title)
        return
    mix = Mix.open(folder)
    with tempfile.TemporaryDirectory(prefix="synthem-") as scratch:
        dataset = copied(mix, Path(scratch))
        held = joined(source.dataset for source in mix.sources)
        yield Facts(repo, dataset, _splits(dataset), held, licence, title, mix.meta)


def write_repository(facts: Facts, folder: Path) -> None:
    """Write every file of the repository into an empty folder; the same dataset gives the same bytes."""
    rows = facts.dataset.to_datasets()
    splits = facts.dataset.column("split")
    (folder / DATA).mkdir()
    infos = []
    with _no_bars():
        for name in facts.splits:
            part = rows.select([i for i, split in enumerate(splits) if split == name])
            files = _write_split(part, folder / DATA, name)
            sizes = [path.stat().st_size for path in files]
            infos.append((name, len(part), _bytes(part), sum(sizes)))
    about = {key: value for key, value in facts.dataset.meta.items() if key != "shards"}
    about["origins"] = [origin.to_json() for origin in facts.origins]
    about["runs"] = [[name, len(list(run))] for name, run in groupby(splits)]
    card = write(facts, _generated(rows.features, infos))
    about["card"] = written(card)
    (folder / ABOUT).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n")
    (folder / PREVIEW).write_bytes(_preview(facts.dataset))
    (folder / "README.md").write_text(card)


def _splits(dataset: TileDataset) -> dict[str, int]:
    """Rows of each split.

    Raises:
        SynthemError: no rows, or a name that the Hub doesn't take.
    """
    if not len(dataset):
        raise SynthemError(f"{dataset.folder}: holds no pictures, so there is nothing to publish")
    splits = dict(Counter(dataset.column("split")))
    for name in splits:
        if not re.fullmatch(r"\w+(\.\w+)*", name):
            raise SynthemError(
                f"{dataset.folder}: split {name!r}: a split on the Hub has a name of letters, digits, _ and ."
            )
    return splits


def _write_split(rows: Any, folder: Path, name: str) -> list[Path]:
    """The Parquet files of one split, named and cut as `push_to_hub` does it."""
    number = _bytes(rows) // SHARD_BYTES + 1
    paths = [folder / f"{name}-{i:05d}-of-{number:05d}.parquet" for i in range(number)]
    for i, path in enumerate(paths):
        rows.shard(number, i, contiguous=True).to_parquet(str(path))
    return paths


def _bytes(rows: Any) -> int:
    """Bytes of some rows in memory, from their share of the table that they are chosen from."""
    return int(rows.data.nbytes * len(rows) / rows.data.num_rows)


def _generated(features: Any, infos: list[tuple[str, int, int, int]]) -> dict[str, Any]:
    """`configs` and `dataset_info` of the card: name, rows, bytes in memory and bytes on disk of each split."""
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    from datasets import DatasetInfo, SplitDict, SplitInfo

    splits = SplitDict({name: SplitInfo(name, held, rows) for name, rows, held, _ in infos})
    sizes = {"download_size": sum(disk for *_, disk in infos), "dataset_size": sum(held for _, _, held, _ in infos)}
    described = DatasetCardData()
    DatasetInfosDict(default=DatasetInfo(features=features, splits=splits, **sizes)).to_dataset_card_data(described)
    files = [{"split": name, "path": f"{DATA}/{name}-*"} for name, *_ in infos]
    return {"configs": [{"config_name": "default", "data_files": files}], "dataset_info": described["dataset_info"]}


def _preview(dataset: TileDataset) -> bytes:
    """A PNG of eight rows, evenly spread, beside their labels."""
    images, masks = [], []
    for i in np.unique(np.linspace(0, len(dataset) - 1, SHOWN).round().astype(int)).tolist():
        step = -(-max(dataset.size(i)) // _SHOWN_PX)
        images.append(dataset.image(i)[::step, ::step])
        masks.append(dataset.masks(i)[:, ::step, ::step])
    sheet = io.BytesIO()
    contact_sheet(images, masks, dataset.classes, columns=2).save(sheet, format="png")
    return sheet.getvalue()


@contextmanager
def _no_bars() -> Iterator[None]:
    """Without the progress bars of `datasets`: writing takes seconds, and there is one for each file."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    before = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not before:
            enable_progress_bars()
