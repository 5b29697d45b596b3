"""Overlays for the report: a cell to compare with, beside the best one."""

from __future__ import annotations

import math
from pathlib import Path

from synthem.evaluate import Evaluation
from synthem.sweep.plan import TRAINING, Plan
from synthem.sweep.runs import TEST, draw_overlays
from synthem.sweep.table import Cell, cells, outcomes, rows

MOST_LAYERS = 3


def focus(plan: Plan) -> str | None:
    """The class that overlays show: the study's where a finished run has it, else the first one; None without runs."""
    held = [outcome.result for outcome in outcomes(plan) if outcome.result is not None]
    classes = [str(name) for result in held for name in result["evaluation"]["classes"]]
    wanted = plan.about["report"]["focus"]
    return wanted if wanted in classes else next(iter(classes), None)


def pictured(plan: Plan) -> list[Cell]:
    """The cells that overlays are drawn for: one to compare with, and the one with the best pooled Dice.

    To compare with is the cell with the fewest synthetic windows, of those the one with most real ones; where all have
    as many synthetic windows, the first of the grid. The best is chosen by the score that is shown, to show what the
    score means; nothing else is chosen by it.
    """
    name = focus(plan)
    final = [cell for cell in cells(plan, rows(plan, outcomes(plan))) if cell.plain]
    scored = [cell for cell in final if cell.name == name and cell.pooling == "pooled"]
    if not scored:
        return []
    plain = scored[0]
    if len({cell.mean("windows_synthetic") for cell in scored}) > 1:
        plain = min(scored, key=lambda c: (c.mean("windows_synthetic"), -c.mean("windows_real")))
    best = max(scored, key=lambda c: -1.0 if math.isnan(c.interval().mean) else c.interval().mean)
    return [plain] if best is plain else [plain, best]


def draw_pictures(plan: Plan, device: str = "auto") -> None:
    """Draw the overlays of the first run of each pictured cell, on the layers that hold most of the class."""
    name = focus(plan)
    for cell in pictured(plan):
        run = str(cell.rows[0]["run"])
        folder = plan.run_folder(run)
        if (folder / TRAINING / "model.safetensors").is_file():
            draw_overlays(plan.items[run], plan.store, folder, str(name), _layers(folder, str(name)), device)


def overlay_files(plan: Plan, cell: Cell) -> list[Path]:
    """The overlays of a pictured cell, those that are there."""
    folder = plan.run_folder(str(cell.rows[0]["run"])) / "pictures" / cell.name / "overlays"
    return sorted(folder.glob("*.png"))


def _layers(folder: Path, name: str) -> tuple[str, ...]:
    counts = Evaluation.open(folder / TEST).counts
    c = counts.classes.index(name)
    area = {layer: int(n) for layer, n in zip(counts.layers, (counts.tp + counts.fn)[:, c], strict=True)}
    held = sorted((layer for layer in area if area[layer]), key=lambda layer: -area[layer])
    return tuple(held[:MOST_LAYERS]) or counts.layers[:1]
