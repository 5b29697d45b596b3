"""Models built on a trained first one: cascades and segment classifiers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor, nn

from synthem.classes import Classes
from synthem.errors import SynthemError
from synthem.models import Cascade, ModelSpec, StoredModel, build_model, count_parameters, load_model, save_model
from synthem.models.segments import SegmentClassifier, SegmentCNN, SegmentSiamese, crops, label, log_odds, majority

SMALL = "tiny-unet:widths=4-8,dropout=0.5"
TWO = Classes(("a", "b"))


def stored(channels: int = 1) -> StoredModel:
    spec = ModelSpec.parse("tiny-unet:widths=4-4-8")
    return StoredModel(build_model(spec, channels, 2, seed=9), spec, channels, TWO, {})


def test_a_cascades_second_network_sees_the_image_and_the_firsts_probabilities() -> None:
    first = stored()
    model = build_model(f"cascade:second=({SMALL})", 1, 3, first=first)
    assert isinstance(model, Cascade)
    assert model.multiple == 4
    assert count_parameters(model) == count_parameters(build_model(SMALL, 3, 3))
    images = torch.rand(2, 1, 8, 8)
    model.eval()
    seen = torch.cat((images, first.model(images).sigmoid()), dim=1)
    assert torch.equal(model(images), model.second(seen))


def test_the_first_network_stays_as_it_was_while_the_second_is_trained() -> None:
    model = build_model(f"cascade:second=({SMALL})", 1, 3, first=stored()).train()
    before = {name: tensor.clone() for name, tensor in model.first.state_dict().items()}
    assert not model.first.training
    assert model.second.training
    output = model(torch.rand(4, 1, 8, 8))
    assert isinstance(output, Tensor)
    output.sum().backward()
    assert all(p.grad is None for p in model.first.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.first.state_dict().items())


@pytest.mark.parametrize(
    "spec",
    [f"cascade:second=({SMALL})", "segment-cnn:widths=4-8,side=16", "segment-siamese:widths=4-4,side=16,shots=2"],
)
def test_a_file_holds_all_of_a_model_in_two_stages(spec: str, tmp_path: Path) -> None:
    first = stored()
    parsed = ModelSpec.parse(spec)
    assert parsed == ModelSpec.parse(str(parsed)) == ModelSpec.parse(parsed.to_json())
    model = build_model(parsed, 1, 2, seed=3, first=first).eval()
    save_model(tmp_path / "m.safetensors", model, parsed, 1, TWO, {"nm_per_px": 10}, first)
    held = load_model(tmp_path / "m.safetensors")
    assert held.first is not None
    assert held.first.spec == first.spec
    image = torch.rand(1, 1, 16, 16)
    assert torch.equal(held.model(image), model(image))
    # A model in two stages may itself be the first of another.
    third = build_model(f"cascade:second=({SMALL})", 1, 2, first=held).eval()
    save_model(tmp_path / "n.safetensors", third, ModelSpec.parse(f"cascade:second=({SMALL})"), 1, TWO, {}, held)
    assert torch.equal(load_model(tmp_path / "n.safetensors").model(image), third(image))


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("cascade:second=cascade", "needs a first model itself"),
        ("cascade:second=tiny-unett", "did you mean 'tiny-unet'"),
        ("cascade:second=(tiny-unet:width=8)", "did you mean 'widths'"),
        ("segment-cnn:side=4", "side=4: must be a whole number of 8 or more"),
        ("segment-cnn:shots=x", "give a number"),
        ("segment-siamese:shots=0", "must be a whole number of 1 or more"),
        ("segment-cnn:threshold=1", "from 0 to below 1"),
        ("cascade", "is built on a trained first model; name its run"),
    ],
)
def test_errors_are_one_line(spec: str, line: str) -> None:
    with pytest.raises(SynthemError, match=line) as caught:
        build_model(spec, 1, 2)
    assert "\n" not in str(caught.value)


def test_a_first_model_that_does_not_fit_is_refused() -> None:
    with pytest.raises(SynthemError, match="first sees 3 channels, not 1"):
        build_model("cascade", 1, 2, first=stored(3))
    with pytest.raises(SynthemError, match="model tiny-unet: takes no first model"):
        build_model(SMALL, 1, 2, first=stored())


@given(hnp.arrays(bool, (7, 9)), st.integers(1, 4))
def test_segments_are_the_pieces_that_touch_at_sides_or_corners(foreground: np.ndarray, least: int) -> None:  # type: ignore[type-arg]
    left = {(int(y), int(x)) for y, x in np.argwhere(foreground)}
    pieces = []
    while left:
        piece, edge = set(), {left.pop()}
        while edge:
            piece |= edge
            near = {(y + dy, x + dx) for y, x in edge for dy in (-1, 0, 1) for dx in (-1, 0, 1)}
            edge = near & left
            left -= edge
        if len(piece) >= least:
            pieces.append(frozenset(piece))
    labels = label(foreground, least)
    found = {frozenset((int(y), int(x)) for y, x in np.argwhere(labels == i)) for i in range(1, labels.max() + 1)}
    assert found == set(pieces)


@given(hnp.arrays(np.int32, (4, 5), elements=st.integers(0, 3)), hnp.arrays(bool, (3, 4, 5)))
def test_a_segments_class_is_that_of_most_of_its_pixels(labels: np.ndarray, masks: np.ndarray) -> None:  # type: ignore[type-arg]
    found = majority(labels, masks)
    assert len(found) == labels.max()
    for i in range(1, int(labels.max()) + 1):
        inside = [masks[:, y, x] for y, x in np.argwhere(labels == i)]
        votes = [sum(bool(pixel[c]) for pixel in inside) for c in range(3)] + [sum(not p.any() for p in inside)]
        assert found[i - 1] == votes.index(max(votes))


def test_squares_keep_the_scale_or_shrink_until_the_segment_fits() -> None:
    image = np.arange(40 * 50, dtype=np.uint32).reshape(1, 40, 50).astype(np.uint8)
    labels = np.zeros((40, 50), np.int32)
    labels[10:14, 20:26] = 1
    labels[0:2, 0:2] = 2
    labels[20:40, 10:50] = 3
    found = crops(image, labels, 16)
    assert found.shape == (3, 2, 16, 16)
    assert np.array_equal(found[0, 0], image[0, 4:20, 15:31])
    assert np.array_equal(found[0, 1] > 0, labels[4:20, 15:31] == 1)
    assert (found[1, 0, :7, :7] == image[0, 0, 0]).all()
    assert found[1, 1].sum() == 4 * 255
    shrunk = (found[2, 1] / 255).sum() / 16**2
    assert shrunk == pytest.approx(20 * 40 / 50**2, rel=0.1)
    assert crops(image, np.zeros_like(labels), 16).shape == (0, 2, 16, 16)


def test_log_odds_are_those_of_the_softmax() -> None:
    scores = torch.tensor([[1.0, -2.0, 0.5], [30.0, -30.0, 0.0]])
    assert torch.allclose(log_odds(scores)[:, :, 0, 0].sigmoid(), scores.softmax(1)[:, :-1])


class Bright(nn.Module):
    """One class where the image is bright."""

    multiple = 1

    def forward(self, images: Tensor) -> Tensor:
        return (images - 0.5) * 50


class BySize(SegmentCNN):
    """Small segments are of class 0, large ones of class 1, the largest of none."""

    def forward(self, squares: Tensor) -> Tensor:
        area = (squares[:, -1] > 0.5).sum((1, 2)).float()[:, None]
        return log_odds(torch.cat(((area < 20) * 9.0, ((area >= 20) & (area < 60)) * 9.0, (area >= 60) * 9.0), dim=1))


def test_every_segment_is_painted_with_its_class_or_with_none() -> None:
    model = SegmentClassifier(Bright(), BySize(1, 2, (4,)), side=16, least=3, threshold=0.5, shots=0)
    image = np.zeros((1, 30, 40), np.uint8)
    image[0, 2:5, 2:5] = image[0, 10:16, 5:11] = image[0, 18:28, 20:30] = image[0, 1, 30:32] = 255
    probabilities = (image / np.float32(255)).astype(np.float32)
    painted, labels = model.whole(image, probabilities)
    expected = np.zeros((2, 30, 40), np.float32)
    expected[0, 2:5, 2:5] = expected[1, 10:16, 5:11] = 1
    assert np.array_equal(painted, expected)
    assert labels.max() == 3


def test_a_siamese_network_scores_a_class_by_its_mean_distance_to_examples() -> None:
    model = SegmentSiamese(1, 2, (4,), shots=3, side=8).eval()
    squares = np.random.default_rng(0).integers(0, 256, (6, 2, 8, 8), dtype=np.uint8)
    model.remember(squares, np.array([0, 0, 1, 1, 1, 1]))
    assert model.held.tolist() == [1, 1, 0, 1, 1, 1, 0, 0, 0]
    with torch.no_grad():
        sharp = np.concatenate((squares[:, :1] / 255, squares[:, 1:] >= 128), axis=1).astype(np.float32)
        features = model.trunk(torch.from_numpy(sharp))
        apart = ((features[:, None] - features).abs() * np.log(2)).sum(2)
        scores = torch.stack((-apart[:, :2].mean(1), -apart[:, 2:5].mean(1), torch.full((6,), -30.0)), dim=1)
        found = model(torch.from_numpy(squares / np.float32(255)))
    assert torch.allclose(found, log_odds(scores), atol=1e-4)
