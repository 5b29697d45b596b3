"""`synthem corrupt`: errors of annotators, on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthem.cli.common import Json, Seed, finish, progress
from synthem.errors import SynthemError


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(name="corrupt")
    def command(
        folder: Annotated[Path, typer.Argument(help="Dataset whose labels are corrupted.", metavar="DIR")],
        out: Annotated[Path, typer.Option("--out", help="New folder.")],
        grow: Annotated[float | None, typer.Option(help="Outlines too wide, px; at random: wide or narrow.")] = None,
        shrink: Annotated[float | None, typer.Option(help="Outlines too narrow, px; at random: either.")] = None,
        shift: Annotated[float | None, typer.Option(help="Outlines beside their objects, px.")] = None,
        smooth: Annotated[float | None, typer.Option(help="Outlines too smooth: radius, px.")] = None,
        leave_out: Annotated[float | None, typer.Option(help="Share of objects left out, 0 to 1.")] = None,
        swap: Annotated[float | None, typer.Option(help="Share of objects taken for another class.")] = None,
        points: Annotated[float | None, typer.Option(help="Share of objects marked by a point only.")] = None,
        classes: Annotated[
            str | None, typer.Option(help="Classes that are corrupted: axon,psd; all by default.")
        ] = None,
        systematic: Annotated[
            bool, typer.Option("--systematic", help="The same error in every image, instead of a drawn one.")
        ] = False,
        to: Annotated[str | None, typer.Option(help="The class that swapped objects are taken for.")] = None,
        radius: Annotated[int, typer.Option(help="Radius of a point, px.")] = 2,
        of: Annotated[str, typer.Option(help="The split that is corrupted, or 'all'.")] = "train",
        seed: Seed = 0,
        as_json: Json = False,
    ) -> None:
        """Corrupt labels as annotators do.

        Several errors are applied in the order of the options.
        """
        from synthem.curate.corrupt import KINDS, Corruption, corrupt

        if to is not None and swap is None:
            raise SynthemError(f"--to {to}: says what swapped objects are taken for; say how many with --swap")
        strengths = (grow, shrink, shift, smooth, leave_out, swap, points)
        named = tuple(name.strip() for name in classes.split(",")) if classes else ()
        steps = [
            Corruption(kind, strength, named, systematic, to if kind == "swap" else None, radius)
            for kind, strength in zip(KINDS, strengths, strict=True)
            if strength is not None
        ]
        with progress("corrupt", None, "rows", quiet=as_json) as advance:
            done = corrupt(folder, out, steps, of=None if of == "all" else of, seed=seed, advance=advance)
        summary = {"folder": str(out), "rows": done.rows, "changed": done.changed, "agreement": done.agreement}
        dice = ", ".join(f"{name} {'–' if d is None else f'{d:.3f}'}" for name, d in done.agreement.items())
        text = [f"{out}: {done.changed} of {done.rows} rows changed", f"Dice against the true labels: {dice}"]
        finish(summary, as_json=as_json, lines=text)
