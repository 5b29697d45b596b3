"""Learning curves as tables and as plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthem.classes import Classes
from synthem.models.files import write_through
from synthem.train.scores import SCORES, by_class


def write_curves(folder: Path, history: Sequence[Mapping[str, Any]], classes: Classes) -> None:
    """Write curves.parquet, curves.csv, curves.png and curves.svg from a run's history.

    The tables have one row an epoch: epoch, step, lr, train_loss, validation_loss, and of every score train_SCORE_CLASS
    and validation_SCORE_CLASS; what wasn't measured is null. Those of training are of the batches as they were shown,
    augmented and with dropout, while the weights changed.
    """
    import pyarrow as pa
    from pyarrow import csv, parquet

    table = pa.table(_columns(history, classes))
    write_through(folder / "curves.parquet", lambda path: parquet.write_table(table, path))
    write_through(folder / "curves.csv", lambda path: csv.write_csv(table, path))

    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "synthem"}):
        figure = Figure(figsize=(9, 4), layout="constrained")
        FigureCanvasAgg(figure)
        _draw(figure, history, classes)
        write_through(folder / "curves.png", lambda path: figure.savefig(path, dpi=120))
        write_through(folder / "curves.svg", lambda path: figure.savefig(path, metadata={"Date": None}))


def _columns(history: Sequence[Mapping[str, Any]], classes: Classes) -> dict[str, list[Any]]:
    names = ("epoch", "step", "lr", "train_loss", "validation_loss")
    columns = {name: [row[name] for row in history] for name in names}
    for part in ("train", "validation"):
        scored = [by_class(row[f"{part}_counts"] or {}) for row in history]
        for score in SCORES:
            for name in classes.names:
                columns[f"{part}_{score}_{name}"] = [scores.get(name, {}).get(score) for scores in scored]
    return columns


def _draw(figure: Any, history: Sequence[Mapping[str, Any]], classes: Classes) -> None:
    columns = _columns(history, classes)
    epochs = columns["epoch"]
    left, right = figure.subplots(1, 2)

    def line(axes: Any, name: str, **style: Any) -> None:
        held = [(x, y) for x, y in zip(epochs, columns[name], strict=True) if y is not None]
        if held:
            axes.plot(*zip(*held, strict=True), marker="o" if len(held) < 3 else None, **style)

    line(left, "train_loss", color="0.6", label="training")
    line(left, "validation_loss", color="black", label="validation")
    for name, colour in zip(classes.names, classes.colours, strict=True):
        rgb = tuple(value / 255 for value in colour)
        line(right, f"train_dice_{name}", color=rgb, linestyle=":", linewidth=1)
        validated = any(v is not None for v in columns[f"validation_dice_{name}"])
        line(right, f"validation_dice_{name}", color=rgb, label=name.replace("_", " ") if validated else None)
        if not validated:
            right.plot([], [], color=rgb, linestyle=":", label=name.replace("_", " "))
    left.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    right.set(xlabel="epoch", ylabel="Dice (dotted: training)", ylim=(0, 1))
    left.legend(frameon=False)
    right.legend(frameon=False, fontsize="small")
