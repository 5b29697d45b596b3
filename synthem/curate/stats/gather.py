"""Counting: one pass over the pictures, everything in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from synthem.curate.mix import Mix
from synthem.curate.names import TRAIN
from synthem.curate.pictures import Pictures, components, grey, open_pictures
from synthem.errors import SynthemError
from synthem.tiles.dataset import TileDataset

RARE_AREA = 0.001
"""A class that covers less than this share of the pixels is called rare."""
RARE_PRESENCE = 0.1
"""So is one that stands in less than this share of the pictures."""
GLCM_LEVELS = 32
"""Grey levels that texture is measured with."""


@dataclass(frozen=True)
class ClassStats:
    """One class in all pictures of a dataset."""

    name: str
    colour: tuple[int, int, int]
    known: bool
    """False where the dataset never labelled the class."""
    count: int
    """8-connected components."""
    area_px: int
    area_share: float
    """Of all pixels."""
    presence: float
    """Share of the pictures that hold it."""
    per_picture: float
    """Mean number of components."""
    component_px: tuple[float, float, float]
    """Area of a component, px: percentiles 10, 50 and 90; NaN where there is none."""
    grey_mean: float
    grey_std: float
    rare: bool
    """See `RARE_AREA` and `RARE_PRESENCE`; a class that isn't there at all is rare too."""


@dataclass(frozen=True)
class Stats:
    """Everything that was counted."""

    folder: str
    pictures: int
    rows: list[int]
    """Which rows of the dataset, or windows of the mix, they are."""
    splits: dict[str, int]
    sources: dict[str, int]
    sizes: dict[str, int]
    """Pictures of each size, "height x width"."""
    pixels: int
    """In all pictures."""
    classes: list[ClassStats]
    none: ClassStats
    """The pixels of no class."""
    grey_mean: float
    grey_std: float
    texture: dict[str, float]
    """Mean over the pictures of five properties of their grey-level co-occurrence matrix."""
    count: npt.NDArray[np.int64]
    """(picture, class)."""
    area_px: npt.NDArray[np.int64]
    """(picture, class)."""
    components_px: list[npt.NDArray[np.int64]]
    """For each class, the areas of its components."""
    grey_counts: npt.NDArray[np.int64]
    """(class + 1, 256): pixels of each grey level in each class; last those of no class."""

    @property
    def rare(self) -> list[str]:
        """Names of the rare classes that the dataset knows."""
        return [c.name for c in self.classes if c.rare and c.known]

    def to_json(self) -> dict[str, Any]:
        """As JSON values, picture by picture; NaN becomes None."""
        about = asdict(self)
        for name in ("count", "area_px"):
            about[name] = getattr(self, name).tolist()
        del about["components_px"]
        about["grey_counts"] = self.grey_counts.tolist()
        about["rare"] = self.rare
        return dict(_plain(about))


def stats(
    folder: str | Path | Pictures, *, split: str | None = None, advance: Callable[[int], object] = lambda n: None
) -> Stats:
    """Count what a dataset or a mix holds.

    Args:
        folder: a dataset, a mix, or the folder of one.
        split: only the rows of this split, such as `train`, so that nothing is chosen by looking at test layers.
        advance: called with the number of pictures that were read since the last call.

    Raises:
        SynthemError: no dataset there, an empty one, or an unknown split.
    """
    held = open_pictures(folder) if isinstance(folder, str | Path) else folder
    rows = _rows(held, split)
    if not rows:
        raise SynthemError(f"{held.name}: holds no pictures, so there is nothing to count")
    n, classes = len(rows), held.classes
    count = np.zeros((n, len(classes)), np.int64)
    area = np.zeros_like(count)
    found: list[list[npt.NDArray[np.int64]]] = [[] for _ in classes.names]
    levels = np.zeros((len(classes) + 1, 256), np.int64)
    whole = np.zeros(256, np.int64)
    texture: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for i, row in enumerate(rows):
        image, planes = grey(held.image(row)), classes.unpack(held.stored(row))
        sizes[f"{image.shape[0]}x{image.shape[1]}"] += 1
        whole += _levels(image)
        levels[-1] += _levels(image[~planes.any(axis=0)])
        for c, plane in enumerate(planes):
            if not plane.any():
                continue
            areas = components(plane)[1][:, cv2.CC_STAT_AREA]
            count[i, c], area[i, c] = len(areas), areas.sum()
            found[c].append(areas.astype(np.int64))
            levels[c] += _levels(image[plane])
        texture.update(_texture(image))
        advance(1)
    pixels = int(whole.sum())
    areas_px = [np.concatenate([np.zeros(0, np.int64), *parts]) for parts in found]
    known = _known(held)
    listed = [
        _describe(
            classes.names[c], classes.colours[c], known[c], count[:, c], area[:, c], areas_px[c], levels[c], pixels
        )
        for c in range(len(classes))
    ]
    nothing = np.zeros(0, np.int64)
    outside = _describe("none", (255, 255, 255), True, nothing, levels[-1].sum()[None], nothing, levels[-1], pixels)
    mean, std = _moments(whole)
    return Stats(
        folder=held.name,
        pictures=n,
        rows=rows,
        splits=_tally(held, rows, "split"),
        sources=_tally(held, rows, "source"),
        sizes=dict(sizes),
        pixels=pixels,
        classes=listed,
        none=outside,
        grey_mean=mean,
        grey_std=std,
        texture={name: value / n for name, value in texture.items()},
        count=count,
        area_px=area,
        components_px=areas_px,
        grey_counts=levels,
    )


