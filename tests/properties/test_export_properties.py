"""What is exported reads back to the same masks, and outlines are exact and valid."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from making import write

from synthem import Classes
from synthem.tiles.dataset import TileDataset
from synthem.tiles.exporters import export
from synthem.tiles.exporters.outlines import outlines
from synthem.tiles.importers import import_dataset
from synthem.tiles.importers.coco import fill

sides = st.integers(1, 12)
masks = arrays.arrays(np.bool_, st.tuples(sides, sides))


@settings(deadline=None, max_examples=300)
@given(mask=masks)
def test_outlines_cover_a_mask_pixel_for_pixel(mask):
    covered = np.zeros(mask.shape, int)
    for ring in outlines(mask):
        part = fill(ring.astype(float), mask.shape)
        covered[part.box()] += part.pixels
    np.testing.assert_array_equal(covered, mask)


@settings(deadline=None, max_examples=300)
@given(mask=masks)
def test_outlines_are_valid_polygons_that_do_not_overlap(mask):
    polygons = np.array([shapely.Polygon(ring) for ring in outlines(mask)], object)
    assert shapely.is_valid(polygons).all()
    assert shapely.area(polygons).sum() == shapely.area(shapely.union_all(polygons)) == mask.sum()


@st.composite
def datasets(draw: st.DrawFn, same_size: bool) -> tuple[Classes, list, list, list]:
    """Classes, (image, stored) pairs, splits and instances."""
    storage = draw(st.sampled_from(["bits", "index"]))
    classes = Classes(tuple("abc"[: draw(st.integers(1, 3))]), storage=storage)
    most = 2 ** len(classes) - 1 if storage == "bits" else len(classes)
    size = draw(st.tuples(sides, sides))
    pictures, splits, instances = [], [], []
    for _ in range(draw(st.integers(1, 4))):
        shape = size if same_size else draw(st.tuples(sides, sides))
        image = draw(arrays.arrays(np.uint8, shape))
        stored = draw(arrays.arrays(np.uint8, shape, elements=st.integers(0, most)))
        pictures.append((image, stored))
        splits.append(draw(st.sampled_from(["train", "test"])))
        instances.append(draw(arrays.arrays(np.uint16, shape, elements=st.integers(0, 3))))
    return classes, pictures, splits, instances


def check(format: str, content: tuple[Classes, list, list, list]) -> None:
    classes, pictures, splits, instances = content
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        before = write(place / "before", pictures, classes=classes, splits=splits, instances=instances)
        export(before, format, place / "exported")
        done = import_dataset(place / "exported" / "descriptor.yaml", None, place / "after")
        after = TileDataset.open(done.folder)
        assert after.classes == before.classes
        assert sorted(after.column("split")) == sorted(splits)
        assert set(after.column("nm_per_px")) == {5.0}
        order = sorted(range(len(before)), key=lambda i: splits.index(splits[i]))
        for i, row in zip(order, range(len(after)), strict=True):
            np.testing.assert_array_equal(after.image(row), pictures[i][0])
            np.testing.assert_array_equal(after.stored(row), pictures[i][1])


@pytest.mark.parametrize("format", ["folders", "coco", "nnunet"])
def test_what_is_exported_reads_back_the_same(format: str):
    @settings(deadline=None, max_examples=25)
    @given(content=datasets(same_size=False))
    def run(content):
        check(format, content)

    run()


@settings(deadline=None, max_examples=25)
@given(content=datasets(same_size=True))
def test_stacks_read_back_the_same(content):
    check("tiff", content)
