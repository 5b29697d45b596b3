"""Prediction of whole layers: stitching, flips, sizes, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from learnable import discs
from torch import Tensor, nn

from synthem.errors import SynthemError
from synthem.evaluate import predict_layers
from synthem.models import build_model
from synthem.models.machine import Machine
from synthem.models.prepare import prepare
from synthem.tiles.windows import stitch, window_corners

CPU = Machine(torch.device("cpu"), bfloat16=False)


class GreyLevel(nn.Module):
    """Predicts for two classes the grey level of each pixel and its complement."""

    def forward(self, images: Tensor) -> Tensor:
        level = images[:, :1].clamp(1e-3, 1 - 1e-3)
        return torch.cat((level.logit(), -level.logit()), 1)


def predict(model: nn.Module, samples: Any, **settings: Any) -> list[npt.NDArray[np.float32]]:
    return list(predict_layers(model, samples, machine=CPU, **settings))


@pytest.mark.parametrize("settings", [{"window": None}, {"window": 16}, {"window": 20, "stride": 7, "batch": 3}])
@pytest.mark.parametrize("blend", ["smooth", "flat"])
def test_a_pixelwise_model_is_stitched_without_a_seam(settings: dict[str, Any], blend: str) -> None:
    samples = discs(2, 40, width=51)
    for found, image in zip(predict(GreyLevel(), samples, blend=blend, **settings), samples.images, strict=True):
        level = np.clip(image[0] / 255, 1e-3, 1 - 1e-3)
        assert found.shape == (2, 40, 51)
        assert found.dtype == np.float32
        assert found == pytest.approx(np.stack([level, 1 - level]), abs=1e-5)


def test_windows_are_blended_as_stitch_blends_them() -> None:
    samples = discs(1, 40, width=56)
    model = build_model("tiny-unet:widths=4-8-8", 1, 2).eval()
    corners = window_corners(40, 56, 16, 8, "shift")
    image = torch.from_numpy(samples.images[0] / np.float32(255))
    with torch.inference_mode():
        windows = [model(image[None, :, y : y + 16, x : x + 16])[0].sigmoid().numpy() for y, x in corners.tolist()]
    expected = stitch(windows, corners, 40, 56)
    assert predict(model, samples, window=16)[0] == pytest.approx(expected, abs=1e-5)


def test_flips_average_four_mirror_images() -> None:
    samples = discs(1, 32, width=48)
    model = build_model("tiny-unet:widths=4-8-8", 1, 2).eval()
    image = torch.from_numpy(samples.images / np.float32(255))
    with torch.inference_mode():
        ways = [model(image.flip(axes)).sigmoid().flip(axes) for axes in ((), (2,), (3,), (2, 3))]
    found = predict(model, samples, window=None, flips=True)[0]
    assert found == pytest.approx(torch.stack(ways).mean(0)[0].numpy(), abs=1e-5)
    assert found != pytest.approx(predict(model, samples, window=None)[0], abs=1e-4)


def test_a_layer_that_no_multiple_fits_is_predicted_whole() -> None:
    found = predict(build_model("tiny-unet:widths=4-8-8", 1, 2), discs(1, 37, width=43), window=None)
    assert found[0].shape == (2, 37, 43)
    assert np.isfinite(found[0]).all()


def test_contrast_is_prepared_as_in_training() -> None:
    samples = discs(1, 32)
    found = predict(GreyLevel(), samples, window=None, contrast="clahe")[0][0]
    assert found == pytest.approx(prepare(samples.images, "clahe")[0, 0] / 255, abs=2e-3)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"window": 64}, "window 64: larger than the layers of 48x48 px"),
        ({"window": 16, "stride": 17}, "stride 17: larger than the window of 16x16 px leaves gaps"),
        ({"window": 16, "stride": 0}, r"stride 0.*: must be at least 1"),
        ({"window": 16, "blend": "soft"}, "blend 'soft'"),
    ],
)
def test_errors_come_before_any_work(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(SynthemError, match=line):
        predict_layers(GreyLevel(), discs(1), machine=CPU, **settings)