def grey_distance(one: Stats, other: Stats) -> dict[str, float]:
    """(μ₁−μ₂)² + (σ₁−σ₂)² of the grey levels, for each class that both have, and for `none` and `all`.

    The score by which the generator of the ratio study was compared with real layers: the Fréchet distance of two
    normal distributions of one variable.
    """
    theirs = {c.name: c for c in (*other.classes, other.none)}
    pairs = [(c.name, (c.grey_mean, c.grey_std), theirs[c.name]) for c in (*one.classes, one.none) if c.name in theirs]
    scores = {name: (m - c.grey_mean) ** 2 + (s - c.grey_std) ** 2 for name, (m, s), c in pairs}
    scores["all"] = (one.grey_mean - other.grey_mean) ** 2 + (one.grey_std - other.grey_std) ** 2
    return scores


def _levels(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    return np.bincount(pixels.ravel(), minlength=256).astype(np.int64)


def _moments(levels: npt.NDArray[np.int64]) -> tuple[float, float]:
    total = levels.sum()
    if not total:
        return float("nan"), float("nan")
    mean = float((levels * np.arange(256)).sum() / total)
    return mean, float(np.sqrt((levels * (np.arange(256) - mean) ** 2).sum() / total))


def _describe(
    name: str,
    colour: tuple[int, int, int],
    known: bool,
    count: npt.NDArray[np.int64],
    area: npt.NDArray[np.int64],
    components: npt.NDArray[np.int64],
    levels: npt.NDArray[np.int64],
    pixels: int,
) -> ClassStats:
    share, presence = float(area.sum() / pixels), float((area > 0).mean())
    low, middle, high = np.percentile(components, (10, 50, 90)).tolist() if len(components) else [float("nan")] * 3
    mean, std = _moments(levels)
    return ClassStats(
        name=name,
        colour=colour,
        known=known,
        count=int(count.sum()),
        area_px=int(area.sum()),
        area_share=share,
        presence=presence,
        per_picture=float(count.mean()) if len(count) else float("nan"),
        component_px=(low, middle, high),
        grey_mean=mean,
        grey_std=std,
        rare=share < RARE_AREA or presence < RARE_PRESENCE,
    )


def _texture(image: npt.NDArray[np.uint8]) -> dict[str, float]:
    """Haralick's properties (1973) of neighbouring pixels, both ways along both axes.

    Contrast and homogeneity are in steps of 256 / `GLCM_LEVELS` grey levels.
    """
    coarse = (image // (256 // GLCM_LEVELS)).astype(np.int64)
    pairs = np.concatenate(
        [(a * GLCM_LEVELS + b).ravel() for a, b in ((coarse[:, :-1], coarse[:, 1:]), (coarse[:-1], coarse[1:]))]
    )
    matrix = np.bincount(pairs, minlength=GLCM_LEVELS**2).reshape(GLCM_LEVELS, GLCM_LEVELS)
    p = (matrix + matrix.T) / max(2 * len(pairs), 1)
    i, j = np.indices(p.shape)
    mean = float((i * p).sum())
    variance = float(((i - mean) ** 2 * p).sum())
    covariance = float(((i - mean) * (j - mean) * p).sum())
    return {
        "contrast": float(((i - j) ** 2 * p).sum()),
        "homogeneity": float((p / (1 + (i - j) ** 2)).sum()),
        "energy": float(np.sqrt((p**2).sum())),
        "correlation": covariance / variance if variance else 1.0,
        "entropy": float(-(p[p > 0] * np.log2(p[p > 0])).sum()),
    }


def _known(held: Pictures) -> list[bool]:
    if isinstance(held, Mix):
        return [bool(held.known[:, c].any()) for c in range(len(held.classes))]
    return [bool(k) for k in getattr(held, "known", np.ones(len(held.classes), bool))]


def _rows(held: Pictures, split: str | None) -> list[int]:
    splits = held.column("split") if isinstance(held, TileDataset) else [TRAIN] * len(held)
    if split is not None and split not in splits:
        raise SynthemError(f"{held.name}: no split {split!r}; it has {', '.join(sorted(set(splits))) or 'no rows'}")
    return [row for row, of in enumerate(splits) if split in (None, of)]


def _tally(held: Pictures, rows: Sequence[int], column: str) -> dict[str, int]:
    if isinstance(held, TileDataset):
        values = held.column(column)
        return dict(Counter(values[row] for row in rows))
    if isinstance(held, Mix) and column == "source":
        return dict(Counter(held.sources[s].kind for s in held.index.source.tolist()))
    return {TRAIN: len(rows)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and np.isnan(value) else value
