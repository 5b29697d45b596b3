"""`synthem stats`: what a dataset holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from synthem.cli.common import Json, finish, progress


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(name="stats")
    def command(
        folders: Annotated[list[Path], typer.Argument(help="Datasets or mixes.", metavar="DIR")],
        out: Annotated[
            Path | None, typer.Option("--out", help="Folder for stats.html and stats.json, one in it for each DIR.")
        ] = None,
        split: Annotated[str | None, typer.Option(help="Only the rows of this split, such as train.")] = None,
        as_json: Json = False,
    ) -> None:
        """Count organelles, areas and grey levels of each class.

        Of several datasets the grey levels are compared too.
        """
        from synthem.curate.pictures import open_pictures
        from synthem.curate.stats import grey_distance, lines, stats, write

        opened = [open_pictures(folder) for folder in folders]
        with progress("stats", None if split else sum(map(len, opened)), "pictures", quiet=as_json) as advance:
            held = [stats(pictures, split=split, advance=advance) for pictures in opened]
        text = [line for one in held for line in (*lines(one), "")][:-1]
        if out is not None:
            for i, one in enumerate(held):
                place = out if len(held) == 1 else out / f"{i}-{Path(one.folder).name}"
                write(one, place)
                text.append(f"{place}/stats.html")
        summary: dict[str, Any] = {"datasets": [one.to_json() for one in held]}
        if len(held) > 1:
            summary["grey_distance"] = [
                {"from": held[0].folder, "to": other.folder, "score": grey_distance(held[0], other)}
                for other in held[1:]
            ]
            for pair in summary["grey_distance"]:
                scores = ", ".join(f"{name} {score:.1f}" for name, score in pair["score"].items())
                text.append(f"grey levels of {pair['from']} against {pair['to']}, (μ₁−μ₂)² + (σ₁−σ₂)²: {scores}")
        finish(summary, as_json=as_json, lines=text)
