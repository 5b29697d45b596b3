"""What an import lists, refuses, and never leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from raw import binary, blob, bring_in, describe, grey, problems, save

from synthem import SynthemError
from synthem.tiles.dataset import TileDataset
from synthem.tiles.importers import Refused, import_dataset
from synthem.tiles.importers.descriptor import parse
from synthem.tiles.importers.problems import Problem, as_lines

CELL = {"kind": "masks", "classes": {"cell": "masks"}}
NAMES = ["s01", "s02", "s03", "s04"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four layers with masks."""
    for i, name in enumerate(NAMES):
        save(tmp_path / "data" / "images" / f"{name}.png", grey(i))
        save(tmp_path / "data" / "masks" / f"{name}.png", binary(blob(i)))
    return tmp_path / "data"


def truncate(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("harm", "row", "left"),
    [
        (lambda r: (r / "images/s02.png").unlink(), ("masks/s02.png", "mask without a layer", "left out"), 3),
        (
            lambda r: (r / "masks/s02.png").unlink(),
            ("images/s02.png", "layer without a mask of cell", "layer left out"),
            3,
        ),
        (lambda r: truncate(r / "images/s02.png"), ("images/s02.png", "is truncated or broken", "layer left out"), 3),
        (lambda r: truncate(r / "masks/s02.png"), ("masks/s02.png", "is truncated or broken", "layer left out"), 3),
        (
            lambda r: (r / "masks/s02.png").write_bytes(b""),
            ("masks/s02.png", "is empty (0 bytes)", "layer left out"),
            3,
        ),
        (
            lambda r: save(r / "masks/s02.png", binary(blob(1, (24, 31)))),
            ("masks/s02.png", "sizes differ (mask 24x31, layer 24x32)", "layer left out"),
            3,
        ),
        (
            lambda r: tifffile.imwrite(r / "images/s09.tif", np.zeros((5000, 9000), np.uint8), compression="zlib"),
            ("images/s09.tif", "claims 5000x9000 px, more than max_px 1000000 allows", "layer left out"),
            4,
        ),
        (
            lambda r: save(r / "images/s02.tif", grey(9)),
            ("images/s02.tif", "second picture of its layer", "left out"),
            4,
        ),
        (
            lambda r: (r / "images/s02.nii.gz").write_bytes(b"x"),
            ("images/s02.nii.gz", "no place names this file", "left out"),
            4,
        ),
    ],
)
def test_what_does_not_fit_is_listed_and_strict_refuses_it(root: Path, harm, row: tuple[str, str, str], left: int):
    harm(root)
    content = describe(CELL, max_px=10**6)
    with pytest.raises(Refused) as refused:
        bring_in(root, content, strict=True)
    assert "problem 1 of 1; mend the files" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (root.parent / "imported").exists()
    done, dataset = bring_in(root, content)
    ((file, what, action),) = problems(done)
    assert (file, action) == (row[0], row[2])
    assert what.startswith(row[1])
    assert len(dataset) == left
    assert dataset.meta["problems"] == [{"file": file, "what": what, "done": action}]


def test_hidden_files_and_notes_are_passed_over(root: Path):
    (root / "images" / ".DS_Store").write_bytes(b"x")
    (root / "masks" / "README.txt").write_text("masks")
    done, _ = bring_in(root, describe(CELL), strict=True)
    assert problems(done) == []


