"""Whatever bytes a file holds, importing lists it, or refuses in one line and leaves nothing."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from raw import binary, blob, bring_in, describe, grey, save

from synthem import SynthemError

IMAGES = np.stack([grey(i) for i in range(3)])
MASKS = np.stack([binary(blob(i)) for i in range(3)])


def pictures(root: Path, suffix: str) -> tuple[str, dict[str, object]]:
    save(root / "images" / f"a{suffix}", IMAGES[0])
    save(root / "images" / "b.png", IMAGES[1])
    for name in "ab":
        save(root / "masks" / f"{name}.png", MASKS[0])
    return f"images/a{suffix}", describe({"kind": "masks", "classes": {"c": "masks"}, "threshold": 128})


def stack(root: Path) -> tuple[str, dict[str, object]]:
    tifffile.imwrite(root / "em.tif", IMAGES, photometric="minisblack", compression="zlib")
    tifffile.imwrite(root / "m.tif", MASKS, photometric="minisblack")
    return "em.tif", describe({"kind": "masks", "classes": {"c": "m.tif"}, "threshold": 128}, images="em.tif")


def volume(root: Path) -> tuple[str, dict[str, object]]:
    with h5py.File(root / "v.h5", "w") as file:
        file.create_dataset("raw", data=IMAGES, compression="gzip").attrs["resolution"] = (8.0, 4.0, 4.0)
        file["m"] = MASKS
    return "v.h5", describe({"kind": "masks", "classes": {"c": "v.h5:/m"}, "threshold": 128}, images="v.h5:/raw")


def coco(root: Path) -> tuple[str, dict[str, object]]:
    save(root / "images" / "a.png", IMAGES[0])
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 32, "height": 24}],
        "categories": [{"id": 1, "name": "c"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[2, 3, 8, 3, 8, 7, 2, 7]]},
            {"id": 2, "image_id": 1, "category_id": 1, "segmentation": {"size": [24, 32], "counts": [700, 68]}},
        ],
    }
    (root / "coco.json").write_text(json.dumps(content))
    return "coco.json", describe({"kind": "coco", "at": "coco.json"})


KINDS = {
    "png": lambda root: pictures(root, ".png"),
    "jpg": lambda root: pictures(root, ".jpg"),
    "tif": lambda root: pictures(root, ".tif"),
    "stack": stack,
    "volume": volume,
    "coco": coco,
}


@pytest.mark.parametrize("kind", KINDS)
def test_broken_files_do_no_worse_than_a_line(kind: str):
    places = st.one_of(st.integers(0, 400), st.integers(0, 10**6))

    @settings(deadline=None, max_examples=60)
    @given(changes=st.lists(st.tuples(places, st.integers(0, 255)), max_size=6), kept=st.none() | st.floats(0, 1))
    def run(changes, kept):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "data"
            root.mkdir()
            name, content = KINDS[kind](root)
            data = bytearray((root / name).read_bytes())
            for place, value in changes:
                data[place % len(data)] = value
            (root / name).write_bytes(data if kept is None else data[: int(len(data) * kept)])
            try:
                _, dataset = bring_in(root, content)
            except SynthemError as error:
                line = str(error)
                assert "\n" not in line
                assert [path.name for path in Path(folder).iterdir()] == ["data"]
            else:
                assert all(dataset.masks(row).shape[1:] == dataset.size(row) for row in range(len(dataset)))

    run()
