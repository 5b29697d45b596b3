"""`synthem split`: which layers are for training, validation and test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from synthem.cli.common import Json, Seed, finish
from synthem.errors import SynthemError


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(name="split")
    def command(
        folder: Annotated[Path, typer.Argument(help="Dataset whose layers are divided.", metavar="DIR")],
        out: Annotated[Path, typer.Option("--out", help="New folder.")],
        sizes: Annotated[
            str | None, typer.Option(help="Layers or shares of each part: train=15,validation=5,test=10.")
        ] = None,
        folds: Annotated[int | None, typer.Option(help="Cross-validation with so many folds.")] = None,
        repeats: Annotated[int | None, typer.Option(help="So many random divisions by --sizes.")] = None,
        by: Annotated[
            Literal["layer", "z"], typer.Option(help="Shuffled layers, or runs of neighbouring slices.")
        ] = "layer",
        gap: Annotated[int, typer.Option(help="With --by z: slices left out on a border.")] = 1,
        of: Annotated[str, typer.Option(help="The split that is divided; others stay.")] = "train",
        seed: Seed = 0,
        as_json: Json = False,
    ) -> None:
        """Divide the layers of a dataset into splits anew.

        Layers stay whole; where asked for, a gap along z is left between the parts.
        """
        from synthem.curate.split import split

        made = split(
            folder,
            out,
            sizes=_parse_sizes(sizes) if sizes else None,
            folds=folds,
            repeats=repeats,
            by=by,
            gap=gap,
            of=of,
            seed=seed,
        )
        text = []
        for one in made:
            numbers = ", ".join(f"{len(layers)} {part}" for part, layers in one.parts.items() if layers)
            text.append(f"{one.folder}: {numbers}")
        finish(
            {"splits": [{"folder": str(one.folder), "parts": one.parts} for one in made]}, as_json=as_json, lines=text
        )


def _parse_sizes(text: str) -> dict[str, float]:
    try:
        pairs = [part.split("=") for part in text.split(",")]
        return {name.strip(): float(size) for name, size in pairs}
    except ValueError:
        raise SynthemError(
            f"--sizes {text!r}: write train=15,validation=5,test=10 or train=0.8,validation=0.2"
        ) from None
