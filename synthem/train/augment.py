"""Augmentation of a batch on its device: parameters are drawn first, then applied by a function of them alone.

All geometric changes are one matrix for each sample, so image and masks are resampled once, together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from synthem.errors import SynthemError, unknown_name
from synthem.seeds import stream
from synthem.train.settings import check_types

Fill = Literal["edge", "mirror", "zero"]
_PADDING = {"edge": "border", "mirror": "reflection", "zero": "zeros"}


@dataclass(frozen=True)
class Augment:
    """What may happen to a sample; each value is the most that is done, and 0 switches it off.

    The defaults are the ratio study's. Parameters are uniform over their range, and each has a stream of its own, so
    switching one on changes no other.
    """

    flip_y: bool = True
    """Upside down, for half of the samples."""
    flip_x: bool = True
    """Left to right, for half of the samples."""
    transpose: bool = False
    """Rows and columns exchanged, for half of the samples: with both flips, all eight symmetries of a square. What of
    a sample that isn't square lies beyond it afterwards is `fill`."""
    rotate_deg: float = 5.0
    """Rotation about the centre, ± degrees."""
    shift: float = 0.05
    """Shift along each axis, ± share of the side."""
    shear: float = 0.05
    """Columns moved in proportion to their row, ± px a px."""
    zoom: float = 0.05
    """Magnification of each axis, 1 ± this."""
    perspective: float = 0.0
    """Tilt: how much nearer one edge is than the centre, ± share; below 0.5."""
    pad: float = 0.0
    """Margin added at each edge before the sample is scaled back to its size, 0 to this share of the side."""
    crop: int = 0
    """Side of a square cut out at a random place, px, at the scale of the image; 0 keeps the whole."""
    resized_crop: tuple[float, float] = (1.0, 1.0)
    """Least and greatest share of the sides that is cut out at a random place and scaled to the output's size."""
    fill: Fill = "edge"
    """What lies beyond the image: its edge repeated, its mirror image, or black without classes."""
    brightness: float = 0.0
    """Added to grey levels 0..1, ±."""
    contrast: float = 0.0
    """Factor on the distance from the mean grey, 1 ± this."""
    sharpness: float = 0.0
    """Share of the difference to a smoothed image that is added (sharper) or removed (softer), ±."""
    noise: float = 0.0
    """Standard deviation of Gaussian noise on grey levels 0..1, 0 to this."""
    blur_px: float = 0.0
    """Standard deviation of Gaussian blur, 0 to this, px."""
    cutmix: float = 0.0
    """Share of the samples over which a box of the batch's sample before is laid, image and masks (CutMix: Yun et al.,
    ICCV 2019): its area is uniform over 0 to the whole, its centre over the image, and what lies beyond is cut off."""

    def __post_init__(self) -> None:
        check_types(self, "augmentation")
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, (int, float)) and not 0 <= value < math.inf:
                raise SynthemError(f"augmentation: {field.name}={value}: must be 0 or more")
        object.__setattr__(self, "resized_crop", tuple(self.resized_crop))
        low, high = self.resized_crop
        if not 0 < low <= high:
            raise SynthemError(f"augmentation: resized_crop={low}..{high}: give two shares above 0, the lower first")
        if self.perspective >= 0.5:
            raise SynthemError(f"augmentation: perspective={self.perspective}: must be below 0.5")
        if self.cutmix > 1:
            raise SynthemError(f"augmentation: cutmix={self.cutmix}: must be a share, at most 1")
        if self.zoom >= 1:
            raise SynthemError(f"augmentation: zoom={self.zoom}: must be below 1")

    @classmethod
    def parse(cls, given: Augment | str | Mapping[str, Any]) -> Augment:
        """From `study`, `none`, either followed by settings (`study,noise=0.05,resized_crop=0.5..1`), or a mapping.

        A mapping starts from the study's settings.

        Raises:
            SynthemError: an unknown preset or setting, or a value out of range.
        """
        if isinstance(given, Augment):
            return given
        if isinstance(given, str):
            preset, *parts = [part.strip() for part in given.split(",")]
            if preset not in PRESETS:
                raise unknown_name("augmentation", preset, PRESETS)
            base, changes = PRESETS[preset], dict(_assignment(part) for part in parts)
        else:
            base, changes = cls(), dict(given)
        settings = asdict(base)
        for key in changes:
            if key not in settings:
                raise unknown_name("augmentation: setting", key, settings)
        return cls(**settings | changes)

    def to_json(self) -> dict[str, Any]:
        """All settings; `parse` reads it back."""
        return asdict(self) | {"resized_crop": list(self.resized_crop)}

    def out_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what `apply` returns.

        Raises:
            SynthemError: the crop is larger than the image.
        """
        if not self.crop:
            return height, width
        if self.crop > min(height, width):
            raise SynthemError(f"augmentation: crop={self.crop}: larger than the images of {height}x{width} px")
        return self.crop, self.crop

    def draw(self, n: int, height: int, width: int, seed: int, *path: str | int) -> Drawn:
        """Parameters for n samples of height × width px; the same for the same seed and path."""

        def uniform(name: str, low: float, high: float) -> npt.NDArray[np.float64]:
            return stream(seed, *path, name).uniform(low, high, n)

        def around(name: str, most: float, middle: float = 0.0) -> npt.NDArray[np.float64]:
            return uniform(name, middle - most, middle + most)

        def flip(name: str, on: bool) -> npt.NDArray[np.float64]:
            return np.where((uniform(name, 0, 1) < 0.5) & on, -1.0, 1.0)

        out = self.out_size(height, width)
        share = uniform("resized_crop", *self.resized_crop)
        rotated = np.deg2rad(around("rotate_deg", self.rotate_deg))
        tilt = np.stack([around(f"perspective_{axis}", self.perspective) for axis in "xy"], axis=-1)

        scale, offset = {}, {}
        for axis, side, cut in (("x", width, out[1]), ("y", height, out[0])):
            before, after = (uniform(f"pad_{end}_{axis}", 0, self.pad) for end in ("before", "after"))
            seen = share * (cut if self.crop else side)
            free = np.maximum(side - seen, 0) / 2
            scale[axis] = flip(f"flip_{axis}", self.flip_x if axis == "x" else self.flip_y)
            scale[axis] *= seen / cut * (1 + before + after) / around(f"zoom_{axis}", self.zoom, 1.0)
            offset[axis] = uniform(f"crop_{axis}", -1, 1) * free + (after - before) / 2 * side
            offset[axis] += around(f"shift_{axis}", self.shift) * side

        swapped = flip("transpose", self.transpose) < 0
        # Centred pixel coordinates (x, y, 1) of the output to those of the image.
        matrix = np.zeros((n, 3, 3))
        sine, cosine, slant = np.sin(rotated), np.cos(rotated), around("shear", self.shear)
        matrix[:, 0, 0] = cosine * scale["x"]
        matrix[:, 0, 1] = (cosine * slant - sine) * scale["y"]
        matrix[:, 1, 0] = sine * scale["x"]
        matrix[:, 1, 1] = (sine * slant + cosine) * scale["y"]
        matrix[:, 0, 2], matrix[:, 1, 2], matrix[:, 2, 2] = offset["x"], offset["y"], 1
        matrix[swapped] = matrix[swapped][:, :, [1, 0, 2]]
        # grid_sample's coordinates run from -1 to 1 over the sides.
        matrix = np.diag([2 / width, 2 / height, 1]) @ matrix @ np.diag([out[1] / 2, out[0] / 2, 1])
        matrix[:, 2, :2] = tilt

        half = np.sqrt(uniform("cutmix_area", 0, 1)) / 2 * (uniform("cutmix", 0, 1) < self.cutmix)
        y, x = uniform("cutmix_y", 0, 1), uniform("cutmix_x", 0, 1)
        return Drawn(
            matrix.astype(np.float32),
            brightness=around("brightness", self.brightness).astype(np.float32),
            contrast=around("contrast", self.contrast, 1.0).astype(np.float32),
            sharpness=around("sharpness", self.sharpness).astype(np.float32),
            noise=uniform("noise", 0, self.noise).astype(np.float32),
            blur_px=uniform("blur_px", 0, self.blur_px).astype(np.float32),
            box=np.stack([y - half, y + half, x - half, x + half], axis=-1).astype(np.float32),
        )

    def apply(
        self, images: Tensor, masks: Tensor, drawn: Mapping[str, Tensor], generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Change a batch as was drawn for it.

        Args:
            images: (n, channel, y, x), grey levels 0..1, float32.
            masks: (n, class, y, x), 0 or 1, float32.
            drawn: `Drawn.tensors` of the batch, on its device.
            generator: of the noise, on the batch's device.

        Returns:
            Images and masks of `out_size`. Both are interpolated linearly; a mask holds a pixel from one half on.
        """
        if self._moves:
            images, masks = self._resample(images, masks, drawn["matrix"])
        return self._recolour(images, drawn, generator), masks

    def lay_boxes(
        self, images: Tensor, masks: Tensor, known: Tensor, drawn: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Lay the boxes drawn for a batch over it, each cut from the sample before; the first sample's from the last.

        Args:
            images: (n, channel, y, x), as `apply` left them.
            masks: (n, class, y, x), likewise.
            known: (n, class), 1 where the sample's source labels the class, else 0.
            drawn: as for `apply`.

        Returns:
            Images, masks, and known classes: where a box was laid, those that both samples know.
        """
        if not self.cutmix:
            return images, masks, known
        height, width = images.shape[-2:]
        top, bottom, left, right = drawn["box"].view(-1, 4, 1, 1).unbind(1)
        y = (torch.arange(height, device=images.device).view(1, -1, 1) + 0.5) / height
        x = (torch.arange(width, device=images.device).view(1, 1, -1) + 0.5) / width
        inside = ((top < y) & (y < bottom) & (left < x) & (x < right)).unsqueeze(1)
        return (
            torch.where(inside, images.roll(1, 0), images),
            torch.where(inside, masks.roll(1, 0), masks),
            torch.where(inside.any(3).any(2), known * known.roll(1, 0), known),
        )

    @property
    def _moves(self) -> bool:
        still = {name: getattr(PRESETS["none"], name) for name in _GEOMETRY}
        return any(getattr(self, name) != value for name, value in still.items())

    def _resample(self, images: Tensor, masks: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor]:
        n, channels, height, width = images.shape
        out = self.out_size(height, width)
        grid = functional.affine_grid(matrix[:, :2], [n, channels, *out], align_corners=False)
        if self.perspective:
            tilt = functional.affine_grid(matrix[:, [2, 2]], [n, channels, *out], align_corners=False)
            grid = grid / tilt
        planes = torch.cat((images, masks), dim=1)
        planes = functional.grid_sample(planes, grid, "bilinear", _PADDING[self.fill], align_corners=False)
        return planes[:, :channels], (planes[:, channels:] >= 0.5).to(masks.dtype)

    def _recolour(self, images: Tensor, drawn: Mapping[str, Tensor], generator: torch.Generator | None) -> Tensor:
        def each(name: str) -> Tensor:
            return drawn[name].view(-1, 1, 1, 1)

        if self.blur_px:
            images = _blur(images, drawn["blur_px"], self.blur_px)
        if self.sharpness:
            images = images + each("sharpness") * (images - _smooth(images))
        if self.contrast:
            mean = images.mean((1, 2, 3), keepdim=True)
            images = mean + each("contrast") * (images - mean)
        if self.brightness:
            images = images + each("brightness")
        if self.noise:
            field = torch.randn(images.shape, generator=generator, device=images.device)
            images = images + each("noise") * field
        if self.blur_px or self.sharpness or self.contrast or self.brightness or self.noise:
            images = images.clamp(0, 1)
        return images


@dataclass(frozen=True)
class Drawn:
    """Parameters of n samples."""

    matrix: npt.NDArray[np.float32]
    """(n, 3, 3): from the output's coordinates to the image's, both −1..1 over the sides, homogeneous (x, y, 1)."""
    brightness: npt.NDArray[np.float32]
    contrast: npt.NDArray[np.float32]
    sharpness: npt.NDArray[np.float32]
    noise: npt.NDArray[np.float32]
    blur_px: npt.NDArray[np.float32]
    box: npt.NDArray[np.float32]
    """(n, 4): top, bottom, left, right as shares of the sides, of what is cut from the sample before; may reach beyond
    the image, and top is bottom where nothing is."""

    def tensors(self, device: torch.device | str = "cpu") -> dict[str, Tensor]:
        """The same by name, on a device."""
        return {field.name: torch.from_numpy(getattr(self, field.name)).to(device) for field in fields(self)}


STUDY = Augment()
"""The ratio study's augmentation."""

PRESETS = {
    "study": STUDY,
    "none": Augment(flip_y=False, flip_x=False, rotate_deg=0, shift=0, shear=0, zoom=0),
}
"""Named augmentations: the ratio study's, and nothing at all."""

_GEOMETRY = (
    "flip_y", "flip_x", "transpose", "rotate_deg", "shift", "shear", "zoom", "perspective", "pad", "crop",
    "resized_crop",
)  # fmt: skip


def _assignment(part: str) -> tuple[str, Any]:
    key, _, value = part.partition("=")
    standard = {field.name: field.default for field in fields(Augment)}
    if key not in standard:
        raise unknown_name("augmentation: setting", key, standard)
    try:
        match standard[key]:
            case bool():
                return key, {"true": True, "false": False}[value.lower()]
            case int():
                return key, int(value)
            case float():
                return key, float(value)
            case tuple():
                low, _, high = value.partition("..")
                return key, (float(low), float(high or low))
            case _:
                return key, value
    except (KeyError, ValueError):
        wanted = {bool: "true or false", tuple: "LOW..HIGH", int: "a whole number"}
        remedy = wanted.get(type(standard[key]), "a number")
        raise SynthemError(f"augmentation: {part!r}: give {remedy}") from None


def _blur(images: Tensor, sigma: Tensor, most: float) -> Tensor:
    """Gaussian blur with one standard deviation for each sample; a convolution along y, then x."""
    n, channels, height, width = images.shape
    radius = max(1, math.ceil(3 * most))
    offsets = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma.clamp_min(1e-3)[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    planes = images.reshape(1, n * channels, height, width)
    along_y = ((-1, 1, 2 * radius + 1, 1), (0, 0, radius, radius))
    along_x = ((-1, 1, 1, 2 * radius + 1), (radius, radius, 0, 0))
    for shape, margin in (along_y, along_x):
        padded = functional.pad(planes, margin, mode="replicate")
        planes = functional.conv2d(padded, kernel.view(shape), groups=n * channels)
    return planes.reshape(n, channels, height, width)


def _smooth(images: Tensor) -> Tensor:
    """The 3×3 smoothing that Pillow's and torchvision's sharpness measure against."""
    channels = images.shape[1]
    kernel = images.new_tensor([[1.0, 1, 1], [1, 5, 1], [1, 1, 1]]).div(13).expand(channels, 1, 3, 3)
    padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
    return functional.conv2d(padded, kernel, groups=channels)
