"""`synthem export`: datasets out, in formats of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthem.cli.common import Json, finish, progress


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("export")
    def export_(
        dataset: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset of tiles or layers.")],
        format: Annotated[str, typer.Option("--format", help="folders, coco, nnunet, tiff or npz.")],
        out: Annotated[Path, typer.Option(help="A new or empty folder.")],
        as_json: Json = False,
    ) -> None:
        """Write a dataset in a format of other programs."""
        from synthem.tiles.dataset import TileDataset
        from synthem.tiles.exporters import export

        opened = TileDataset.open(dataset)
        with progress(f"export {format}", len(opened), "rows", quiet=as_json) as advance:
            done = export(opened, format, out, advance=advance)
        lines = [f"{out}: {done.rows} rows as {format}, classes {', '.join(done.classes)}"]
        if done.left_out:
            lines.append(f"left out, for nobody labelled them here: {', '.join(done.left_out)}")
        finish(done.summary(), as_json=as_json, lines=lines)
