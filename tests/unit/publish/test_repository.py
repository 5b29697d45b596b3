"""The files of a repository, as `--dry-run` writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import making
import numpy as np
import pytest
import yaml
from PIL import Image

import datasets
from synthem.classes import Classes
from synthem.curate.mix import mix
from synthem.errors import SynthemError
from synthem.publish import publish
from synthem.publish.card import keeping, written
from synthem.recipe import Recipe
from synthem.tiles.dataset import TileDataset
from synthem.tiles.generate import generate
from synthem.tiles.hub import convert


def load(folder: Path, tmp_path: Path) -> Any:
    return datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))


def front(folder: Path) -> Any:
    return yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])


def test_load_dataset_opens_it_with_a_split_for_each_value(tmp_path: Path) -> None:
    splits = ["train", "test", "train", "train"]
    held = making.layers(tmp_path / "layers", ("a", "b", "c", "d"), splits=splits)
    done = publish(held.folder, "me/layers", dry_run=tmp_path / "repository")
    assert done.splits == {"train": 3, "test": 1}
    assert done.sent == ()
    loaded = load(tmp_path / "repository", tmp_path)
    assert loaded["train"]["layer"] == ["a", "c", "d"]
    assert loaded["test"]["layer"] == ["b"]
    row = loaded["test"][0]
    np.testing.assert_array_equal(np.asarray(row["image"]), held.image(1))
    np.testing.assert_array_equal(held.classes.unpack(np.asarray(row["mask"])), held.masks(1))
    assert row["instances"] is None
    assert row["count"] == held.row(1)["count"]


def test_rows_of_mixed_splits_come_back_in_their_order(tmp_path: Path) -> None:
    splits = ["train", "test", "train", "val", "train"]
    held = making.write(tmp_path / "tiles", (making.draw(0, i) for i in range(5)), splits=splits)
    publish(held.folder, "me/tiles", dry_run=tmp_path / "repository")
    (tmp_path / "again").mkdir()
    convert(tmp_path / "repository", tmp_path / "again", "hub:me/tiles")
    again = TileDataset.open(tmp_path / "again")
    assert again.fingerprint == held.fingerprint
    assert again.table.drop_columns(["image", "mask"]) == held.table.drop_columns(["image", "mask"])
    assert again.meta["classes"] == held.meta["classes"]


def test_a_mix_is_published_with_its_pixels_copied_or_not(tmp_path: Path) -> None:
    making.layers(tmp_path / "layers", ("a", "b"), licences={"images": "CC BY 4.0", "labels": "MIT"}, name="theirs")
    making.tiles(tmp_path / "tiles", 4)
    sources: dict[str, Any] = {"real": tmp_path / "layers", "synthetic": tmp_path / "tiles", "window": 64, "stride": 32}
    index = mix(tmp_path / "index", **sources, n_synthetic=2)
    mix(tmp_path / "copy", **sources, n_synthetic=2, copy=True)
    for name in ("index", "copy"):
        done = publish(tmp_path / name, "me/mixed", public=True, dry_run=tmp_path / f"{name} repository")
        assert done.rows == len(index)
        assert front(tmp_path / f"{name} repository")["license"] == ["cc-by-4.0", "mit"]
    files = [
        sorted(p for p in (tmp_path / f"{name} repository").rglob("*") if p.is_file()) for name in ("index", "copy")
    ]
    assert [path.name for path in files[0]] == [path.name for path in files[1]]
    for one, other in zip(*files, strict=True):
        assert one.read_bytes() == other.read_bytes()
    rows = load(tmp_path / "index repository", tmp_path)["train"]
    for i in (0, len(index) - 1):
        np.testing.assert_array_equal(np.asarray(rows[i]["image"]), index[i].image)
    page = (tmp_path / "index repository" / "README.md").read_text()
    assert "A mix of 24 windows of real layers (2) and 2 of synthetic tiles (2)" in page


def test_the_card_of_a_mix_tells_how_its_tiles_were_drawn(tmp_path: Path) -> None:
    recipe = Recipe.load("axons").with_values({"size": 64})
    generate(recipe, 2, tmp_path / "drawn", seed=3, workers=1, command="synthem generate axons --seed 3")
    for copy in (False, True):
        mix(tmp_path / f"mix{copy}", synthetic=tmp_path / "drawn", window=64, stride=64, copy=copy)
        publish(tmp_path / f"mix{copy}", "me/mixed", dry_run=tmp_path / f"repository{copy}")
        page = (tmp_path / f"repository{copy}" / "README.md").read_text()
        told = next(line for line in page.splitlines() if line.startswith("- axons (synthetic): "))
        for part in (
            recipe.fingerprint,
            "seed `3`",
            "generator version `",
            "`synthem generate axons --seed 3`",
            "numpy `",
        ):
            assert part in told


@pytest.mark.parametrize(
    "changes", ["[]", "{", '{"classes": null}', '{"runs": []}', '{"runs": [["test", 3]]}', '{"fingerprint": "0"}']
)
def test_what_somebody_damaged_there_is_one_line(changes: str, tmp_path: Path) -> None:
    making.tiles(tmp_path / "tiles", 3)
    publish(tmp_path / "tiles", "me/tiles", dry_run=tmp_path / "repository")
    about = tmp_path / "repository" / "synthem.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | json.loads(changes)) if ":" in changes else changes)
    (tmp_path / "again").mkdir()
    with pytest.raises(SynthemError, match=r"^hub:me/tiles: its (files|pixels) aren't those .* published; publish it"):
        convert(tmp_path / "repository", tmp_path / "again", "hub:me/tiles")


def test_classes_that_a_source_never_labelled_stay_unknown(tmp_path: Path) -> None:
    only_axons = Classes(("axon",))
    pictures = [making.draw(0, i, classes=only_axons) for i in range(2)]
    making.write(tmp_path / "layers", pictures, source="real", classes=only_axons)
    making.tiles(tmp_path / "tiles", 3)
    mixed = mix(tmp_path / "mixed", real=tmp_path / "layers", synthetic=tmp_path / "tiles", window=64)
    publish(tmp_path / "mixed", "me/mixed", dry_run=tmp_path / "repository")
    (tmp_path / "again").mkdir()
    convert(tmp_path / "repository", tmp_path / "again", "hub:me/mixed")
    again, here = TileDataset.open(tmp_path / "again").layers(), mixed.samples()
    np.testing.assert_array_equal(again.known, here.known)
    np.testing.assert_array_equal(again.images, here.images)
    np.testing.assert_array_equal(again.stored, here.stored)


def test_the_card_says_it_all(tmp_path: Path) -> None:
    layers = making.layers(
        tmp_path / "layers",
        ("a", "b"),
        name="theirs",
        title="Their layers",
        licences={"images": None, "labels": "MIT"},
        citation="Theirs, 2012",
        synthem_version="0.1.0",
        unknown_classes=["psd"],
    )
    publish(layers.folder, "me/layers", dry_run=tmp_path / "repository")
    about, page = front(tmp_path / "repository"), (tmp_path / "repository" / "README.md").read_text()
    assert about["license"] == "unknown"
    assert about["pretty_name"] == "Their layers"
    assert about["task_categories"] == ["image-segmentation"]
    assert about["size_categories"] == ["n<1K"]
    assert about["configs"] == [{"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*"}]}]
    assert about["dataset_info"]["splits"][0]["num_examples"] == 2
    masks = np.stack([layers.masks(i) for i in range(2)])
    organelles = sum(layers.row(i)["count"]["membrane"] for i in range(2))
    area = masks[:, 5].mean()
    there = masks[:, 5].any(axis=(1, 2)).mean()
    assert f"| 5 | membrane | `#17becf` | {organelles} | {organelles / 2:.2f} | {there:.1%} | {area:.2%} |" in page
    assert "| 3 | psd | `#e377c2` | never labelled" in page
    assert "| theirs (real) | **none stated** | MIT |" in page
    assert "**Keep this dataset private.** theirs: no licence is stated for its images." in page
    assert "Theirs, 2012" in page
    assert "Real electron microscopy with masks, imported by synthem: 2 in `train`; 128 × 160 px, 5 nm a pixel." in page
    assert "| imported with | synthem 0.1.0 |" in page
    assert layers.fingerprint in page
    with Image.open(tmp_path / "repository" / "preview.png") as picture:
        assert picture.format == "PNG"


def test_masks_by_index_are_unpacked_by_the_card_s_line(tmp_path: Path) -> None:
    classes = Classes(tuple(f"class{c}" for c in range(300)), storage="index")
    stored = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) % 301
    held = making.write(tmp_path / "many", [(making.draw(0, 0)[0], stored)], classes=classes)
    publish(held.folder, "me/many", dry_run=tmp_path / "repository")
    code = (tmp_path / "repository" / "README.md").read_text().split("```python\n")[1].split("```")[0]
    row = load(tmp_path / "repository", tmp_path)["train"][0]
    space: dict[str, Any] = {"pixels": np.asarray(row["mask"]), "np": np}
    exec(code.strip().splitlines()[-1], space)
    np.testing.assert_array_equal(space["masks"], held.masks(0))


def test_the_same_dataset_gives_the_same_bytes(tmp_path: Path) -> None:
    making.tiles(tmp_path / "tiles", 5)
    for name in ("one", "two"):
        publish(tmp_path / "tiles", "me/tiles", dry_run=tmp_path / name)
    one, two = (
        {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*.*")} for n in ("one", "two")
    )
    assert one == two


def test_large_splits_are_cut_into_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = making.tiles(tmp_path / "tiles", 12)
    monkeypatch.setattr("synthem.publish.repository.SHARD_BYTES", held.table.nbytes // 3)
    publish(held.folder, "me/tiles", dry_run=tmp_path / "repository")
    names = sorted(path.name for path in (tmp_path / "repository" / "data").iterdir())
    assert names == [f"train-{i:05d}-of-{len(names):05d}.parquet" for i in range(len(names))]
    assert len(names) > 2
    assert load(tmp_path / "repository", tmp_path)["train"]["index"] == list(range(12))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"to": "tiles"}, "is no name on the Hub; write me/name"),
        ({"to": "me/tiles/more"}, "is no name on the Hub"),
        ({"to": "me/sp ace"}, "is no name on the Hub"),
        ({"tag": "v 1"}, "is no name of a tag; write v1"),
        ({"licence": "mine"}, "--licence mine: not among those known"),
        ({"folder": "nowhere"}, "there is no such folder"),
        ({"folder": "empty"}, "holds no pictures, so there is nothing to publish"),
        ({"folder": "odd"}, "a split on the Hub has a name of letters, digits, _ and ."),
        ({"dry_run": "tiles"}, "holds something already"),
    ],
)
def test_what_can_t_be_published_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, str], line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    making.tiles(tmp_path / "tiles", 1)
    making.tiles(tmp_path / "empty", 0)
    making.write(tmp_path / "odd", [making.draw(0, 0)], splits=["fold-1"])
    asked = {"folder": "tiles", "to": "me/tiles", "dry_run": "out", **arguments}
    with pytest.raises(SynthemError, match=line.replace(".", r"\.")) as raised:
        publish(asked.pop("folder"), asked.pop("to"), **asked)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_a_card_keeps_configurations_of_others() -> None:
    ours = "---\nconfigs:\n- config_name: default\ndataset_info:\n  size: 1\n---\nours\n"
    extra = {"config_name": "extra", "data_files": []}
    theirs = {"configs": [{"config_name": "default"}, extra], "dataset_info": [{"config_name": "extra", "size": 2}]}
    text = keeping(ours, f"---\n{json.dumps(theirs)}\n---\ntheirs\n", None)
    about = yaml.safe_load(text.split("---\n")[1])
    assert about["configs"] == [{"config_name": "default"}, extra]
    assert about["dataset_info"] == [{"config_name": "default", "size": 1}, {"config_name": "extra", "size": 2}]
    assert text.endswith("---\nours\n")
    assert keeping(ours, "no metadata", None) == ours


def test_a_card_keeps_what_people_changed_and_no_more() -> None:
    first = "---\nlicense: mit\ntags:\n- a\nsize_categories:\n- n<1K\nconfigs:\n- config_name: default\n---\n\nTen.\n"
    second = first.replace("n<1K", "1K<n<10K").replace("Ten", "Twenty")
    before = written(first)
    assert keeping(second, first, before) == second
    assert keeping(first, first, before) == first
    tagged = first.replace("- a\n", "- a\n- b\n")
    assert keeping(second, tagged, before) == second.replace("- a\n", "- a\n- b\n")
    longer = first.replace("---\n\n", "doi: 10.1\n---\n\n").replace("license: mit\n", "")
    kept = yaml.safe_load(keeping(second, longer, before).split("---\n")[1])
    assert (kept["doi"], "license" in kept, kept["size_categories"]) == (10.1, False, ["1K<n<10K"])
    edited = first + "\nBeware of tile 3.\n"
    assert keeping(second, edited, before) == second.partition("Twenty")[0] + "Ten.\n\nBeware of tile 3.\n"
    assert keeping(first, edited, before) == edited
    assert keeping(second, "no metadata", before).endswith("---\nno metadata")
