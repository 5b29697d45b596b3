"""`synthem mix`: exact numbers of real layers and synthetic tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from synthem.cli.common import Json, Seed, finish, progress
from synthem.errors import SynthemError


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(name="mix")
    def command(
        out: Annotated[Path, typer.Option("--out", help="Folder of the mix.")],
        real: Annotated[
            list[Path] | None, typer.Option("--real", help="Dataset of real layers; may be repeated.")
        ] = None,
        real_layers: Annotated[
            str | None,
            typer.Option(help="The first so many of the nested order, or names of layers or selections: 5, or a,b,c."),
        ] = None,
        synthetic: Annotated[
            list[Path] | None, typer.Option("--synthetic", help="Dataset of synthetic tiles; may be repeated.")
        ] = None,
        n_synthetic: Annotated[int | None, typer.Option(help="Synthetic tiles, exactly; all by default.")] = None,
        window: Annotated[int, typer.Option(help="Height and width of a window, px.")] = 256,
        stride: Annotated[int, typer.Option(help="Step from window to window, px.")] = 64,
        edge: Annotated[Literal["drop", "shift", "pad"], typer.Option(help="What to do at a layer's end.")] = "drop",
        nm_per_px: Annotated[float | None, typer.Option(help="Bring all sources to this pixel size.")] = None,
        mode: Annotated[
            Literal["fixed-real", "fixed-total"],
            typer.Option(help="fixed-real adds synthetic windows; fixed-total puts them in place of real ones."),
        ] = "fixed-real",
        total: Annotated[int | None, typer.Option(help="Windows of a fixed-total mix.")] = None,
        until: Annotated[
            list[str] | None, typer.Option(help="Add tiles until the mix holds so many organelles: axon=180.")
        ] = None,
        balance: Annotated[
            str, typer.Option(help="Weights of classes for training: equal, area, sqrt-area, or axon=3,psd=2.")
        ] = "equal",
        present: Annotated[str | None, typer.Option(help="Real windows that hold one of these: axon,psd.")] = None,
        min_area: Annotated[
            str | None, typer.Option(help="Real windows with so many pixels of each of these: axon=200.")
        ] = None,
        max_per_layer: Annotated[int | None, typer.Option(help="At most so many windows of a real layer.")] = None,
        drop_empty: Annotated[
            bool, typer.Option("--drop-empty", help="Leave out real windows that hold no class.")
        ] = False,
        copy: Annotated[bool, typer.Option("--copy", help="Write the windows' pixels too, into tiles/.")] = False,
        seed: Seed = 0,
        as_json: Json = False,
    ) -> None:
        """Mix real layers and synthetic tiles in exact numbers."""
        from synthem.curate.mix import mix
        from synthem.curate.mix.card import lines
        from synthem.curate.select import Rules

        rules = Rules(
            tuple(name.strip() for name in present.split(",")) if present else (),
            _parse_numbers("--min-area", min_area or ""),
            drop_empty,
            max_per_layer,
        )
        with progress("mix", None, "rows", quiet=as_json) as advance:
            made = mix(
                out,
                real=real or (),
                synthetic=synthetic or (),
                real_layers=int(real_layers) if real_layers and real_layers.lstrip("-").isdigit() else real_layers,
                n_synthetic=n_synthetic,
                window=window,
                stride=stride,
                edge=edge,
                nm_per_px=nm_per_px,
                mode=mode,
                total=total,
                until=_parse_numbers("--until", ",".join(until or [])),
                balance=balance,
                rules=None if rules == Rules() else rules,
                seed=seed,
                copy=copy,
                advance=advance,
            )
        summary = {
            "folder": str(out),
            "windows": len(made),
            "fingerprint": made.fingerprint,
            "class_weights": made.class_weights,
            **made.summary,
        }
        finish(summary, as_json=as_json, lines=[f"{out}: {len(made)} windows", *lines(made.summary)])


def _parse_numbers(option: str, text: str) -> dict[str, int]:
    pairs = [part.partition("=") for part in text.split(",") if part]
    for name, _, number in pairs:
        if not number.isdigit():
            raise SynthemError(f"{option} {name}={number}: say how many of which class, such as axon=180")
    return {name.strip(): int(number) for name, _, number in pairs}
