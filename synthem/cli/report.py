"""`synthem report`: one page over one or several sweeps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synthem.cli.common import Json, finish
from synthem.errors import SynthemError


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(name="report")
    def command(
        sweeps: Annotated[list[Path], typer.Argument(metavar="SWEEP", help="Folders that `synthem sweep` wrote.")],
        out: Annotated[Path, typer.Option("--out", help="The page: a file that ends in .html.")],
        as_json: Json = False,
    ) -> None:
        """Write one page over sweeps, as far as they are done."""
        from collections import Counter

        from synthem.report import report
        from synthem.sweep import Plan, outcomes

        if out.suffix.lower() not in (".html", ".htm"):
            raise SynthemError(f"--out {out}: is no HTML page; name a file such as report.html")
        page = report(sweeps, out)
        status = {str(s): dict(Counter(o.status for o in outcomes(Plan.open(s)))) for s in sweeps}
        lines = [f"{name}: {', '.join(f'{n} {kind}' for kind, n in held.items())}" for name, held in status.items()]
        finish({"out": str(page), "sweeps": status}, as_json=as_json, lines=[*lines, f"Open {page}"])
