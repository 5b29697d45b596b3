"""`synthem check`: what is wrong with datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthem.cli.common import Json, finish, progress


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(name="check")
    def command(
        folders: Annotated[list[Path], typer.Argument(help="Datasets or mixes.", metavar="DIR")],
        skip: Annotated[
            list[str] | None, typer.Option(help="A kind of finding to leave out, such as cut; may be repeated.")
        ] = None,
        gap: Annotated[int, typer.Option(help="Slices at most so many z apart are neighbours.")] = 1,
        as_json: Json = False,
    ) -> None:
        """Look for leaks between splits, duplicates and broken labels.

        Exits with 1 where there are any.
        """
        from synthem.curate.check import check, lines

        with progress("check", None, "pictures", quiet=as_json) as advance:
            found = check(folders, skip=skip or (), gap=gap, advance=advance)
        finish({"findings": [one.to_json() for one in found]}, as_json=as_json, lines=lines(found))
        raise typer.Exit(1 if found else 0)
