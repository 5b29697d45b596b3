"""Shards: whatever kills the writer, the same command ends with the same files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from making import draw

import datasets
from synthem import SIX, SynthemError
from synthem.tiles import codec
from synthem.tiles.dataset import TileDataset
from synthem.tiles.measure import measure
from synthem.tiles.schema import features, picture
from synthem.tiles.shards import Row, ShardWriter, write_atomically

HEADER = {"kind": "generated", "classes": SIX.to_json(), "seed": 0, "source": "synthetic"}
N = 8


def make_row(index: int) -> tuple[Row, bytes]:
    image, stored = draw(0, index, (24, 20))
    count, area = measure(stored, SIX)
    row = dict.fromkeys(features(SIX)) | {
        "image": picture(codec.encode(image)),
        "mask": picture(codec.encode(stored, SIX.palette())),
        "source": "synthetic",
        "scene": "{}" * (index % 3),
        "count": count,
        "area_px": area,
        "index": index,
    }
    return row, codec.digest(image, stored, None)


ROWS = [make_row(i) for i in range(N)]
SHARD = 3 * len(ROWS[0][0]["image"]["bytes"])
"""Bytes of a shard of about two rows."""


def write(
    folder: Path,
    n: int = N,
    shard_bytes: int = SHARD,
    header: dict[str, Any] = HEADER,
    stopped_by: BaseException | None = None,
) -> str:
    with ShardWriter(folder, features(SIX), header, "a card\n", shard_bytes) as writer:
        for row, digest in ROWS[len(writer) : n]:
            writer.append(row, digest)
        if stopped_by is not None:
            raise stopped_by
    return writer.fingerprint


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    write(tmp_path / "whole")
    return tmp_path / "whole"


def test_what_is_written_is_read(whole: Path):
    data = TileDataset.open(whole)
    assert [data.row(i)["index"] for i in range(len(data))] == list(range(N))
    for i, (row, digest) in enumerate(ROWS):
        assert codec.digest(data.image(i), data.stored(i), data.instances(i)) == digest
        assert data.row(i)["area_px"] == row["area_px"]
    assert data.fingerprint == codec.chain("", [digest for _, digest in ROWS])


def test_hugging_face_reads_the_same_rows(whole: Path):
    loaded = datasets.load_from_disk(str(whole))
    assert isinstance(loaded, datasets.Dataset)
    assert loaded["index"][:] == list(range(N))
    assert loaded.features.to_dict() == datasets.Features.from_dict(features(SIX)).to_dict()
    assert loaded[3]["mask"].mode == "P"
    assert loaded.data.column("image").to_pylist() == [row["image"] for row, _ in ROWS]


def test_the_folder_holds_what_the_contract_says_and_no_more(whole: Path):
    names = set(files(whole))
    shards = {name for name in names if name.endswith(".arrow")}
    assert names - shards == {"README.md", "dataset_info.json", "state.json", "synthem.json"}
    assert shards == {f"data-{k:05d}.arrow" for k in range(len(shards))}
    assert len(shards) > 3
    assert all(len(data) < SHARD + 20_000 for name, data in files(whole).items() if name in shards)
    about = json.loads((whole / "synthem.json").read_text())
    assert about["rows"] == N == sum(shard["rows"] for shard in about["shards"])


@pytest.mark.parametrize("steps", [[0, N], [1, 2, 3, N], [5, N], [N, N], [6, 3, N]])
def test_going_on_ends_with_the_files_of_one_go(whole: Path, tmp_path: Path, steps):
    for n in steps:
        write(tmp_path / "steps", n)
    assert files(tmp_path / "steps") == files(whole)


def test_the_size_of_shards_changes_no_fingerprint(tmp_path: Path):
    sizes = [1, SHARD, 2 * SHARD, 2**26]
    assert len({write(tmp_path / str(size), shard_bytes=size) for size in sizes}) == 1
    assert len(list((tmp_path / "1").glob("*.arrow"))) == N


def killed_at(folder: Path, rename: int, before: bool) -> bool:
    """Whether a writer in a process of its own got to that rename, where it dies as by `kill -9`."""
    child = os.fork()
    if child == 0:
        renames = iter(range(rename + 1))
        replace = Path.replace

        def deadly(self: Path, target: Path) -> Path:
            last = next(renames) == rename
            if last and before:
                os._exit(9)
            result = replace(self, target)
            if last:
                os._exit(9)
            return result

        Path.replace = deadly  # type: ignore[method-assign]
        write(folder)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_kill_at_any_rename_is_made_good_by_the_same_command(whole: Path, tmp_path: Path, before):
    rename = 0
    while killed_at(folder := tmp_path / f"killed-{rename}", rename, before):
        if (folder / "state.json").exists():
            loaded = datasets.load_from_disk(str(folder))
            assert loaded["index"][:] == list(range(len(loaded)))
        write(folder)
        assert files(folder) == files(whole), f"killed at rename {rename}"
        rename += 1
    assert rename >= 4 * 5


def test_killed_again_and_again_it_still_arrives(whole: Path, tmp_path: Path):
    for rename in (0, 3, 6, 2, 1, 7):
        killed_at(tmp_path / "often", rename, rename % 2 == 0)
    write(tmp_path / "often")
    assert files(tmp_path / "often") == files(whole)


def test_what_was_finished_before_an_interrupt_is_kept(whole: Path, tmp_path: Path):
    folder = tmp_path / "interrupted"
    with pytest.raises(KeyboardInterrupt):
        write(folder, 5, stopped_by=KeyboardInterrupt())
    assert len(TileDataset.open(folder)) == 5
    write(folder)
    assert files(folder) == files(whole)


def test_an_error_before_the_first_shard_leaves_nothing(tmp_path: Path):
    with pytest.raises(SynthemError, match="no place"):
        write(tmp_path / "a" / "b" / "c", 1, stopped_by=SynthemError("no place"))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_what_was_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pyarrow.OSFile", full)
        with pytest.raises(OSError, match="No space"):
            write(tmp_path / "first")
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "more", 5)
    before = files(tmp_path / "more")
    with monkeypatch.context() as patch:
        patch.setattr("synthem.tiles.shards.ShardWriter._write", full)
        with pytest.raises(OSError, match="No space"):
            write(tmp_path / "more")
    assert files(tmp_path / "more") == before


def test_an_empty_dataset_has_one_shard_of_no_rows(tmp_path: Path):
    write(tmp_path, 0)
    assert len(list(tmp_path.glob("data-*.arrow"))) == 1
    assert len(TileDataset.open(tmp_path)) == 0
    loaded = datasets.load_from_disk(str(tmp_path))
    assert len(loaded) == 0
    assert "mask" in loaded.features


@pytest.mark.parametrize(
    ("key", "value"), [("seed", 1), ("kind", "imported"), ("source", "real"), ("classes", {"names": ["a"]})]
)
def test_another_dataset_is_not_gone_on_with(whole: Path, key, value):
    before = files(whole)
    with pytest.raises(SynthemError, match=f"another {key}"):
        write(whole, header={**HEADER, key: value})
    assert files(whole) == before


def test_other_things_are_left_alone(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SynthemError, match=r"holds something else \(notes\.txt"):
        write(tmp_path)
    assert files(tmp_path) == {"notes.txt": b"mine"}
    with pytest.raises(SynthemError, match="is a file; name a folder"):
        write(tmp_path / "notes.txt")


@pytest.mark.parametrize("text", ["{", "[1]", "3"])
def test_a_damaged_declaration_is_told(whole: Path, text):
    (whole / "synthem.json").write_text(text)
    with pytest.raises(SynthemError, match="can't be read as JSON"):
        write(whole)


@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_a_damaged_shard_is_told_and_nothing_is_added(whole: Path, damage):
    shard = whole / "data-00001.arrow"
    data = shard.read_bytes()
    shard.unlink()
    if damage != "missing":
        shard.write_bytes(b"" if damage == "empty" else data[: len(data) // 2])
    before = files(whole)
    with pytest.raises(SynthemError, match=r"data-00001\.arrow: can't be read"):
        write(whole, N)
    assert files(whole) == before


def test_two_writers_never_share_a_folder(tmp_path: Path):
    writer = ShardWriter(tmp_path / "one", features(SIX), HEADER, "")
    with writer, pytest.raises(SynthemError, match="another process writes to it"):
        write(tmp_path / "one")
    write(tmp_path / "one")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "file"
    write_atomically(target, "old")

    def fail(*_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no"):
        write_atomically(target, "new")
    assert files(tmp_path) == {"file": b"old"}
