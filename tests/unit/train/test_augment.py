"""Augmentation: each change does what it says to image and masks alike, and depends on seed and path alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from synthem.errors import SynthemError
from synthem.seeds import stream
from synthem.train.augment import PRESETS, Augment, Drawn

SIZE = (48, 64)


def smooth_batch(n: int = 4, channels: int = 1) -> Tensor:
    """Images of low frequencies, so that interpolation changes little."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    waves = stream(0, "waves").uniform(0.05, 0.2, (n, channels, 2))
    images = [[0.5 + 0.2 * np.sin(a * y) + 0.2 * np.cos(b * x) for a, b in sample] for sample in waves]
    return torch.from_numpy(np.array(images, np.float32))


def only(**settings: Any) -> Augment:
    return Augment.parse({**PRESETS["none"].to_json(), **settings})


def run(augment: Augment, images: Tensor, masks: Tensor | None = None, seed: int = 0) -> tuple[Tensor, Tensor, Drawn]:
    masks = (images > 0.5).float() if masks is None else masks
    drawn = augment.draw(len(images), *images.shape[-2:], seed, "epoch", 0)
    generator = torch.Generator().manual_seed(seed)
    return *augment.apply(images, masks, drawn.tensors(), generator), drawn


def test_none_changes_nothing() -> None:
    images = smooth_batch()
    found, masks, drawn = run(PRESETS["none"], images)
    assert found is images
    assert torch.equal(masks, (images > 0.5).float())
    assert np.allclose(drawn.matrix, np.eye(3))


def test_flips_mirror_image_and_masks_exactly_as_drawn() -> None:
    images = smooth_batch(16)
    found, masks, drawn = run(only(flip_y=True, flip_x=True), images)
    signs = set()
    for i in range(len(images)):
        y, x = bool(drawn.matrix[i, 1, 1] < 0), bool(drawn.matrix[i, 0, 0] < 0)
        axes = [axis for axis, flipped in ((1, y), (2, x)) if flipped]
        signs.add((y, x))
        assert torch.allclose(found[i], images[i].flip(axes), atol=1e-5)
        assert torch.equal(masks[i], (images[i] > 0.5).float().flip(axes))
    assert len(signs) == 4


def test_transposition_gives_all_eight_symmetries_of_a_square() -> None:
    images = smooth_batch(32)[..., :48]
    found, masks, _ = run(only(flip_y=True, flip_x=True, transpose=True), images)
    seen = set()
    for image, changed, mask in zip(images, found, masks, strict=True):
        symmetries = [turned.rot90(k, (1, 2)) for turned in (image, image.mT) for k in range(4)]
        [which] = [k for k, one in enumerate(symmetries) if torch.allclose(changed, one, atol=1e-5)]
        assert torch.equal(mask, (symmetries[which] > 0.5).float())
        seen.add(which)
    assert len(seen) == 8


def test_what_transposition_brings_in_from_beyond_an_oblong_is_its_edge() -> None:
    images = torch.arange(4.0)[:, None].expand(4, 6)[None, None].repeat(16, 1, 1, 1)
    found, _, drawn = run(only(transpose=True), images)
    for changed, matrix in zip(found[:, 0], drawn.matrix, strict=True):
        if matrix[0, 0]:
            assert torch.equal(changed, images[0, 0])
        else:
            assert torch.allclose(changed[0], torch.tensor([0.0, 0, 1, 2, 3, 3]), atol=1e-5)


def test_shift_moves_by_a_share_of_the_side() -> None:
    images = smooth_batch()
    found, _, drawn = run(only(shift=0.25), images)
    for i in range(len(images)):
        dx, dy = drawn.matrix[i, 0, 2] / 2 * SIZE[1], drawn.matrix[i, 1, 2] / 2 * SIZE[0]
        assert abs(dx) <= 0.25 * SIZE[1]
        assert abs(dy) <= 0.25 * SIZE[0]
        y, x = 24, 32
        nearest = images[i, 0, round(y + float(dy)), round(x + float(dx))]
        assert found[i, 0, y, x].item() == pytest.approx(nearest.item(), abs=0.05)


def test_rotation_turns_about_the_centre_without_distorting_a_rectangle() -> None:
    augment = only(rotate_deg=40)
    images = torch.zeros(8, 1, *SIZE)
    images[:, :, 20:28, 20:44] = 1  # 8 × 24 px about the centre
    found, masks, drawn = run(augment, images, images.clone())
    assert masks.sum((1, 2, 3)).numpy() == pytest.approx(np.full(8, 192), rel=0.06)
    for i in range(8):
        y, x = np.nonzero(masks[i, 0].numpy())
        assert (y.mean(), x.mean()) == pytest.approx((23.5, 31.5), abs=0.3)
        axis = np.linalg.svd(np.stack([x - x.mean(), y - y.mean()], 1), full_matrices=False)[2][0]
        pixels = np.diag([SIZE[1] / 2, SIZE[0] / 2])
        turned = np.linalg.inv(pixels @ drawn.matrix[i, :2, :2] @ np.linalg.inv(pixels)) @ [1, 0]
        assert abs(axis @ turned) == pytest.approx(1, abs=0.01)
    assert found.shape == images.shape


