"""Datasets that lie on the Hugging Face Hub: `hub:me/name@tag` wherever a command takes a folder.

A copy in synthem's own layout is kept in the cache, one for each commit, and is checked against the fingerprint that
was published. A tag or a commit that was fetched once needs no network; a name without one asks what is newest.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from synthem.classes import Classes
from synthem.errors import SynthemError
from synthem.tiles import codec
from synthem.tiles.fresh import fresh_folder
from synthem.tiles.hub_errors import speaking_of
from synthem.tiles.shards import Row, ShardWriter, write_atomically

PREFIX = "hub:"
DATA = "data"
"""Folder of the Parquet files in a repository."""
ABOUT = "synthem.json"
"""What a repository declares beside them; `runs` are the splits in the order of the rows: `[["train", 63], …]`."""
_ONLY_PUBLISHED = ("runs", "rows", "fingerprint", "card")


@dataclass(frozen=True)
class Address:
    """A dataset on the Hub."""

    repo: str
    """Such as `me/tiles`."""
    revision: str = ""
    """A tag, a branch or a commit; empty for the newest state."""

    def __str__(self) -> str:
        return f"{PREFIX}{self.repo}" + (f"@{self.revision}" if self.revision else "")

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `hub:me/name` or `hub:me/name@tag`.

        Raises:
            SynthemError: another form.
        """
        repo, at, revision = text.removeprefix(PREFIX).partition("@")
        check_name(repo, text)
        if at and not revision:
            raise SynthemError(f"{text}: names no tag after @; write {PREFIX}{repo}@v1, or leave out @")
        return cls(repo, revision)


def check_name(repo: str, place: str) -> None:
    """Check that a dataset on the Hub can have a name; `place` is where it stands, for the error.

    Raises:
        SynthemError: it can't.
    """
    parts = repo.split("/")
    fine = all(re.fullmatch(r"(?!.*(--|\.\.))\w([\w.-]{0,94}\w)?", part, re.ASCII) for part in parts)
    if len(parts) != 2 or not fine or repo.endswith(".git"):
        raise SynthemError(f"{place}: {repo!r} is no name on the Hub; write me/name, of letters, digits, -, _ and .")


def on_hub(name: str | Path) -> bool:
    """Whether a name means a dataset on the Hub."""
    return str(name).startswith(PREFIX)


def local(name: str | Path) -> Path:
    """The folder of a dataset: the one that is named, or a copy of the one on the Hub.

    Raises:
        SynthemError: the Hub can't be reached or holds no such dataset.
    """
    return fetch(Address.parse(str(name))) if on_hub(name) else Path(name)


def cache_folder() -> Path:
    """Where copies are kept: `$SYNTHEM_CACHE`, else `synthem` in the user's folder for caches."""
    named = os.environ.get("SYNTHEM_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "synthem"


def fetch(address: Address) -> Path:
    """Copy a dataset from the Hub into the cache, once for each commit.

    Raises:
        SynthemError: it can't be reached, isn't there, wasn't published by synthem, or isn't what was published.
    """
    place = cache_folder() / "hub" / address.repo
    commit = _commit(address, place / "tags")
    folder = place / commit
    if (folder / ABOUT).is_file():
        return folder
    parts = place / f".{commit}.parts"
    with speaking_of(str(address)):
        from huggingface_hub import snapshot_download

        wanted = [ABOUT, "README.md", f"{DATA}/*.parquet"]
        snapshot_download(
            address.repo, repo_type="dataset", revision=commit, allow_patterns=wanted, local_dir=str(parts)
        )
    if not (parts / ABOUT).is_file():
        shutil.rmtree(parts)
        raise SynthemError(f"{address}: wasn't published by synthem; load it with `datasets` and import its pictures")
    try:
        with fresh_folder(folder) as built:
            convert(parts, built, str(address))
    except OSError:
        if not (folder / ABOUT).is_file():  # else another process was faster
            raise
    shutil.rmtree(parts, ignore_errors=True)
    return folder


def _commit(address: Address, tags: Path) -> str:
    """The number of the commit that an address means; that of a tag is remembered, for tags don't move."""
    if re.fullmatch("[0-9a-f]{40}", address.revision):
        return address.revision
    known = tags / quote(address.revision, safe="")
    if address.revision and known.is_file():
        return known.read_text()
    with speaking_of(str(address)):
        from huggingface_hub import HfApi

        api = HfApi()
        commit = str(api.repo_info(address.repo, repo_type="dataset", revision=address.revision or None).sha)
        released = {tag.name for tag in api.list_repo_refs(address.repo, repo_type="dataset").tags}
    if address.revision in released:
        tags.mkdir(parents=True, exist_ok=True)
        write_atomically(known, commit)
    return commit


def convert(parts: Path, built: Path, name: str) -> None:
    """Parquet files of each split as one dataset folder, its rows in their first order.

    Raises:
        SynthemError: they aren't what was published.
    """
    try:
        _convert(parts, built, name)
    except SynthemError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError):
        raise SynthemError(f"{name}: its files aren't those that synthem published; publish it again") from None


def _convert(parts: Path, built: Path, name: str) -> None:
    meta = dict(json.loads((parts / ABOUT).read_text()))
    Classes.from_json(meta["classes"])
    header = {key: value for key, value in meta.items() if key not in _ONLY_PUBLISHED}
    readers = {split: _Rows(parts / DATA, split) for split in dict(meta["runs"])}
    columns = readers[meta["runs"][0][0]].columns
    with ShardWriter(built, columns, header, (parts / "README.md").read_text()) as writer:
        for split, number in meta["runs"]:
            for _ in range(number):
                row = next(readers[split].rows, None)
                if row is None:
                    break
                cells = (row[column] for column in ("image", "mask", "instances"))
                planes = [None if cell is None else codec.decode(cell["bytes"]) for cell in cells]
                writer.append(row, codec.digest(*planes))
    if writer.fingerprint != meta["fingerprint"]:
        raise SynthemError(f"{name}: its pixels aren't those that were published; publish it again")


class _Rows:
    """The rows of one split, file by file."""

    def __init__(self, folder: Path, split: str) -> None:
        import pyarrow.parquet as pq

        self._files = [pq.ParquetFile(path) for path in sorted(folder.glob(f"{split}-[0-9]*-of-*.parquet"))]
        self.rows = self._read()

    @property
    def columns(self) -> dict[str, Any]:
        metadata = self._files[0].schema_arrow.metadata
        return dict(json.loads(metadata[b"huggingface"])["info"]["features"])

    def _read(self) -> Iterator[Row]:
        for file in self._files:
            for batch in file.iter_batches(batch_size=64):
                yield from pa.Table.from_batches([batch]).to_pylist()