@pytest.mark.parametrize("name", ["images", "masks"])
def test_nothing_usable_is_an_error_and_leaves_nothing(root: Path, name: str):
    for path in (root / name).iterdir():
        truncate(path)
    before = sorted(root.parent.iterdir())
    with pytest.raises(SynthemError, match=rf"{name}/s01.png: is truncated or broken .*; so no layer of"):
        bring_in(root, describe(CELL))
    assert sorted(root.parent.iterdir()) == before


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"images": "../data/images"}, None),
        ({"images": "../secret"}, r"\.\./secret: leaves the root"),
        ({"images": "/etc"}, "/etc: leaves the root"),
        ({"images": "nowhere"}, "nowhere: there is no such file or folder"),
        ({"images": "images/*_*.png"}, r"more than one \*"),
        ({"images": "im*/a.png"}, r"one in a folder's name"),
        ({"images": "images/s01.png"}, "is a file, not a folder, a TIFF or an HDF5 volume"),
        ({"images": "images/*.jpg"}, r"holds no pictures like \*.jpg"),
        ({"images": "notes.h5:/raw"}, "can't be read as HDF5"),
        ({"images": "broken.tif"}, "broken.tif: can't be read as TIFF"),
        ({"images": "v.h5"}, "names no data set; write FILE:/NAME with one of a/raw, far"),
        ({"images": "v.h5:/b"}, "no data set /b"),
        ({"images": "v.h5:/far"}, r"shape \(2,\); expected"),
        ({"images": "v.h5:/away"}, "lies in another file"),
        ({"order": ["s09"]}, "order: no layer 's09'; the layers are s01, s02"),
        ({"selections": {"few": ["s09"]}}, "few: no layer 's09'"),
        ({"order": ["s01", "s01"]}, "order: no layer 's01' outside test"),
        ({"z": r"(\d\d\d)"}, r"finds no number in layer 's01'"),
        ({"splits": {"train": {"layers": ["x"]}}}, "splits.train.layers: no layer 'x'; the place holds s01"),
        ({"splits": {"a": "", "b": ""}}, "images/s01.png is in a and in b; write {split} into the places"),
        ({"unknown_classes": ["cell"]}, "a name stands twice"),
        ({"labels": {"kind": "coco", "at": "../x.json"}}, r"\.\./x.json: leaves the root"),
    ],
)
def test_places_and_lists_that_are_wrong(root: Path, change: dict[str, object], text: str | None):
    (root.parent / "secret").mkdir()
    (root / "notes.h5").write_text("no volume")
    (root / "broken.tif").write_text("no stack")
    with h5py.File(root.parent / "other.h5", "w") as file:
        file["raw"] = np.zeros((2, 3, 4), np.uint8)
    with h5py.File(root / "v.h5", "w") as file:
        file["a/raw"], file["far"] = np.zeros((2, 3, 4), np.uint8), np.zeros(2)
        file["away"] = h5py.ExternalLink("../other.h5", "raw")
    content = describe(CELL) | change
    if text is None:
        assert len(bring_in(root, content)[1]) == 4
        return
    with pytest.raises(SynthemError, match=text) as error:
        bring_in(root, content)
    assert "\n" not in str(error.value)
    assert not (root.parent / "imported").exists()


def test_a_link_that_leaves_the_root_is_refused(root: Path):
    outside = save(root.parent / "outside.png", grey(5))
    (root / "images" / "s05.png").symlink_to(outside)
    with pytest.raises(SynthemError, match=r"images/s05.png: leaves the root"):
        bring_in(root, describe(CELL))


def test_no_root(tmp_path: Path):
    with pytest.raises(SynthemError, match="there is no such folder; name the data's folder with --root"):
        import_dataset(parse(describe(CELL), "x"), tmp_path / "none", tmp_path / "out")
    with pytest.raises(SynthemError, match="name the data's folder with --root"):
        import_dataset(parse(describe(CELL), "x"), None, tmp_path / "out")


def test_the_same_import_is_found_done_and_another_refused(root: Path):
    first, _ = bring_in(root, describe(CELL))
    again, _ = bring_in(root, describe(CELL))
    assert (first.existed, again.existed) == (False, True)
    with pytest.raises(SynthemError, match="holds something already"):
        bring_in(root, describe(CELL, nm_per_px=5))
    save(root / "images" / "s01.png", grey(77))
    with pytest.raises(SynthemError, match="holds an earlier import of files that have changed since"):
        bring_in(root, describe(CELL))
    assert TileDataset.open(first.folder).fingerprint == first.fingerprint
    assert sorted(p.name for p in root.parent.iterdir()) == ["data", "imported"]


@pytest.mark.parametrize("occupant", ["file", "folder"])
def test_an_occupied_output_is_refused_before_anything_is_read(root: Path, occupant: str):
    out = root.parent / "imported"
    if occupant == "file":
        out.write_text("x")
    else:
        out.mkdir()
        (out / "synthem.json").write_text("{")
    with pytest.raises(SynthemError, match="is a file" if occupant == "file" else "holds something already"):
        bring_in(root, describe(CELL))


def test_splits_by_folder_share_names_and_are_told_apart(root: Path, tmp_path: Path):
    both = tmp_path / "both"
    for split in ("Tr", "Ts"):
        for i, name in enumerate(NAMES[:2]):
            save(both / f"images{split}" / f"{name}_0000.png", grey(i))
            save(both / f"labels{split}" / f"{name}.png", blob(i).astype(np.uint8) * 2)
    labels = {"kind": "labels", "at": "labels{split}/*.png", "values": {"cell": 2}}
    content = describe(labels, "images{split}/*_0000.png", splits={"train": "Tr", "test": "Ts"}, z=r"s(\d+)")
    done, dataset = bring_in(both, content)
    assert dataset.column("layer") == ["train/s01", "train/s02", "test/s01", "test/s02"]
    assert dataset.column("split") == ["train", "train", "test", "test"]
    assert [(layer.volume, layer.z) for layer in done.layers] == [
        ("train/s", 1), ("train/s", 2), ("test/s", 1), ("test/s", 2),
    ]  # fmt: skip
    assert dataset.meta["order"] == ["train/s01", "train/s02"]


def test_splits_by_lists_report_layers_in_none(root: Path):
    splits = {"train": {"layers": ["s03", "s01"]}, "test": {"layers": ["s04"]}}
    done, dataset = bring_in(root, describe(CELL, splits=splits))
    assert dataset.column("layer") == ["s03", "s01", "s04"]
    assert problems(done) == [("images/s02.png", "layer is in no split", "left out")]


