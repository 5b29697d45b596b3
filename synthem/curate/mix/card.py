"""The page that lies beside a mix, and the same table as lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def lines(summary: Mapping[str, Any]) -> list[str]:
    """The summary of a mix as aligned columns."""
    classes = list(summary["total"]["count"])
    head = ["", "rows", "windows", *classes]
    table = [head]
    for part in ("real", "synthetic", "total"):
        held = summary[part]
        rows = next(iter(held.values()))
        table.append([part, str(rows), str(held["windows"]), *(_number(held["count"][c]) for c in classes)])
        table.append(["", "", "area, px", *(_number(held["area_px"][c]) for c in classes)])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in table]


def card(meta: Mapping[str, Any]) -> str:
    """`README.md` of a mix."""
    request = meta["request"]
    asked = ", ".join(f"{key} {value}" for key, value in request.items() if value not in (None, False))
    nm = "" if meta["nm_per_px"] is None else f" at {meta['nm_per_px']:g} nm a pixel"
    listed = "\n".join(
        f"- {source['kind']}: `{source['path']}`, fingerprint `{source['fingerprint']}`" for source in meta["sources"]
    )
    table = "\n".join(lines(meta["summary"]))
    return (
        f"# A mix of real and synthetic windows\n\n"
        f"Windows of {meta['window']} × {meta['window']} px{nm}, stride {meta['stride']}, seed {meta['seed']}; "
        f"{asked}.\n\n"
        f"Sources, relative to this folder:\n\n{listed}\n\n"
        f"Organelles are 8-connected components within each window, so an organelle in two windows counts twice.\n\n"
        f"```\n{table}\n```\n\n"
        "Read it with `synthem.curate.mix.Mix.open(folder)`.\n"
    )


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
