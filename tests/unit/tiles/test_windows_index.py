"""Windows over the rows of a dataset: what is read, what is kept, what is refused, and the way back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from making import layers

from synthem import SynthemError
from synthem.tiles.dataset import TileDataset
from synthem.tiles.windows import Windows, blend_weights, cut, stitch, window_corners


@pytest.fixture
def dataset(tmp_path: Path) -> TileDataset:
    return layers(tmp_path / "layers", ["a", "b", "c"], (40, 56))


def test_a_window_is_its_part_of_image_and_mask(dataset: TileDataset):
    windows = Windows(dataset, [2, 0], size=(16, 24), stride=(8, 16))
    assert len(windows) == 2 * 4 * 3
    assert windows.index[0].tolist() == [2, 0, 0]
    assert windows.index[-1].tolist() == [0, 24, 32]
    image, stored = windows[-1]
    np.testing.assert_array_equal(image, dataset.image(0)[24:40, 32:56])
    np.testing.assert_array_equal(stored, dataset.stored(0)[24:40, 32:56])


def test_what_is_read_may_be_written_to(dataset: TileDataset):
    windows = Windows(dataset, size=16, stride=16)
    before = windows[0][0].copy()
    windows[0][0][:] = 0
    np.testing.assert_array_equal(windows[0][0], before)


def test_overhanging_windows_show_the_mirror_image(dataset: TileDataset):
    windows = Windows(dataset, [0], size=32, stride=32, edge="pad")
    beyond = np.pad(dataset.image(0), ((0, 24), (0, 8)), mode="symmetric")
    assert windows.index[:, 1:].tolist() == [[0, 0], [0, 32], [32, 0], [32, 32]]
    np.testing.assert_array_equal(windows[3][0], beyond[32:64, 32:64])


def test_a_tiny_plane_is_mirrored_again_and_again():
    np.testing.assert_array_equal(cut(np.array([[1, 2]]), 0, 0, (1, 7)), [[1, 2, 2, 1, 1, 2, 2]])


@pytest.mark.parametrize("edge", ["shift", "pad"])
def test_stitching_gives_the_layers_back(dataset: TileDataset, edge):
    windows = Windows(dataset, [1, 2], size=24, stride=10, edge=edge)
    one, two = windows.stitch(image.astype(np.float32) / 3 for image, _ in windows)
    np.testing.assert_array_equal(one, dataset.image(1).astype(np.float32) / 3)
    np.testing.assert_array_equal(two, dataset.image(2).astype(np.float32) / 3)


def test_stitched_masks_keep_their_classes_in_front(dataset: TileDataset):
    windows = Windows(dataset, [0], size=20, stride=9, edge="pad")
    (masks,) = windows.stitch(dataset.classes.unpack(stored) for _, stored in windows)
    np.testing.assert_array_equal(masks, dataset.masks(0))


def test_dropped_edges_stay_unknown_after_stitching(dataset: TileDataset):
    windows = Windows(dataset, [0], size=32, stride=32)
    (layer,) = windows.stitch(image for image, _ in windows)
    np.testing.assert_array_equal(layer[:32, :32], dataset.image(0)[:32, :32])
    assert np.isnan(layer[32:]).all()
    assert np.isnan(layer[:, 32:]).all()


def test_overlaps_lean_to_the_window_whose_middle_is_nearer():
    corners = window_corners(4, 12, (4, 8), (4, 4))
    left, right = np.zeros((4, 8)), np.ones((4, 8))
    blended = stitch([left, right], corners, 4, 12)[0]
    assert blended[:4].tolist() == [0, 0, 0, 0]
    assert blended[8:].tolist() == [1, 1, 1, 1]
    assert (np.diff(blended[3:9]) > 0).all()


def test_weights_are_whole_and_positive():
    weights = blend_weights((4, 5))
    assert weights[0, 0] == 1
    assert weights.max() == weights[1, 2] == 6
    np.testing.assert_array_equal(weights, np.rint(weights))


def test_samples_are_the_windows(dataset: TileDataset):
    windows = Windows(dataset, [0, 1], size=20, stride=20)
    samples = windows.samples()
    assert samples.images.shape == (8, 1, 20, 20)
    assert list(samples.groups) == ["a"] * 4 + ["b"] * 4
    for i, (image, stored) in enumerate(windows):
        np.testing.assert_array_equal(samples.images[i, 0], image)
        np.testing.assert_array_equal(samples.stored[i], stored)


def test_samples_know_which_classes_were_never_labelled(tmp_path: Path):
    dataset = layers(tmp_path / "layers", ["a"], (32, 32), unknown_classes=["axon"])
    assert Windows(dataset, size=16, stride=16).samples().known.tolist() == [[False] + [True] * 5] * 4


def test_a_layer_is_decoded_once_and_the_oldest_forgotten(dataset: TileDataset, monkeypatch: pytest.MonkeyPatch):
    decoded: list[int] = []
    image = TileDataset.image
    monkeypatch.setattr(TileDataset, "image", lambda self, row: decoded.append(row) or image(self, row))
    windows = Windows(dataset, size=16, stride=16, kept_bytes=2 * 2 * 40 * 56)
    for row in (0, 1, 0, 1, 0, 2, 0, 1):
        windows.layer(row)
    assert decoded == [0, 1, 2, 1]


def test_another_pixel_size_changes_the_grid(dataset: TileDataset):
    windows = Windows(dataset, [0], size=10, stride=10, nm_per_px=10)
    assert windows.layer_size(0) == (20, 28)
    assert len(windows) == 4
    corner = dataset.image(0)[:2, :2].astype(int)
    assert windows[0][0][0, 0] == (corner.sum() + 2) // 4


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"size": 64, "stride": 64},
            "row 0, 40x56 px, holds no window of 64x64 px; take smaller windows or edge 'pad'",
        ),
        ({"size": 64, "stride": 64, "edge": "shift"}, "smaller than a window of 64x64; use edge 'pad'"),
        ({"size": 0, "stride": 1}, "window 0: must be at least 1 px"),
        ({"size": 8, "stride": 0}, "stride 0: must be at least 1 px"),
        ({"size": 8, "stride": 8, "edge": "wrap"}, "no such policy; choose one of drop, shift, pad"),
        ({"rows": [3], "size": 8, "stride": 8}, "no row 3; it has 3"),
        ({"rows": [1, 1], "size": 8, "stride": 8}, "one stands twice"),
    ],
)
def test_what_can_not_be_is_refused(dataset: TileDataset, arguments, text: str):
    with pytest.raises(SynthemError, match=text):
        Windows(dataset, **arguments)


def test_a_pixel_size_is_needed_to_change_it(tmp_path: Path):
    dataset = layers(tmp_path / "layers", ["a"], (32, 32), nm_per_px=None)
    with pytest.raises(SynthemError, match="row 0 has no pixel size"):
        Windows(dataset, size=8, stride=8, nm_per_px=10)


@pytest.mark.parametrize("count", [0, 3, 5])
def test_stitching_needs_every_window(count: int):
    corners = window_corners(8, 8, 4, 4)
    with pytest.raises(SynthemError, match="windows"):
        stitch([np.zeros((4, 4))] * count, corners, 8, 8)


def test_no_rows_give_no_windows(dataset: TileDataset):
    windows = Windows(dataset, [], size=8, stride=8)
    assert len(windows) == 0
    assert len(windows.samples()) == 0