def test_zoom_shear_pad_and_crop_scale_areas() -> None:
    def areas(**settings: Any) -> np.ndarray:
        images = torch.zeros(32, 1, *SIZE)
        images[:, :, 18:30, 24:40] = 1
        return run(only(**settings), images, images.clone())[1].sum((1, 2, 3)).numpy() / 192

    zoomed = areas(zoom=0.3)
    assert 0.45 < zoomed.min() < 0.8 < 1.2 < zoomed.max() < 1.75
    assert areas(shear=0.3) == pytest.approx(np.ones(32), abs=0.06)
    padded = areas(pad=0.3, fill="zero")
    assert padded.max() <= 1.01
    assert 0.35 < padded.min() < 0.75
    cropped = areas(resized_crop=[0.6, 0.6])
    assert cropped.max() == pytest.approx(1 / 0.36, rel=0.1)


def test_a_crop_is_a_window_of_the_image() -> None:
    images = smooth_batch()
    augment = only(crop=24)
    found, masks, drawn = run(augment, images)
    assert found.shape == masks.shape == (4, 1, 24, 24)
    for i in range(4):
        x = (drawn.matrix[i, 0, 2] + 1) / 2 * SIZE[1] - 12
        y = (drawn.matrix[i, 1, 2] + 1) / 2 * SIZE[0] - 12
        assert 0 <= round(y) <= 24
        assert 0 <= round(x) <= 40
        window = images[i, :, round(y) : round(y) + 24, round(x) : round(x) + 24]
        assert torch.allclose(found[i], window, atol=0.06)
    with pytest.raises(SynthemError, match="crop=49: larger than the images of 48x64"):
        only(crop=49).out_size(*SIZE)


def test_perspective_brings_one_edge_nearer() -> None:
    images = torch.zeros(1, 1, *SIZE)
    images[:, :, 16:32] = 1
    augment = only(perspective=0.4)
    drawn = augment.draw(1, *SIZE, 0, "epoch", 0)
    drawn.matrix[0, 2, :2] = (0.4, 0)
    masks = augment.apply(images, images, drawn.tensors())[1][0, 0]
    heights = masks.sum(0)
    assert heights[-1] == pytest.approx(16 * 1.4, abs=1)
    assert heights[0] == pytest.approx(16 * 0.6, abs=1)


@pytest.mark.parametrize(("fill", "expected"), [("edge", 1.0), ("zero", 0.0), ("mirror", 0.2)])
def test_what_lies_beyond_the_edge(fill: str, expected: float) -> None:
    images = torch.full((1, 1, 32, 32), 0.2)
    images[..., -1] = 1.0
    augment = only(shift=0.3, fill=fill)
    drawn = augment.draw(1, 32, 32, 0, "epoch", 0)
    drawn.matrix[0, :2, 2] = (0.5, 0)  # a quarter of the side to the right
    found = augment.apply(images, images, drawn.tensors())[0]
    assert found[0, 0, 16, -2].item() == pytest.approx(expected, abs=1e-3)


def test_masks_follow_the_image_in_the_studys_augmentation() -> None:
    images = smooth_batch(8)
    found, masks, _ = run(PRESETS["study"], images)
    off_the_line = (found - 0.5).abs() > 0.03
    assert off_the_line.float().mean() > 0.8
    assert torch.equal(masks[off_the_line], (found > 0.5).float()[off_the_line])
    assert set(masks.unique().tolist()) == {0.0, 1.0}


def test_brightness_contrast_and_sharpness_leave_masks_alone() -> None:
    images = smooth_batch()
    for settings in ({"brightness": 0.1}, {"contrast": 0.5}, {"sharpness": 1.0}, {"noise": 0.1}, {"blur_px": 2.0}):
        found, masks, _ = run(only(**settings), images)
        assert not torch.allclose(found, images, atol=1e-4)
        assert torch.equal(masks, (images > 0.5).float())
        assert float(found.min()) >= 0
        assert float(found.max()) <= 1


def test_grey_levels_change_by_what_was_drawn() -> None:
    images = smooth_batch() * 0.4 + 0.3
    found, _, drawn = run(only(brightness=0.1), images)
    assert torch.allclose(found - images, torch.from_numpy(drawn.brightness)[:, None, None, None].expand_as(images))
    found, _, drawn = run(only(contrast=0.5), images)
    assert torch.allclose(found.std((1, 2, 3)) / images.std((1, 2, 3)), torch.from_numpy(drawn.contrast), rtol=1e-4)
    noisy, _, drawn = run(only(noise=0.1), torch.full((4, 1, 128, 128), 0.5))
    assert noisy.std((1, 2, 3)).numpy() == pytest.approx(drawn.noise, rel=0.05)


