"""`synthem generate`: tiles of a recipe into a dataset folder."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from synthem.cli.common import Json, Seed, finish, progress
from synthem.errors import SynthemError

NAMES = {"axons": "axon", "mitochondria": "mitochondrion", "psds": "psd", "vesicles": "vesicles"}
"""Options that count an organelle, and its kind."""

Source = Annotated[str, typer.Argument(help="A shipped recipe (epfl, dense, …) or a .yaml file.", metavar="RECIPE")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Any other parameter: organelles.axon.radius_nm=300..600. May be repeated."
    ),
]
HowMany = "In each tile: 3 means 1 to 3, 0 none, 3..3 exactly three, 0..3 a range."


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(generate)


def generate(
    recipe: Source = "epfl",
    n: Annotated[int, typer.Option("--n", help="Tiles that the folder shall hold.")] = 300,
    axons: Annotated[str | None, typer.Option(help=HowMany)] = None,
    psds: Annotated[str | None, typer.Option(help=HowMany)] = None,
    vesicles: Annotated[str | None, typer.Option(help=f"Clusters. {HowMany}")] = None,
    mitochondria: Annotated[str | None, typer.Option(help=HowMany)] = None,
    size: Annotated[str | None, typer.Option(help="Pixels: 256, or 768x1024 (height × width).")] = None,
    nm_per_px: Annotated[float | None, typer.Option(help="Pixel size, nm.")] = None,
    set_: Set = None,
    seed: Seed = 0,
    workers: Annotated[int, typer.Option(help="Processes; 0 for one on every usable core.")] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Fail where something found no place.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder; ./synthem-data/… where left out.")] = None,
    as_json: Json = False,
) -> None:
    """Draw tiles with exact labels; goes on where it was interrupted."""
    from synthem.recipe import Recipe
    from synthem.tiles.exporters.rows import safe
    from synthem.tiles.generate import generate as run

    counts = {"axons": axons, "psds": psds, "vesicles": vesicles, "mitochondria": mitochondria}
    chosen = adjusted(Recipe.load(recipe), counts, size, nm_per_px, set_ or [])
    folder = out or Path("synthem-data") / f"{safe(chosen.name)}-{chosen.fingerprint[:8]}-seed{seed}"
    command = shlex.join(["synthem", *sys.argv[1:]])
    with progress(f"drawing {chosen.name}", n, quiet=as_json) as advance:
        done = run(chosen, n, folder, seed=seed, workers=workers, strict=strict, command=command, advance=advance)
    speed = f", {done.new / done.seconds:.0f} a second" if done.new else ""
    lines = [f"{done.out}: {done.tiles} tiles, {done.new} of them new{speed}"]
    lines += [f"  {name}: placed {done.placed[name]} of {asked}" for name, asked in done.requested.items() if asked]
    summary: dict[str, Any] = {**vars(done), "missing": done.missing, "recipe": chosen.name, "seed": seed}
    finish(summary, as_json=as_json, lines=lines)


def adjusted(
    recipe: Any, counts: dict[str, str | None], size: str | None, nm_per_px: float | None, sets: list[str]
) -> Any:
    """A recipe with the command line's options over it; they win over the file.

    Raises:
        SynthemError: an option that can't be read, or a value that the recipe can't have.
    """
    content = recipe.to_json()
    for option, text in counts.items():
        if text is not None:
            _count(content, NAMES[option], option, text)
    if size is not None:
        content["size"] = size
    if nm_per_px is not None:
        content["nm_per_px"] = nm_per_px
    changes = dict(_assignment(text) for text in sets)
    try:
        changed = type(recipe).build(content, recipe.name)
        return changed.with_values(changes) if changes else changed
    except SynthemError as error:  # the recipe itself was fine: what is wrong stands on the command line
        raise SynthemError(str(error).removeprefix(f"{recipe.name}: ")) from None


def _count(content: dict[str, Any], kind: str, option: str, text: str) -> None:
    """Put a count into the first organelle of a kind; added with its defaults where the recipe lacks it."""
    try:
        low, high = (int(part) for part in text.split("..")) if ".." in text else (min(1, int(text)), int(text))
    except ValueError:
        raise SynthemError(f"--{option} {text}: no count; write 3, 0, 3..3 or 0..3") from None
    if low < 0 or high < 0:
        raise SynthemError(f"--{option} {text}: a count can't be below 0")
    if low > high:
        raise SynthemError(f"--{option} {text}: low ({low}) is above high ({high}); swap them")
    value = {"count": f"{low}..{high}" if high else 0, "per": "tile"}
    for item in content["organelles"]:
        if item["kind"] == kind:
            item.update(value)
            return
    content["organelles"].append({"kind": kind, **value})


def _assignment(text: str) -> tuple[str, Any]:
    import yaml

    path, equals, value = text.partition("=")
    if not equals or not path:
        raise SynthemError(f"--set {text}: write PATH=VALUE, such as organelles.axon.radius_nm=300..600")
    try:
        return path.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        raise SynthemError(f"--set {text}: its value is no valid YAML; quote it") from None
