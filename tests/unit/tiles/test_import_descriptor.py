"""Descriptors: what they may say, and the one line that tells what they may not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from raw import describe

from synthem import SIX, SynthemError
from synthem.tiles.importers import load_descriptor, to_yaml
from synthem.tiles.importers.descriptor import MAX_DESCRIPTOR_BYTES, parse

MASKS = {"kind": "masks", "classes": {"cell": "masks"}}
SHIPPED = sorted((Path(__file__).resolve().parents[3] / "datasets").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_descriptors_say_the_same_after_a_round_trip(path: Path):
    descriptor = load_descriptor(path)
    assert descriptor.name == path.stem
    again = parse(yaml.safe_load(to_yaml(descriptor)), "again")
    assert again == descriptor
    assert again.fingerprint() == descriptor.fingerprint()


def test_datasets_folder_is_no_package():
    assert not (SHIPPED[0].parent / "__init__.py").exists()


def test_fingerprints_follow_every_setting():
    assert (
        parse(describe(MASKS), "a").fingerprint()
        != parse(describe({**MASKS, "threshold": 1}), "a").fingerprint()
        != parse(describe(MASKS, nm_per_px=4), "a").fingerprint()
    )


def test_splits_may_be_said_in_short():
    descriptor = parse(describe(MASKS, splits={"train": "Tr", "test": {"layers": ["a"]}}), "x")
    assert descriptor.splits["train"].at == "Tr"
    assert descriptor.splits["test"].layers == ["a"]


def test_the_six_classes_are_recognised():
    labels = {"kind": "masks", "classes": {name: name for name in SIX.names[:5]}}
    descriptor = parse(describe(labels, unknown_classes=["membrane"]), "x")
    assert descriptor.table(list(SIX.names[:5])) is SIX


def test_colours_of_classes_can_be_named():
    descriptor = parse(describe(MASKS, colours={"cell": "#0102ff"}, unknown_classes=["axon"]), "x")
    table = descriptor.table(["cell"])
    assert table.names == ("cell", "axon")
    assert table.colours == ((1, 2, 255), SIX.colours[0])


def test_many_classes_are_stored_as_an_index():
    labels = {"kind": "labels", "at": "labels", "values": {f"c{i}": i + 1 for i in range(17)}}
    assert parse(describe(labels), "x").table(list(labels["values"])).storage == "index"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"nm_per_pixel": 5}, "nm_per_pixel: no such key; did you mean 'nm_per_px'?"),
        ({"labels": {**MASKS, "treshold": 1}}, "labels.treshold: no such key; did you mean 'threshold'?"),
        ({"licences": {"image": "MIT"}}, "licences.image: no such key; did you mean 'images'?"),
        ({"splits": {"train": {"layer": []}}}, "splits.train.layer: no such key; did you mean 'layers'?"),
        ({"zzz": 1}, "zzz: no such key; known are name, title,"),
        ({"labels": {"kind": "mask"}}, "labels: Input tag 'mask' found using 'kind' does not match any of"),
        ({"labels": {"kind": "masks"}}, "labels.classes: is missing; add it"),
        ({"labels": {**MASKS, "invert": True}}, "labels: needs a threshold: what is below it belongs to the class"),
        ({"nm_per_px": 0}, "nm_per_px: Input should be greater than 0"),
        ({"name": "../x"}, "name: String should match pattern"),
        ({"grey_range": [5, 5]}, "grey_range: low (5) is not below high (5); swap them"),
        ({"z": "("}, "z: is no regular expression"),
        ({"z": "x"}, "z: has 0 groups; put the digits of z"),
        ({"colours": {"cell": "red"}}, "colours.cell: String should match pattern"),
        ({"splits": {}}, "splits: Dictionary should have at least 1 item"),
        ({"labels": {"kind": "lines", "at": "x", "colours": {"a": "#808080"}}}, "labels.colours: #808080 has no hue"),
    ],
)
def test_errors_name_the_file_and_the_key(tmp_path: Path, change: dict[str, object], line: str):
    path = tmp_path / "data.yaml"
    path.write_text(yaml.safe_dump({**describe(MASKS), **change}))
    with pytest.raises(SynthemError) as error:
        load_descriptor(path)
    assert str(error.value).startswith(f"{path}: {line}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (
            "!!python/object/apply:os.system ['touch pwned']",
            ", line 1: not plain YAML (could not determine a constructor",
        ),
        ("name: !!python/name:os.system", ", line 1: not plain YAML"),
        ("name: [", ": not plain YAML"),
        ("just text", ": holds no table of keys"),
        ("", ": holds no table of keys"),
        ("a: 1\n" * (MAX_DESCRIPTOR_BYTES // 5 + 1), ": larger than 1048576 bytes"),
    ],
)
def test_files_that_are_no_descriptor_are_refused(tmp_path: Path, content: str, line: str):
    path = tmp_path / "data.yaml"
    path.write_text(content)
    with pytest.raises(SynthemError) as error:
        load_descriptor(path)
    assert str(path) in str(error.value)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_and_one_that_is_no_text(tmp_path: Path):
    with pytest.raises(SynthemError, match="there is no such file; check the name"):
        load_descriptor(tmp_path / "none.yaml")
    (tmp_path / "picture.yaml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SynthemError, match="is no text"):
        load_descriptor(tmp_path / "picture.yaml")
