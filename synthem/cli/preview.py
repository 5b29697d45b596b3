"""`synthem preview`: a contact sheet of a recipe or of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthem.cli.common import Json, Seed, finish
from synthem.cli.generate import HowMany, Set
from synthem.errors import SynthemError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(preview)


def preview(
    source: Annotated[
        str, typer.Argument(help="A recipe, the folder of a dataset or a mix, or hub:me/name.", metavar="RECIPE|DIR")
    ] = "epfl",
    n: Annotated[int, typer.Option("--n", min=1, max=400, help="Tiles on the sheet.")] = 8,
    axons: Annotated[str | None, typer.Option(help=HowMany)] = None,
    psds: Annotated[str | None, typer.Option(help=HowMany)] = None,
    vesicles: Annotated[str | None, typer.Option(help=f"Clusters. {HowMany}")] = None,
    mitochondria: Annotated[str | None, typer.Option(help=HowMany)] = None,
    size: Annotated[str | None, typer.Option(help="Pixels: 256, or 768x1024 (height × width).")] = None,
    set_: Set = None,
    seed: Seed = 0,
    columns: Annotated[int, typer.Option(min=0, help="Tiles in a row; 0 for about square.")] = 0,
    out: Annotated[Path, typer.Option(help="PNG file.")] = Path("sheet.png"),
    as_json: Json = False,
) -> None:
    """Show tiles beside the same tiles with their labels in colour."""
    from synthem.cli.generate import adjusted
    from synthem.curate.pictures import open_pictures
    from synthem.recipe import Recipe
    from synthem.tiles.generate import make_tile
    from synthem.tiles.hub import on_hub
    from synthem.tiles.sheet import contact_sheet, save

    if out.is_dir() or out.suffix.lower() != ".png":
        raise SynthemError(
            f"--out {out}: {'is a folder' if out.is_dir() else 'is no PNG'}; name a file such as sheet.png"
        )
    counts = {"axons": axons, "psds": psds, "vesicles": vesicles, "mitochondria": mitochondria}

    if Path(source).is_dir() or on_hub(source):
        given = [name for name, value in {**counts, "size": size, "set": set_}.items() if value]
        if given:
            raise SynthemError(f"--{given[0]}: is for recipes, and {source} is drawn already; leave it out")
        data = open_pictures(source)
        chosen = range(min(n, len(data)))
        images, classes = [data.image(i) for i in chosen], data.classes
        masks = [classes.unpack(data.stored(i)) for i in chosen]
    else:
        if "/" in source and Path(source).suffix == "":
            raise SynthemError(f"{source}: there is no such folder; name a dataset's folder, a recipe or a .yaml file")
        recipe = adjusted(Recipe.load(source), counts, size, None, set_ or [])
        tiles = [make_tile(recipe, seed, i)[1] for i in range(n)]
        images, masks, classes = [t.image for t in tiles], [t.masks for t in tiles], recipe.classes
    sheet = contact_sheet(images, masks, classes, columns)
    save(sheet, out)
    summary = {"out": str(out), "tiles": len(images), "width": sheet.width, "height": sheet.height}
    finish(summary, as_json=as_json, lines=[f"{out}: {len(images)} tiles"])
