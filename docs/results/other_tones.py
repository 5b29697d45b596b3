"""Scores runs on the validation layers as they are, darker, lighter, and of more and less contrast.

    python docs/results/other_tones.py DATASET RUN...

DATASET is the imported `epfl-itmm`. No two volumes have the same greys, so a network that fails a little off the greys
that it learned from isn't ready for the next one. Prints, for each run and tone, Dice of counts pooled over the
selection `validate`, windows of 256 pixels of 5 nm, and how much of five layers without an axon is taken for one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from probing import WITHOUT_AXON, command, predictor

from synthem.evaluate.counts import count
from synthem.tiles.samples import Samples
from synthem.train.scores import dice

VALIDATE = tuple(f"training{z:04}" for z in (0, 4, 8, 12, 16))
MIDDLE = 127
TONES = {
    "as it is": (1.0, 0),
    "15 lighter": (1.0, 15),
    "15 darker": (1.0, -15),
    "25 darker": (1.0, -25),
    "contrast 0.8": (0.8, 0),
    "contrast 1.25": (1.25, 0),
    "both": (1.25, -15),
}
"""A factor on the distance from the middle grey, and what is added; the last is darker and of more contrast."""


def toned(layers: Samples, contrast: float, grey: float) -> Samples:
    """The layers with other greys."""
    images = (layers.images.astype(np.float32) - MIDDLE) * contrast + MIDDLE + grey
    return replace(layers, images=np.clip(images, 0, 255).astype(np.uint8))


def scores(layers: Samples, without: Samples, runs: list[Path]) -> None:
    """Print a table: one line a run and tone."""
    predictors = {run.name: predictor(run) for run in runs}
    axon = layers.classes.names.index("axon")
    true = [layers.classes.unpack(stored) for stored in layers.stored]
    print(f"{'run':12}{'tone':14}", *(f"{name[:13]:>13}" for name in layers.classes.names), "  taken for axon")
    for run, predict in predictors.items():
        table = []
        for name, (contrast, grey) in TONES.items():
            predicted = predict(toned(layers, contrast, grey))
            counts = sum(count(p > 0.5, t) for p, t in zip(predicted, true, strict=True))
            wrong = np.mean([(p[axon] > 0.5).mean() for p in predict(toned(without, contrast, grey))])
            table.append([*dice(*np.transpose(counts)), wrong])
            _line(run, name, table[-1])
        _line(run, "mean", list(np.mean(table, axis=0)))


def _line(run: str, tone: str, row: list[float]) -> None:
    print(f"{run:12}{tone:14}", *(f"{score:13.3f}" for score in row[:-1]), f"{row[-1]:15.2%}", flush=True)


if __name__ == "__main__":
    command(__doc__, (VALIDATE, WITHOUT_AXON), scores)
