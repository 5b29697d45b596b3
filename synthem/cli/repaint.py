"""`synthem repaint`: stored scenes with another appearance."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from synthem.cli.common import Json, finish, progress
from synthem.cli.generate import Set


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(repaint)


def repaint(
    folder: Annotated[Path, typer.Argument(help="A dataset that `synthem generate` wrote.", metavar="DIR")],
    recipe: Annotated[str, typer.Option(help="The recipe whose appearance to use.")],
    out: Annotated[Path, typer.Option(help="Folder of the new dataset.")],
    set_: Set = None,
    nm_per_px: Annotated[float | None, typer.Option(help="Another pixel size, nm; masks are of that scale.")] = None,
    workers: Annotated[int, typer.Option(help="Processes; 0 for one on every usable core.")] = 0,
    as_json: Json = False,
) -> None:
    """Paint the scenes of tiles again: the same masks, other pixels."""
    from synthem.cli.generate import adjusted
    from synthem.recipe import Recipe
    from synthem.tiles.repaint import repaint as run

    appearance = adjusted(Recipe.load(recipe), {}, None, None, set_ or [])
    command = shlex.join(["synthem", *sys.argv[1:]])
    with progress("painting", None, quiet=as_json) as advance:
        done = run(folder, appearance, out, nm_per_px=nm_per_px, workers=workers, command=command, advance=advance)
    finish(vars(done), as_json=as_json, lines=[f"{done.out}: {done.tiles} tiles, {done.new} of them new"])
