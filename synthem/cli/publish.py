"""`synthem publish`: a dataset on the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthem.cli.common import Json, finish, say


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(name="publish")
    def command(
        folder: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset or a mix.")],
        to: Annotated[str, typer.Option("--to", metavar="me/name", help="The dataset's name on the Hub.")],
        public: Annotated[bool, typer.Option("--public", help="Let everybody see it; private without.")] = False,
        tag: Annotated[str | None, typer.Option(help="Name of this release, such as v1.")] = None,
        licence: Annotated[
            str, typer.Option(help="Of the tiles that synthem drew: mit, cc0-1.0, cc-by-4.0, …")
        ] = "mit",
        dry_run: Annotated[
            Path | None, typer.Option(metavar="FOLDER", help="Write the repository there and send nothing.")
        ] = None,
        as_json: Json = False,
    ) -> None:
        """Put a dataset or a mix on the Hugging Face Hub.

        The token is that of `hf auth login`, or HF_TOKEN.
        """
        from synthem.publish import publish

        tell = (lambda line: None) if as_json else say
        done = publish(folder, to, public=public, tag=tag, dry_run=dry_run, licence=licence, tell=tell)
        splits = ", ".join(f"{rows} {name}" for name, rows in done.splits.items())
        lines = [f"{done.folder or done.url}: {done.rows} rows ({splits})"]
        if done.commit:
            state = f"{len(done.sent)} files sent" if done.sent else "holds the same already, nothing sent"
            lines.append(f"commit {done.commit[:12]}{f', tag {done.tag}' if done.tag else ''}: {state}")
        lines += [f"keep it private: {note}" for note in done.notes]
        finish(done.to_json(), as_json=as_json, lines=lines)
