"""`synthem import`: real layers in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthem.cli.common import Json, finish, progress, say


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("import")
    def import_(
        what: Annotated[
            Path, typer.Argument(metavar="DATASET.yaml|FOLDER|STACK", help="A descriptor, or data that has none yet.")
        ],
        out: Annotated[Path, typer.Option(help="Folder of the dataset; with --guess the descriptor to write.")],
        root: Annotated[
            Path | None, typer.Option(help="Folder that the descriptor's places are relative to; else its own.")
        ] = None,
        guess: Annotated[bool, typer.Option("--guess", help="Write a first descriptor, no more.")] = False,
        strict: Annotated[bool, typer.Option("--strict", help="Refuse what doesn't fit.")] = False,
        as_json: Json = False,
    ) -> None:
        """Bring real layers in; what doesn't fit is listed."""
        from synthem.errors import SynthemError
        from synthem.tiles.importers import Refused, guess_descriptor, import_dataset, load_descriptor, to_yaml
        from synthem.tiles.importers.problems import as_lines
        from synthem.tiles.shards import write_atomically

        described = what.suffix.lower() in (".yaml", ".yml")
        if guess and described:
            raise SynthemError(f"{what}: is a descriptor already; leave out --guess")
        if guess and out.exists():
            raise SynthemError(f"{out}: exists already; name a new file for the descriptor")
        if described:
            descriptor = load_descriptor(what)
            root = what.parent if root is None else root
        else:
            descriptor, root = guess_descriptor(what)
            text = to_yaml(descriptor)
            if guess:
                write_atomically(out, text)
                finish(
                    {"out": str(out), "descriptor": text}, as_json=as_json, lines=[f"{out}: look it over, then import"]
                )
                return
            say(f"{what} has no descriptor; this is what it looks like:\n{text}")
        try:
            with progress("import", None, "layers", quiet=as_json) as advance:
                done = import_dataset(descriptor, root, out, strict=strict, advance=advance)
        except Refused as refused:
            say("\n".join(as_lines(refused.problems)))
            raise
        splits = ", ".join(f"{count} {name}" for name, count in done.summary()["splits"].items())
        state = "holds them already" if done.existed else "written"
        lines = [*as_lines(done.problems), f"{out}: {len(done.layers)} layers ({splits}), {state}"]
        finish(done.summary(), as_json=as_json, lines=lines)
