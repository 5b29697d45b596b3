"""Every kind of fault is found where it was planted, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import making
import numpy as np
import pyarrow as pa
import pytest

from synthem.classes import SIX, Classes
from synthem.curate.check import KINDS, Limits, check, lines
from synthem.curate.mix import mix
from synthem.errors import SynthemError


def blank(size: tuple[int, int] = (128, 128), seed: int = 0) -> tuple[Any, Any]:
    """A textured picture with nothing labelled, (y, x), and its empty masks (class, y, x)."""
    return making.draw(100, seed, size)[0], np.zeros((len(SIX), *size), np.uint8)


def labelled(folder: Path, *changes: Any, source: str = "real", **about: Any) -> list[tuple[str, str]]:
    """Write a picture for each change of its masks; kind and places of what a check finds."""
    pictures = []
    for i, change in enumerate(changes):
        image, masks = blank(seed=i)
        change(masks)
        pictures.append((image, SIX.pack(masks)))
    making.write(folder, pictures, source=source, layers=[f"l{i}" for i in range(len(changes))], **about)
    return [(one.kind, name) for one in check(folder) for name in one.where]


def disc(c: str, y: int, x: int, size: int = 20) -> Any:
    def change(masks: Any) -> None:
        masks[SIX.index(c), max(y, 0) : y + size, max(x, 0) : x + size] = 1

    return change


def both(*changes: Any) -> Any:
    def change(masks: Any) -> None:
        for one in changes:
            one(masks)

    return change


def test_nothing_is_found_where_nothing_is_wrong(tmp_path: Path) -> None:
    fine = both(disc("mitochondrion", 20, 20, 40), disc("mitochondrial_boundary", 25, 25), disc("psd", 80, 80))
    assert labelled(tmp_path / "fine", fine, disc("axon", 50, 50)) == []
    assert lines([]) == ["nothing found"]


def test_constant_pictures(tmp_path: Path) -> None:
    pictures = [blank()[0], np.full((64, 64), 7, np.uint8)]
    making.write(tmp_path / "flat", [(image, np.zeros_like(image)) for image in pictures], layers=["a", "b"])
    (found,) = check(tmp_path / "flat")
    assert (found.kind, found.where) == ("constant", ("b",))


def test_classes_that_overlap_against_the_declaration(tmp_path: Path) -> None:
    overlap = both(disc("axon", 20, 20), disc("membrane", 39, 20))
    more = both(disc("axon", 20, 20), disc("membrane", 35, 20))
    assert labelled(tmp_path / "drawn", overlap, source="synthetic") == [("classes", "l0")]
    assert labelled(tmp_path / "real", both(disc("axon", 20, 20, 60), disc("membrane", 79, 79, 40)), more) == [
        ("classes", "l1")
    ]
    assert labelled(tmp_path / "allowed", more, overlaps=[["membrane", "axon"]]) == []


def test_other_classes_overlap_unless_it_is_declared(tmp_path: Path) -> None:
    table = Classes(("a", "b"))
    image, _ = blank()
    stored = np.zeros((128, 128), np.uint8)
    stored[:, :20] = 3
    making.write(tmp_path / "free", [(image, stored)], classes=table)
    assert check(tmp_path / "free", skip=["cut"]) == []
    making.write(tmp_path / "strict", [(image, stored)], classes=table, overlaps=[])
    assert [one.kind for one in check(tmp_path / "strict", skip=["cut"])] == ["classes"]


def test_boundary_outside_mitochondria(tmp_path: Path) -> None:
    outside = both(disc("mitochondrion", 20, 20, 40), disc("mitochondrial_boundary", 50, 50))
    assert labelled(tmp_path / "outside", outside, disc("mitochondrial_boundary", 50, 50)) == [
        ("outside", "l0"),
        ("outside", "l1"),
    ]


def test_specks_but_not_what_the_edge_cuts(tmp_path: Path) -> None:
    assert labelled(tmp_path / "specks", disc("vesicle", 50, 50, 1), disc("vesicle", 0, 50, 1)) == [("speck", "l0")]


def test_labels_cut_at_the_edge_of_a_layer(tmp_path: Path) -> None:
    def touching(masks: Any) -> None:  # a wedge whose tip touches the edge
        for i in range(30):
            masks[1, i, 60 - i : 61 + i] = 1

    assert labelled(tmp_path / "cut", disc("mitochondrion", 108, 40, 30), touching) == [("cut", "l0")]
    assert labelled(tmp_path / "drawn", disc("mitochondrion", 108, 40, 30), source="synthetic") == []


def test_recorded_counts_that_are_wrong(tmp_path: Path) -> None:
    dataset = making.tiles(tmp_path / "tiles", 3)
    shard = tmp_path / "tiles" / "data-00000.arrow"
    rows = dataset.table.to_pylist()
    rows[1]["count"]["axon"] += 1
    rows[2]["area_px"]["psd"] += 5
    batch = pa.RecordBatch.from_pylist(rows, schema=dataset.table.schema)
    with pa.OSFile(str(shard), "wb") as sink, pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    found = [one for one in check(tmp_path / "tiles") if one.kind not in ("speck", "outside")]
    assert [(one.kind, one.where) for one in found] == [
        ("counts", ("synthetic-00001",)),
        ("counts", ("synthetic-00002",)),
    ]


def test_pixels_that_changed_and_images_that_cannot_be_read(tmp_path: Path) -> None:
    dataset = making.tiles(tmp_path / "tiles", 3)
    shard = tmp_path / "tiles" / "data-00000.arrow"
    rows = dataset.table.to_pylist()
    rows[0]["image"] = rows[1]["image"]
    rows[2]["mask"]["bytes"] = rows[2]["mask"]["bytes"][:50]
    batch = pa.RecordBatch.from_pylist(rows, schema=dataset.table.schema)
    with pa.OSFile(str(shard), "wb") as sink, pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    found = {one.kind: one.where for one in check(tmp_path / "tiles")}
    assert found["pixels"] == ("data-00000.arrow",)
    assert found["unreadable"] == ("synthetic-00002",)
    assert len(found["duplicate"]) == 1


def test_shards_are_checked_one_by_one(tmp_path: Path) -> None:
    making.tiles(tmp_path / "tiles", 6, shard_bytes=12_000)
    assert len(list((tmp_path / "tiles").glob("data-*"))) > 1
    assert "pixels" not in [one.kind for one in check(tmp_path / "tiles")]


def test_one_layer_on_both_sides_of_a_split(tmp_path: Path) -> None:
    pictures = [blank(seed=i) for i in range(3)]
    rows = [(image, SIX.pack(masks)) for image, masks in pictures]
    corners = [(0, 0), (0, 128), (64, 64)]
    about: dict[str, Any] = {"source": "real", "layers": ["a", "a", "b"]}
    making.write(tmp_path / "apart", rows, splits=["train", "test", "test"], corners=corners, **about)
    assert [one.kind for one in check(tmp_path / "apart")] == ["same-layer"]
    corners[1] = (0, 100)
    making.write(tmp_path / "overlap", rows, splits=["train", "test", "test"], corners=corners, **about)
    (found,) = check(tmp_path / "overlap")
    assert (found.kind, found.where) == ("overlap", ("a (test and train)",))
    making.write(tmp_path / "together", rows, splits=["train", "train", "test"], corners=corners, **about)
    assert check(tmp_path / "together") == []


def test_neighbouring_slices_on_both_sides_of_a_split(tmp_path: Path) -> None:
    rows = [(image, SIX.pack(masks)) for image, masks in (blank(seed=i) for i in range(4))]
    names, splits = ["v0", "v1", "v3", "w1"], ["train", "test", "train", "train"]
    declared = [{"name": n, "volume": n[0], "z": int(n[1])} for n in names]
    making.write(tmp_path / "z", rows, source="real", layers=names, splits=splits, declared=declared)
    (found,) = check(tmp_path / "z")
    assert (found.kind, found.where) == ("neighbours", ("v0 (train) and v1 (test)",))
    assert len(check(tmp_path / "z", gap=2)[0].where) == 2
    assert check(tmp_path / "z", gap=0) == []
    with pytest.raises(SynthemError, match="0 or more"):
        check(tmp_path / "z", gap=-1)


def test_neighbouring_slices_of_one_split_are_no_duplicates(tmp_path: Path) -> None:
    image, masks = blank()
    rows = [(image, SIX.pack(masks)), ((image * 0.9).astype(np.uint8), SIX.pack(masks))]
    near = [{"name": "a", "volume": "v", "z": 4}, {"name": "b", "volume": "v", "z": 5}]
    making.write(tmp_path / "near", rows, source="real", layers=["a", "b"], declared=near)
    assert check(tmp_path / "near") == []
    same = [near[0], near[1] | {"z": 4}]
    making.write(tmp_path / "same", rows, source="real", layers=["a", "b"], declared=same)
    assert [one.kind for one in check(tmp_path / "same")] == ["duplicate"]


def test_leaks_and_duplicates_across_datasets_and_mixes(tmp_path: Path) -> None:
    making.layers(tmp_path / "real", ("a", "b"))
    mix(tmp_path / "mix", real=tmp_path / "real", window=64)
    assert not [one for one in check([tmp_path / "mix", tmp_path / "real"]) if one.kind in ("overlap", "same-layer")]
    making.layers(tmp_path / "other" / "real", ("b", "c"), seed=5, splits=["test", "test"])
    found = [one for one in check([tmp_path / "mix", tmp_path / "other" / "real"]) if one.kind == "overlap"]
    assert found[0].where == ("b (test and train)",)
    making.layers(tmp_path / "copy", ("x", "y"), splits=["test", "test"])
    found = [one for one in check([tmp_path / "real", tmp_path / "copy"]) if one.kind == "duplicate"]
    assert len(found[0].where) == 2
    assert "different splits" in found[0].what


def test_kinds_can_be_left_out(tmp_path: Path) -> None:
    making.write(tmp_path / "flat", [(np.full((64, 64), 7, np.uint8), np.zeros((64, 64), np.uint8))])
    assert check(tmp_path / "flat", skip=["constant"]) == []
    with pytest.raises(SynthemError, match="did you mean 'constant'"):
        check(tmp_path / "flat", skip=["konstant"])


def test_limits_can_be_changed(tmp_path: Path) -> None:
    image, masks = blank()
    disc("psd", 50, 50, 3)(masks)
    making.write(tmp_path / "small", [(image, SIX.pack(masks))])
    assert check(tmp_path / "small") == []
    assert [one.kind for one in check(tmp_path / "small", limits=Limits(speck_px=10))] == ["speck"]


def test_the_table_names_the_first_places(tmp_path: Path) -> None:
    making.write(tmp_path / "flat", [(np.full((64, 64), i, np.uint8), np.zeros((64, 64), np.uint8)) for i in range(5)])
    found = check(tmp_path / "flat")
    text = lines(found)
    assert len(text) == 2
    assert text[1].endswith("synthetic-00000, synthetic-00001, synthetic-00002, …")
    assert found[0].to_json()["where"][4] == "synthetic-00004"
    assert {one.kind for one in found} <= set(KINDS)
