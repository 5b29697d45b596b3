"""`synthem sweep`: a study's grid, run and reported."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from synthem.cli.common import Json, finish, progress, say
from synthem.errors import SynthemError


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(name="sweep")
    def command(
        study: Annotated[
            str,
            typer.Argument(
                metavar="STUDY|DIR", help="A shipped study, a .yaml file, or the folder of a sweep to go on with."
            ),
        ],
        out: Annotated[Path | None, typer.Option("--out", help="Folder of the sweep; not with DIR.")] = None,
        store: Annotated[
            Path | None, typer.Option(help="Folder of data, mixes and runs, for sweeps to share; --out by default.")
        ] = None,
        quick: Annotated[bool, typer.Option("--quick", help="The study's quick size.")] = False,
        set_: Annotated[
            list[str] | None,
            typer.Option("--set", metavar="PATH=VALUE", help="Another value: training.epochs=20. May be repeated."),
        ] = None,
        plan_only: Annotated[bool, typer.Option("--plan", help="Prepare, say what would be run, and stop.")] = False,
        engine: Annotated[
            str, typer.Option(help="local: one run after another; process: each in a process of its own.")
        ] = "local",
        workers: Annotated[int, typer.Option(help="Processes at a time; 0 for one a core, four at most.")] = 0,
        device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1.")] = "auto",
        as_json: Json = False,
    ) -> None:
        """Run a study and report it; goes on where it was interrupted."""
        from synthem.models.machine import pick_device
        from synthem.report import report
        from synthem.sweep import carry_out, unfinished
        from synthem.sweep.engine import check_engine
        from synthem.sweep.estimate import duration, estimate, steps

        check_engine(engine, workers)
        pick_device(device)
        if (Path(study) / "sweep.json").is_file():
            plan = _held(Path(study), out, store, quick, set_ or [])
        else:
            plan = _planned(study, out, store, quick, set_ or [], as_json)
        todo = unfinished(plan)
        no = sum(entry.run is None for entry in plan.entries)
        parts = [f"{len(plan.cells())} cells", f"{len(plan.items)} runs", f"{len(todo)} of them to do"]
        parts += [f"{no} points can't be trained"] if no else []
        say(f"{plan.about['title']}: {', '.join(parts)}")
        for note in plan.about["notes"]:
            say(note)
        seconds = estimate(plan, todo, device) if todo else 0.0
        if todo:
            say(f"about {duration(seconds)} for one run after another, {duration(seconds / len(todo))} each")
        summary: dict[str, Any] = {
            "out": str(plan.folder),
            "study": plan.about["name"],
            "cells": len(plan.cells()),
            "runs": len(plan.items),
            "notes": plan.about["notes"],
            "estimate_s": round(seconds, 1),
        }
        if plan_only:
            finish({**summary, "to_do": len(todo)}, as_json=as_json, lines=[f"{plan.folder}: planned"])
            return
        total = sum(steps(plan.items[key]) for key in todo)
        with progress("sweep", total, "steps", quiet=as_json or engine != "local" or not todo) as advance:
            found = carry_out(plan, engine=engine, workers=workers, device=device, say=say, advance=advance)
        page = report([plan.folder], plan.folder / "report.html")
        status = Counter(outcome.status for outcome in found)
        failed = {outcome.entry.run: outcome for outcome in found if outcome.status == "failed"}
        lines = [f"{plan.folder}: {', '.join(f'{n} {name}' for name, n in status.items())}"]
        lines += [f"  failed: {outcome.entry}: {outcome.reason}" for outcome in failed.values()]
        lines += [*plan.about["notes"], f"Open {page}"]
        reasons = {str(run): outcome.reason for run, outcome in failed.items()}
        finish({**summary, "points": status, "failed": reasons, "report": str(page)}, as_json=as_json, lines=lines)
        if failed:
            raise typer.Exit(1)


def _held(folder: Path, out: Path | None, store: Path | None, quick: bool, changes: list[str]) -> Any:
    from synthem.sweep import Plan

    given = [("--out", out), ("--store", store), ("--quick", quick), ("--set", changes)]
    for option, value in given:
        if value and not (option == "--out" and Path(str(value)).resolve() == folder.resolve()):
            raise SynthemError(f"{option}: {folder} has its plan already; leave the option out, or name the study")
    return Plan.open(folder)


def _planned(study: str, out: Path | None, store: Path | None, quick: bool, changes: list[str], quiet: bool) -> Any:
    from synthem.sweep import Study, prepare
    from synthem.sweep.reading import parse_change

    if out is None:
        raise SynthemError("--out: name the folder of the sweep")
    read = Study.load(study, quick=quick, changes=dict(parse_change(text) for text in changes))
    with progress("prepare", None, "layers and tiles", quiet=quiet) as advance:
        return prepare(read, out, store=store, quick=quick, advance=advance)
