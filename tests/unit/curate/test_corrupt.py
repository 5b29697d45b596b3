"""Label corruption: what each error does, and that it is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import making
import numpy as np
import pytest
from scipy import ndimage

from synthem.classes import SIX, Classes
from synthem.curate.check import check
from synthem.curate.corrupt import KINDS, Corruption, corrupt, corrupt_masks
from synthem.errors import SynthemError
from synthem.seeds import stream
from synthem.tiles.dataset import TileDataset

ONE = Classes(("cell",))
TWO = Classes(("cell", "nucleus"))
EIGHT = np.ones((3, 3), bool)


def discs(*where: tuple[int, int, int], size: int = 120) -> Any:
    """(y, x) with discs of some radius about (y, x)."""
    y, x = np.indices((size, size))
    return np.any([(y - a) ** 2 + (x - b) ** 2 <= r * r for a, b, r in where], axis=0)


def apply(masks: Any, kind: Any, strength: float, table: Classes = ONE, seed: int = 0, **more: Any) -> Any:
    disjoint = more.pop("disjoint", [])
    rng, bias = stream(seed, "row"), stream(seed, "bias")
    return corrupt_masks(np.asarray(masks), Corruption(kind, strength, **more), table, disjoint, rng, bias)


def test_systematic_growing_and_shrinking_are_distances() -> None:
    mask = discs((60, 60, 20), (20, 20, 8))
    outside, inside = ndimage.distance_transform_edt(~mask), ndimage.distance_transform_edt(mask)
    assert np.array_equal(apply([mask], "grow", 3, systematic=True)[0], outside <= 3)
    assert np.array_equal(apply([mask], "shrink", 3, systematic=True)[0], inside > 3)


def test_an_object_at_the_edge_goes_on_beyond_it() -> None:
    mask = np.zeros((60, 60), bool)
    mask[:20, :20] = True
    shrunk = apply([mask], "shrink", 3, systematic=True)[0]
    expected = np.zeros_like(mask)
    expected[:17, :17] = True
    assert np.array_equal(shrunk, expected)
    for seed in range(8):
        moved = apply([mask], "shift", 4, seed=seed, systematic=True)[0]
        assert not moved[26:].any()
        assert not moved[:, 26:].any()


def test_random_growing_goes_both_ways_by_the_same_size() -> None:
    mask = discs(*((y, x, 6) for y in range(15, 110, 30) for x in range(15, 110, 30)))
    after = apply([mask], "grow", 2)[0]
    labels, n = ndimage.label(mask, EIGHT)
    grown = [bool((after & ~mask)[ndimage.binary_dilation(labels == i, EIGHT, 2)].any()) for i in range(1, n + 1)]
    assert 0 < sum(grown) < n
    outside, inside = ndimage.distance_transform_edt(~mask), ndimage.distance_transform_edt(mask)
    assert not (after & (outside > 2)).any()
    assert after[inside > 2].all()


def test_systematic_shift_is_the_same_for_all_and_random_is_not() -> None:
    places = [(y, x, 6) for y in (30, 60, 90) for x in (30, 60, 90)]
    mask = discs(*places)
    after = apply([mask], "shift", 5, systematic=True)[0]
    centre = np.array(ndimage.center_of_mass(after)) - ndimage.center_of_mass(mask)
    assert np.hypot(*centre) == pytest.approx(5, abs=0.8)
    assert np.array_equal(after, np.roll(mask, np.round(centre).astype(int), (0, 1)))
    drawn = apply([mask], "shift", 5)[0]
    centres = ndimage.center_of_mass(drawn, *(ndimage.label(drawn, EIGHT)[0], range(1, 10)))
    offsets = np.array(sorted(centres)) - np.array(sorted((y, x) for y, x, _ in places))
    assert len({tuple(np.round(o)) for o in offsets}) > 3


def test_smoothing_takes_thin_parts_away() -> None:
    mask = discs((60, 60, 25))
    mask[59:61, 80:115] = True
    after = apply([mask], "smooth", 4, systematic=True)[0]
    assert not after[:, 95:].any()
    assert (after & mask).sum() > 0.95 * discs((60, 60, 25)).sum()


def test_systematic_leaving_out_takes_the_smallest() -> None:
    places = [(20, 20, 3), (20, 80, 5), (80, 20, 7), (80, 80, 9)]
    after = apply([discs(*places)], "leave-out", 0.5, systematic=True)[0]
    assert np.array_equal(after, discs(*places[2:]))


def test_random_leaving_out_takes_about_that_share() -> None:
    mask = discs(*((y, x, 3) for y in range(10, 115, 10) for x in range(10, 115, 10)))
    n = ndimage.label(mask, EIGHT)[1]
    left = ndimage.label(apply([mask], "leave-out", 0.3)[0], EIGHT)[1]
    assert 0.55 * n < left < 0.85 * n
    assert not apply([mask], "leave-out", 1)[0].any()


def test_swapping_moves_objects_to_another_class() -> None:
    cell, nucleus = discs((30, 30, 10), (90, 90, 12)), discs((30, 90, 8))
    after = apply([cell, nucleus], "swap", 1, TWO, classes=("cell",), systematic=True)
    assert not after[0].any()
    assert np.array_equal(after[1], cell | nucleus)
    named = apply([cell, nucleus], "swap", 1, TWO, to="cell")
    assert np.array_equal(named[0], cell | nucleus)
    assert not named[1].any()


def test_a_mitochondrion_takes_its_boundary_with_it() -> None:
    masks = np.zeros((6, 120, 120), bool)
    masks[1] = discs((60, 60, 30))
    masks[2] = masks[1] & ~discs((60, 60, 25))
    for kind, strength in (("leave-out", 1.0), ("points", 1.0), ("shrink", 8.0)):
        after = apply(masks, kind, strength, SIX, classes=("mitochondrion",), systematic=True)
        assert not (after[2] & ~after[1]).any()
    swapped = apply(masks, "swap", 1, SIX, classes=("mitochondrion",), to="psd")
    assert np.array_equal(swapped[3], masks[1])
    assert not swapped[[1, 2]].any()


def test_points_lie_inside_their_objects() -> None:
    ring = discs((60, 60, 30)) & ~discs((60, 60, 22))
    after = apply([ring | discs((10, 10, 6))], "points", 1, radius_px=1)[0]
    assert ndimage.label(after, EIGHT)[1] == 2
    assert after.sum() <= 10
    assert not (after & ~(ring | discs((10, 10, 6)))).any()
    assert apply([discs((10, 10, 6))], "points", 1, radius_px=0)[0].sum() == 1


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> TileDataset:
    folder = tmp_path_factory.mktemp("corrupt") / "tiles"
    ids = [np.ones((64, 64), np.uint16)] * 6
    return making.tiles(folder, 6, splits=["train"] * 4 + ["test"] * 2, instances=ids, scenes=["{}"] * 6)


def test_it_is_recorded_and_measured(tiles: TileDataset, tmp_path: Path) -> None:
    steps = [Corruption("shift", 2, ("psd",)), Corruption("leave-out", 0.5, ("axon",))]
    done = corrupt(tiles, tmp_path / "out", steps, seed=3)
    held = TileDataset.open(tmp_path / "out")
    assert held.meta["corruption"]["steps"] == [step.to_json() for step in steps]
    assert held.meta["corruption"]["of"] == tiles.fingerprint
    assert held.fingerprint != tiles.fingerprint
    before, after = (np.stack([d.masks(i) for i in range(4)]) for d in (tiles, held))
    for c, name in enumerate(SIX.names):
        dice = 2 * (before & after)[:, c].sum() / (before[:, c].sum() + after[:, c].sum())
        assert done.agreement[name] == pytest.approx(dice, abs=1e-6)
    assert done.agreement["vesicle"] == 1
    assert done.changed == sum(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert "leave-out" in (tmp_path / "out" / "README.md").read_text()
    assert not [one for one in check(tmp_path / "out") if one.kind in ("counts", "pixels")]


def test_test_rows_and_images_stay(tiles: TileDataset, tmp_path: Path) -> None:
    corrupt(tiles, tmp_path / "out", [Corruption("leave-out", 1)])
    held = TileDataset.open(tmp_path / "out")
    for i in range(6):
        assert np.array_equal(held.image(i), tiles.image(i))
        assert held.row(i)["scene"] == "{}"
        assert held.stored(i).any() == (i >= 4)
        assert (held.instances(i) is None) == (i < 4)
    corrupt(tiles, tmp_path / "all", [Corruption("leave-out", 1)], of=None)
    assert not TileDataset.open(tmp_path / "all").stored(5).any()


@pytest.mark.parametrize("kind", KINDS)
def test_strength_zero_changes_nothing(tiles: TileDataset, tmp_path: Path, kind: Any) -> None:
    done = corrupt(tiles, tmp_path / "out", [Corruption(kind, 0)])
    held = TileDataset.open(tmp_path / "out")
    assert done.changed == 0
    assert held.fingerprint == tiles.fingerprint
    assert held.table.equals(tiles.table)


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        ([], "at least one error"),
        ([Corruption("grwo", 2)], "did you mean 'grow'"),  # type: ignore[arg-type]
        ([Corruption("grow", -1)], "0 to 200 px"),
        ([Corruption("grow", float("inf"))], "0 to 200 px"),
        ([Corruption("leave-out", 1.5)], "0 to 1"),
        ([Corruption("swap", 0.5, to="nerve")], "class 'nerve'"),
        ([Corruption("swap", 0.5, to="mitochondrial_boundary")], "lies inside another"),
        ([Corruption("grow", 1, ("nerve",))], "class 'nerve'"),
        ([Corruption("points", 1, radius_px=-1)], "--radius -1"),
    ],
)
def test_what_it_refuses(tiles: TileDataset, tmp_path: Path, steps: Any, line: str) -> None:
    with pytest.raises(SynthemError, match=line):
        corrupt(tiles, tmp_path / "out", steps)
    assert list(tmp_path.iterdir()) == []


def test_other_refusals(tiles: TileDataset, tmp_path: Path) -> None:
    with pytest.raises(SynthemError, match="no split 'val' to corrupt; it has test, train"):
        corrupt(tiles, tmp_path / "out", [Corruption("grow", 1)], of="val")
    with pytest.raises(SynthemError, match="holds something already"):
        corrupt(tiles, tiles.folder, [Corruption("grow", 1)])
    making.tiles(tmp_path / "one", 2, classes=ONE)
    with pytest.raises(SynthemError, match="no other class"):
        corrupt(tmp_path / "one", tmp_path / "out", [Corruption("swap", 1)])
