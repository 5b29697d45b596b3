"""Sweeping: what a plan says is run, written down and drawn; killed at any moment, it goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from synthem.models.files import locked
from synthem.models.machine import pick_device
from synthem.sweep.engine import Failure, run, worker_count
from synthem.sweep.estimate import cost, duration
from synthem.sweep.pictures import draw_pictures
from synthem.sweep.plan import Plan
from synthem.sweep.runs import Perform, fail, result
from synthem.sweep.table import Outcome, write_tables
from synthem.tiles.pool import usable_cores


def carry_out(
    plan: Plan,
    *,
    engine: str = "local",
    workers: int = 0,
    device: str = "auto",
    say: Callable[[str], object] = lambda line: None,
    advance: Callable[[int], object] | None = None,
) -> list[Outcome]:
    """Do the runs of a plan that aren't done, then write the tables and draw the overlays of the report.

    A run that fails is written down with its reason and doesn't stop the others; the next call tries it again.

    Args:
        plan: from `prepare`, or `Plan.open` of the folder, on this machine or another.
        engine: see `synthem.sweep.engine.run`.
        workers: processes of the engine `process`.
        device: `auto`, `cpu`, `cuda`, …
        say: called with a line for a person after each run.
        advance: called with the number of training steps done since the last call; by the engine `local` only.

    Returns:
        What became of every point of the grid.

    Raises:
        SynthemError: an unknown engine or device, or another process that sweeps this folder.
    """
    pick_device(device)
    busy = f"{plan.folder}: another process sweeps it; wait for it, or name another folder"
    with locked(plan.folder / ".lock", busy):
        _run(plan, unfinished(plan), engine, workers, device, say, advance)
        found = write_tables(plan)
        draw_pictures(plan, device)
        return found


def unfinished(plan: Plan) -> list[str]:
    """Ids of the runs that aren't done."""
    return [key for key in plan.items if result(plan.run_folder(key)) is None]


def _run(
    plan: Plan,
    todo: Sequence[str],
    engine: str,
    workers: int,
    device: str,
    say: Callable[[str], object],
    advance: Callable[[int], object] | None,
) -> None:
    """Wave by wave, so that what a run begins with is done before it."""
    apart = engine == "process"
    at_once = worker_count(workers) if apart else 1
    threads = max(1, usable_cores() // at_once) if apart else None
    unit = Perform(plan.store, device, threads, None if apart else advance)
    left, total, seconds, done = sum(cost(plan.items[key]) for key in todo), 0.0, 0.0, 0
    for wave in plan.waves:
        keys = [key for key in wave if key in todo]
        for i, outcome in run(unit, [plan.items[key] for key in keys], engine=engine, workers=workers):
            key, done = keys[i], done + 1
            left -= cost(plan.items[key])
            if isinstance(outcome, Failure):
                fail(plan.run_folder(key), outcome.line)
                told = f"failed: {outcome.line}"
            else:
                told = _told(outcome)
                total, seconds = total + cost(plan.items[key]), seconds + outcome["seconds"]
            rest = f"; about {duration(seconds / total * left / at_once)} left" if total and done < len(todo) else ""
            say(f"[{done}/{len(todo)}] {plan.label(key)}: {told}{rest}")


def _told(found: dict[str, Any]) -> str:
    scored = found["evaluation"]["pooled"]
    dice = ", ".join(f"{name} {'–' if s['dice'] is None else format(s['dice'], '.3f')}" for name, s in scored.items())
    return f"Dice {dice} in {duration(found['seconds'])}"
