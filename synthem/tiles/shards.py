"""Writing a dataset so that it can be killed at any moment, resumed, and extended.

A shard is one Arrow stream with one record batch. It is written to a temporary file and renamed; after each shard
`synthem.json`, `dataset_info.json` and `state.json` are renamed into place too, so at any moment the folder is a valid
dataset of what was finished. A shard is cut before the row that would take it over `shard_bytes`; going on means taking
the last shard's rows as the beginning of the next one, so an interrupted folder ends up equal to an uninterrupted one.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from synthem.errors import SynthemError
from synthem.tiles import codec
from synthem.tiles.schema import Features, schema

SHARD_BYTES = 64 * 2**20
IDENTITY = ("kind", "classes", "recipe_fingerprint", "seed", "generator_version", "source", "nm_per_px")
"""Keys of `synthem.json` that must agree for a folder to be gone on with."""

Row = dict[str, Any]


def write_atomically(path: Path, data: bytes | str) -> None:
    """Write a file under a temporary name, then rename it: readers see the old one or the new one, never half."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_bytes(data if isinstance(data, bytes) else data.encode())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class ShardWriter:
    """Appends rows to a dataset folder; used as a context manager, which also keeps other writers out.

    Args:
        folder: made where it is missing; otherwise it must hold the same dataset (see `IDENTITY`).
        columns: see `synthem.tiles.schema.features`.
        header: what `synthem.json` declares beside the shards; JSON values only.
        card: text of the dataset's `README.md`.
        shard_bytes: size of a shard, counted over its binary and text columns.

    Raises:
        SynthemError: the folder holds something else, or another process writes to it.
    """

    def __init__(
        self,
        folder: Path,
        columns: Features,
        header: Mapping[str, Any],
        card: str,
        shard_bytes: int = SHARD_BYTES,
    ) -> None:
        self.folder = Path(folder)
        self._columns, self._schema = columns, schema(columns)
        self._header, self._card = json.loads(json.dumps(header)), card
        self._shard_bytes = shard_bytes
        self._shards: list[dict[str, Any]] = []
        self._rows: list[Row] = []
        self._digests: list[bytes] = []
        self._bytes = 0
        self._started: pa.RecordBatch | None = None
        self._lock: Any = None

    def __enter__(self) -> Self:
        if self.folder.exists() and not self.folder.is_dir():
            raise SynthemError(f"{self.folder}: is a file; name a folder")
        self._made = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        self._check_identity()
        self._fresh = not (self.folder / "synthem.json").exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise SynthemError(
                f"{self.folder}: another process writes to it; wait for it or name another folder"
            ) from None
        try:
            self._resume()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None or issubclass(kind, KeyboardInterrupt):
                self._flush()
        finally:
            if self._fresh and not self._shards:
                (self.folder / "synthem.json").unlink(missing_ok=True)
            self._release()
            for path in self._made:
                with suppress(OSError):  # it holds something now
                    path.rmdir()

    def _release(self) -> None:
        (self.folder / ".lock").unlink(missing_ok=True)
        self._lock.close()

    def __len__(self) -> int:
        """Rows in the dataset so far, also those that wait for their shard to fill."""
        return sum(int(shard["rows"]) for shard in self._shards) + self._pending

    @property
    def fingerprint(self) -> str:
        """Of the pixels of all finished shards; final once the writer is closed."""
        return str(self._shards[-1]["fingerprint"]) if self._shards else ""

    def append(self, row: Row, digest: bytes) -> None:
        """Add one row; `digest` is `codec.digest` of its pixels."""
        size = _row_bytes(row)
        if self._pending and self._bytes + size > self._shard_bytes:
            self._flush()
        self._rows.append(row)
        self._digests.append(digest)
        self._bytes += size

    @property
    def _pending(self) -> int:
        return len(self._rows) + (int(self._started.num_rows) if self._started is not None else 0)

    def _check_identity(self) -> None:
        if not self.folder.exists():
            return
        declared = self.folder / "synthem.json"
        if not declared.exists():
            strangers = [p.name for p in self.folder.iterdir() if not p.name.startswith(".")]
            if strangers:
                raise SynthemError(
                    f"{self.folder}: holds something else ({sorted(strangers)[0]}, …); name an empty or a new folder"
                )
            return
        try:
            found = dict(json.loads(declared.read_text()))
        except (ValueError, TypeError):
            raise SynthemError(f"{declared}: can't be read as JSON; delete the folder or name another") from None
        for key in IDENTITY:
            if found.get(key) != self._header.get(key):
                what = key.replace("_", " ")
                raise SynthemError(f"{self.folder}: its dataset has another {what}; name another folder or delete it")

    def _resume(self) -> None:
        for leftover in self.folder.glob(".*.tmp"):
            leftover.unlink()
        declared = self.folder / "synthem.json"
        known = {s["file"]: s for s in json.loads(declared.read_text())["shards"]} if declared.exists() else {}
        before = ""
        files = sorted(self.folder.glob("data-*.arrow"))
        for number in range(max(len(files), len(known))):
            path = self.folder / f"data-{number:05d}.arrow"
            try:
                source = pa.memory_map(str(path))
                batch = pa.ipc.open_stream(source).read_next_batch()
            except (OSError, pa.ArrowInvalid, StopIteration) as error:
                raise SynthemError(f"{path}: can't be read ({error}); make the dataset again in a new folder") from None
            with source:
                shard = known.get(path.name)
                if shard is None or shard["rows"] != batch.num_rows:
                    shard = {"file": path.name, "rows": batch.num_rows}
                    shard["fingerprint"] = codec.chain(before, _digests_of(batch))
            self._shards.append(shard)
            before = shard["fingerprint"]
        if self._shards:
            last = self.folder / self._shards[-1]["file"]
            with pa.OSFile(str(last)) as source:
                batch = pa.ipc.open_stream(source).read_next_batch()
            size = _batch_bytes(batch)
            if size < self._shard_bytes or not batch.num_rows:
                self._started, self._bytes = batch, size
                self._open_shard = self._shards.pop()

    def _flush(self) -> None:
        """Write what waits as the next shard, then the three files that describe the folder."""
        number = len(self._shards)
        if self._rows or not (self._shards or self._started is not None):
            if not (self.folder / "synthem.json").exists():
                self._declare()  # first of all, so that a folder with a shard always says whose it is
            name = f"data-{number:05d}.arrow"
            rows, self._rows = self._rows, []  # given up as soon as Arrow holds them: a shard is in memory once
            batch = pa.RecordBatch.from_pylist(rows, schema=self._schema)
            del rows
            before = self.fingerprint
            if self._started is not None:
                joined = pa.Table.from_batches([self._started, batch]).combine_chunks().to_batches()
                batch, before = (joined or [batch])[0], self._open_shard["fingerprint"]
            self._write(name, batch)
            fingerprint = codec.chain(before, self._digests)
            self._shards.append({"file": name, "rows": batch.num_rows, "fingerprint": fingerprint})
        elif self._started is not None:
            self._shards.append(self._open_shard)
        self._rows, self._digests, self._started, self._bytes = [], [], None, 0
        self._describe()

    def _write(self, name: str, batch: pa.RecordBatch) -> None:
        temporary = self.folder / f".{name}.tmp"
        try:
            with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_stream(sink, self._schema) as stream:
                stream.write_batch(batch)
            temporary.replace(self.folder / name)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _describe(self) -> None:
        write_atomically(self.folder / "README.md", self._card)
        files = [shard["file"] for shard in self._shards]
        for name, content in hugging_face_files(self._columns, files, self.fingerprint).items():
            self._dump(name, content)
        self._declare()

    def _declare(self) -> None:
        about = {"rows": sum(s["rows"] for s in self._shards), "fingerprint": self.fingerprint, "shards": self._shards}
        self._dump("synthem.json", {**self._header, **about})

    def _dump(self, name: str, content: Mapping[str, Any]) -> None:
        write_atomically(self.folder / name, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def hugging_face_files(columns: Features, shards: list[str], fingerprint: str) -> dict[str, dict[str, Any]]:
    """The two files beside the shards by which `datasets.load_from_disk` knows a folder: name → content."""
    info = {"citation": "", "description": "", "features": columns, "homepage": "", "license": ""}
    state: dict[str, Any] = {
        "_data_files": [{"filename": name} for name in shards],
        "_fingerprint": (fingerprint or "0" * 16)[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    return {"dataset_info.json": info, "state.json": state}


def write_rows(
    folder: Path, columns: Features, header: Mapping[str, Any], card: str, rows: Iterable[tuple[Row, bytes]]
) -> str:
    """Write a whole dataset at once; gives its fingerprint."""
    with ShardWriter(folder, columns, header, card) as writer:
        for row, digest in rows:
            writer.append(row, digest)
    return writer.fingerprint


def _row_bytes(row: Row) -> int:
    size = 0
    for value in row.values():
        if isinstance(value, dict) and "bytes" in value:
            size += len(value["bytes"])
        elif isinstance(value, str):
            size += len(value)
    return size


def _batch_bytes(batch: pa.RecordBatch) -> int:
    return sum(_row_bytes(row) for row in batch.to_pylist())


def _digests_of(batch: pa.RecordBatch) -> list[bytes]:
    def plane(cell: dict[str, bytes] | None) -> Any:
        return None if cell is None else codec.decode(cell["bytes"])

    columns = [batch.column(name).to_pylist() for name in ("image", "mask", "instances") if name in batch.schema.names]
    return [codec.digest(*(plane(cell) for cell in cells)) for cells in zip(*columns, strict=True)]
