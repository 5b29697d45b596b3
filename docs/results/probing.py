"""What the scripts of the results share: layers without an axon, how a run predicts, tables, pictures, the command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from synthem.errors import SynthemError
from synthem.evaluate.predict import predict_layers
from synthem.models import load_model
from synthem.tiles.samples import Samples
from synthem.train.sources import open_layers

WITHOUT_AXON = ("training0062", "training0091", "training0120", "training0127", "training0145x")
"""Without an axon, and eight layers or more from those of the selection `choose`."""

Plane = npt.NDArray[np.float32]


class Named(Protocol):
    """What has a name for a line of a table."""

    @property
    def name(self) -> str:
        """The name."""


Way = TypeVar("Way", bound=Named)


def soft(mask: npt.NDArray[np.bool_], widen: int = 1) -> Plane:
    """A mask with a border that fades, 0..1."""
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((widen, widen), np.uint8))
    faded: Plane = cv2.GaussianBlur(wide.astype(np.float32), (0, 0), 2)
    return faded


def blots(shape: tuple[int, ...], blur: float, rng: np.random.Generator) -> Plane:
    """Blurred noise of standard deviation 1."""
    noise: Plane = cv2.GaussianBlur(rng.normal(size=shape).astype(np.float32), (0, 0), blur)
    noise /= noise.std()
    return noise


def predictor(run: Path) -> Callable[[Samples], Iterator[Plane]]:
    """Gives the probabilities (class, y, x) of one layer after another, which a run's model sees as in training."""
    stored = load_model(run / "model.safetensors")
    return partial(predict_layers, stored.model, contrast=stored.extra.get("contrast", "none"))


def shares_taken(
    layers: Samples,
    ways: Iterable[Way],
    lay: Callable[[Samples, Way], tuple[Samples, npt.NDArray[np.bool_]]],
    runs: Sequence[Path],
) -> None:
    """Print how much is taken for axon, in percent: of the places that hold something else, and of what is around.

    Args:
        layers: without an axon.
        ways: what is laid into them or changed, one line each, and the mean.
        lay: gives the layers with one of them, and where it is: (layer, y, x).
        runs: their folders, two columns each.
    """
    predictors = [predictor(run) for run in runs]
    axon = layers.classes.names.index("axon")
    print(f"{'taken for axon, %':26}", *(f"{run.name:>16}" for run in runs))
    table = []
    for way in ways:
        samples, where = lay(layers, way)
        found = (np.stack([p[axon] > 0.5 for p in predict(samples)]) for predict in predictors)
        table.append([100 * float(one[there].mean()) for one in found for there in (where, ~where)])
        _line(way.name, table[-1])
    _line("mean", np.mean(table, axis=0).tolist())


def _line(name: str, row: list[float]) -> None:
    print(f"{name:26}", *(f"{on:8.2f}{off:8.2f}" for on, off in zip(row[::2], row[1::2], strict=True)), flush=True)


def sheet(tiles: Sequence[npt.NDArray[np.uint8]], columns: int, path: Path) -> None:
    """Write pictures of one size side by side, the last row filled up with white."""
    blank = np.full_like(tiles[0], 255)
    shown = [*tiles, *[blank] * (-len(tiles) % columns)]
    rows = [np.hstack(shown[k : k + columns]) for k in range(0, len(shown), columns)]
    cv2.imwrite(str(path), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 80])


def command(
    doc: str | None,
    selections: Sequence[Sequence[str]],
    scores: Callable[..., None],
    picture: Callable[..., None] | None = None,
) -> None:
    """A script's command line: a dataset, and runs to score or a picture to write.

    Args:
        doc: the script's docstring; its first line describes the command.
        selections: names of the layers that both functions take first, one argument a selection.
        scores: takes them and the runs' folders.
        picture: takes them and the picture's path.
    """
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("dataset", type=Path, help="the imported epfl-itmm")
    parser.add_argument("runs", type=Path, nargs="*", help="folders of runs that learned from the selection `choose`")
    if picture:
        parser.add_argument("--picture", type=Path, metavar="FILE", help="write a picture of what is scored here")
    given: Any = parser.parse_args()
    wanted = getattr(given, "picture", None)
    if not given.runs and not wanted:
        parser.error("name runs to score" + (", or --picture FILE" if picture else ""))
    try:
        layers = [open_layers(given.dataset, names=names) for names in selections]
        if picture and wanted:
            picture(*layers, wanted)
        if given.runs:
            scores(*layers, given.runs)
    except SynthemError as error:
        sys.exit(f"error: {error}")