def test_lists_lose_layers_that_could_not_be_used(root: Path):
    truncate(root / "images" / "s02.png")
    done, dataset = bring_in(root, describe(CELL, order=["s03", "s02"], selections={"few": ["s02", "s01"]}))
    assert dataset.meta["order"][0] == "s03"
    assert sorted(dataset.meta["order"]) == ["s01", "s03", "s04"]
    assert dataset.meta["selections"] == {"few": ["s01"]}
    assert ("s02", "layer that few names was left out", "the list is shorter by it") in problems(done)


def test_unlabelled_classes_are_unknown(root: Path):
    _, dataset = bring_in(root, describe(CELL, unknown_classes=["axon"]))
    assert dataset.classes.names == ("cell", "axon")
    assert dataset.known.tolist() == [True, False]
    assert not dataset.masks(0)[1].any()


@pytest.mark.parametrize(
    ("dpi", "declared", "stored", "text"),
    [
        ((5_080_000, 5_080_000), None, 5, None),
        ((5_080_000, 5_080_000), 5, 5, None),
        ((5_080_000, 5_080_000), 8, 8, "pixel size in its metadata differs (5 x 5 nm)"),
        ((72, 72), None, None, None),
    ],
)
def test_pixel_sizes(root: Path, dpi, declared: float | None, stored: float | None, text: str | None):
    for i, name in enumerate(NAMES):
        save(root / "images" / f"{name}.png", grey(i), dpi=dpi)
    done, dataset = bring_in(root, describe(CELL, nm_per_px=declared))
    found = dataset.column("nm_per_px")
    assert found == [None] * 4 if stored is None else found == pytest.approx([stored] * 4, rel=1e-4)
    assert {row[1] for row in problems(done)} == ({text} if text else set())


def test_pixels_that_are_not_square_need_a_declared_size(root: Path):
    save(root / "images" / "s01.png", grey(0), dpi=(5_080_000, 6_350_000))
    done, _ = bring_in(root, describe(CELL))
    ((file, what, _),) = problems(done)
    assert file == "images/s01.png"
    assert what.startswith("pixels aren't square: declare nm_per_px (4")


def test_too_many_objects_and_overlaps_by_index(root: Path):
    save(root / "masks" / "s01.png", np.arange(24 * 32, dtype=np.uint16).reshape(24, 32) % 3)
    labels = {"kind": "labels", "at": "masks", "values": {"a": [1, 255], "b": [1, 2]}, "ignore": [0]}
    done, dataset = bring_in(root, describe(labels, storage="index"))
    assert problems(done)[0] == (
        "masks/s01.png", "masks overlap, which storage 'index' can't hold; declare storage 'bits'", "layer left out",
    )  # fmt: skip
    assert len(dataset) == 3


def test_what_is_known_stands_in_synthem_json(root: Path):
    about = {"title": "T", "where": "W", "citation": "C", "licences": {"images": "CC0-1.0"}, "description": "D"}
    done, dataset = bring_in(root, describe(CELL, **about))
    meta = dataset.meta
    assert meta["kind"] == "imported"
    assert meta["licences"] == {"images": "CC0-1.0", "labels": None}
    assert [meta[key] for key in ("name", "title", "where", "citation", "description")] == ["test", "T", "W", "C", "D"]
    assert meta["layers"][0] == {"name": "s01", "split": "train", "volume": "", "z": None}
    card = (done.folder / "README.md").read_text()
    assert "| layers | 4 train |" in card
    assert "| licence of the labels | none stated |" in card
    assert json.loads(json.dumps(done.summary()))["layers"] == 4


def test_a_descriptor_file_stands_at_its_root(root: Path):
    (root / "data.yaml").write_text("name: x\nimages: images\nlabels: {kind: masks, classes: {cell: masks}}\n")
    counted: list[int] = []
    done = import_dataset(root / "data.yaml", None, root.parent / "deep" / "er" / "out", advance=counted.append)
    assert len(done.layers) == len(counted) == 4
    assert len(TileDataset.open(done.folder).to_datasets()) == 4


def test_a_failed_import_removes_the_parents_it_made(root: Path):
    for path in (root / "masks").iterdir():
        truncate(path)
    with pytest.raises(SynthemError):
        import_dataset(parse(describe(CELL), "x"), root, root.parent / "deep" / "er" / "out")
    assert not (root.parent / "deep").exists()


def test_the_table_is_short_where_many_are_alike():
    rows = [Problem(f"f{i}", f"mask isn't binary ({i} px between)", "cut at 128") for i in range(5)]
    rows.append(Problem("g", "is empty (0 bytes)", "layer left out"))
    assert as_lines(rows, most=2) == [
        "5 × mask isn't binary → cut at 128",
        "    f0 (0 px between)",
        "    f1 (1 px between)",
        "    … and 3 more, all of them in synthem.json",
        "1 × is empty → layer left out",
        "    g (0 bytes)",
    ]
