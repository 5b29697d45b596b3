"""What learning curves tell: the best validation score, and where training and validation part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthem.evaluate import t_interval
from synthem.report.tables import Table, table
from synthem.report.view import View, interval_words, nice
from synthem.sweep.estimate import duration

PARTING = (
    "<p>Curves part at the epoch with the lowest validation loss, where validation was looked at later and the "
    "training loss went on falling: from there on the model learns what it is shown, and no longer what holds "
    "elsewhere. The best validation Dice of a run is the highest of its epochs, so it flatters.</p>"
)
History = Sequence[Mapping[str, Any]]
"""One row for each epoch; see `synthem.train.Run.history`."""


def parting(history: History) -> int | None:
    """The epoch where the curves of training and validation part: where overfitting begins.

    It is the epoch with the lowest validation loss, if validation was looked at later and the training loss of the last
    epoch is lower than that epoch's: the model still learns what it is shown, and no longer what holds elsewhere. (The
    point at which early stopping without patience would have been right; Prechelt, Neural Networks 11, 1998)

    Returns:
        None where they don't part, or nothing was validated.
    """
    looked = [row for row in history if row["validation_loss"] is not None]
    if not looked:
        return None
    best = min(looked, key=lambda row: (row["validation_loss"], row["epoch"]))
    later = looked[-1]["epoch"] > best["epoch"]
    return int(best["epoch"]) if later and history[-1]["train_loss"] < best["train_loss"] else None


def best_validation(history: History, name: str) -> tuple[int, float] | None:
    """The first epoch with the highest validation Dice of a class, and that Dice; None where there is none."""
    scored = [(row["epoch"], row["validation_dice"].get(name)) for row in history if row["validation_dice"]]
    held = [(epoch, dice) for epoch, dice in scored if dice is not None]
    return max(held, key=lambda pair: (pair[1], -pair[0])) if held else None


def learned(view: View) -> str:
    """Of each cell: the best validation Dice of the focus class, and where training and validation part."""
    if view.focus is None:
        return ""
    rows = []
    for cell in (cell for line in view.lines(view.focus) for cell in line.cells):
        runs = view.histories(cell)
        best = [found for found in (best_validation(run, view.focus) for run in runs) if found is not None]
        if not best:
            continue
        parted = [epoch for epoch in map(parting, runs) if epoch is not None]
        where = f"{_mean(parted):.0f}" if parted else "they don't"
        where += f" ({len(parted)} of {len(runs)} runs)" if len(runs) > 1 else ""
        held = t_interval([dice for _, dice in best])
        row = [view.describe(cell), interval_words(held), f"{_mean([epoch for epoch, _ in best]):.0f}", where]
        row += [f"{cell.mean('epochs'):.0f}", duration(cell.mean("seconds")), f"{cell.mean('parameters'):,.0f}"]
        rows.append(row)
    head = ["cell", f"best validation Dice of {nice(view.focus)}", "at epoch", "curves part at epoch"]
    head += ["epochs", "time of a run", "parameters"]
    return table(Table(view.title, head, rows)) if rows else ""


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