def test_blur_is_gaussian() -> None:
    from scipy.ndimage import gaussian_filter

    images = torch.from_numpy(stream(1, "grey").random((3, 2, 40, 40)).astype(np.float32))
    found, _, drawn = run(only(blur_px=2.0), images)
    for i in range(3):
        for c in range(2):
            expected = gaussian_filter(images[i, c].numpy(), float(drawn.blur_px[i]), mode="nearest", radius=6)
            assert found[i, c].numpy() == pytest.approx(expected, abs=1e-5)


def test_cutmix_lays_a_box_of_the_sample_before_over_image_and_masks() -> None:
    n = 64
    images = torch.arange(float(n)).view(n, 1, 1, 1).expand(n, 1, *SIZE).contiguous()
    masks = images / n
    augment = only(cutmix=0.5)
    drawn = augment.draw(n, *SIZE, 0, "epoch", 0)
    found, mixed, _ = augment.lay_boxes(images, masks, torch.ones(n, 1), drawn.tensors())
    assert torch.allclose(mixed, found / n)
    areas = []
    for i, (top, bottom, left, right) in enumerate(drawn.box):
        y = slice(max(0, round(float(top) * SIZE[0])), max(0, round(float(bottom) * SIZE[0])))
        x = slice(max(0, round(float(left) * SIZE[1])), max(0, round(float(right) * SIZE[1])))
        expected = images[i].clone()
        expected[:, y, x] = (i - 1) % n
        assert torch.equal(found[i], expected)
        areas += [float((bottom - top) * (right - left))] * int(bottom > top)
    assert 20 < len(areas) < 44
    assert min(areas) < 0.2 < 0.8 < max(areas) <= 1


def test_cutmix_keeps_to_what_both_samples_know() -> None:
    augment = only(cutmix=1)
    drawn = augment.draw(2, *SIZE, 0, "epoch", 0).tensors()
    drawn["box"] = torch.tensor([[0.2, 0.4, 0.2, 0.4], [0.3, 0.3, 0.6, 0.6]])
    known = torch.tensor([[1.0, 1, 0], [1, 0, 1]])
    images = torch.zeros(2, 1, *SIZE)
    assert augment.lay_boxes(images, images, known, drawn)[2].tolist() == [[1, 0, 0], [1, 0, 1]]
    assert PRESETS["study"].lay_boxes(images, images, known, drawn)[2] is known


def test_drawing_depends_on_seed_and_path_and_each_setting_on_its_own_stream() -> None:
    a = PRESETS["study"].draw(5, *SIZE, 0, "epoch", 0)
    assert np.array_equal(a.matrix, PRESETS["study"].draw(5, *SIZE, 0, "epoch", 0).matrix)
    assert not np.array_equal(a.matrix, PRESETS["study"].draw(5, *SIZE, 0, "epoch", 1).matrix)
    assert not np.array_equal(a.matrix, PRESETS["study"].draw(5, *SIZE, 1, "epoch", 0).matrix)
    more = Augment(noise=0.1, brightness=0.2).draw(5, *SIZE, 0, "epoch", 0)
    assert np.array_equal(a.matrix, more.matrix)
    assert np.array_equal(more.noise, Augment(noise=0.1).draw(5, *SIZE, 0, "epoch", 0).noise)


def test_text_and_mapping_mean_the_same() -> None:
    text = Augment.parse("study,noise=0.05,resized_crop=0.5..1,flip_x=false,fill=mirror,crop=32")
    assert text == Augment(noise=0.05, resized_crop=(0.5, 1), flip_x=False, fill="mirror", crop=32)
    assert Augment.parse(text.to_json()) == text == Augment.parse(text)
    assert Augment.parse({"noise": 0.1}) == Augment(noise=0.1)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("studi", "did you mean 'study'"),
        ("study,nois=1", "did you mean 'noise'"),
        ({"nois": 1}, "did you mean 'noise'"),
        ("study,noise=loud", "give a number"),
        ("study,flip_x=maybe", "give true or false"),
        ("study,resized_crop=a..b", r"give LOW\.\.HIGH"),
        ("study,crop=1.5", "give a whole number"),
        ("study,noise=-1", "must be 0 or more"),
        ("study,resized_crop=1..0.5", "the lower first"),
        ("study,perspective=0.5", "must be below 0.5"),
        ("study,zoom=1", "must be below 1"),
        ("study,cutmix=1.5", "must be a share, at most 1"),
        ("study,fill=white", "fill 'white'"),
    ],
)
def test_errors_are_one_line(given: Any, line: str) -> None:
    with pytest.raises(SynthemError, match=line) as caught:
        Augment.parse(given)
    assert "\n" not in str(caught.value)
