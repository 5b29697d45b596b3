"""Statistics as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from synthem.curate.stats.gather import ClassStats, Stats

HEAD = ("class", "organelles", "a picture", "in pictures", "area", "grey", "component px (10/50/90 %)")


def cells(part: ClassStats) -> tuple[str, ...]:
    """One row of the table; the columns are `HEAD`."""
    if not part.known:
        return (part.name, "never labelled", *[""] * (len(HEAD) - 2))
    there, counted = part.area_px > 0, part.component_px[0] == part.component_px[0]
    return (
        part.name + (" (rare)" if part.rare and part.name != "none" else ""),
        f"{part.count:,}" if part.name != "none" else "",
        f"{part.per_picture:.2f}" if part.name != "none" else "",
        f"{part.presence:.1%}" if part.name != "none" else "",
        f"{part.area_share:.2%}",
        f"{part.grey_mean:.1f} ± {part.grey_std:.1f}" if there else "",
        "/".join(f"{value:.0f}" for value in part.component_px) if counted else "",
    )


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows of cells as aligned lines, the first column to the left."""
    table = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in table]


def lines(held: Stats) -> list[str]:
    """The whole table, and a sentence that names the rare classes."""

    def tally(what: dict[str, int]) -> str:
        return ", ".join(f"{number:,} {name}" for name, number in sorted(what.items()))

    kinds = "; ".join(map(tally, (held.sources, held.splits, held.sizes)))
    return [
        f"{held.folder}: {held.pictures:,} pictures ({kinds}), grey {held.grey_mean:.1f} ± {held.grey_std:.1f}",
        *columns([HEAD, *(cells(part) for part in (*held.classes, held.none))]),
        "texture: " + ", ".join(f"{name} {value:.3g}" for name, value in held.texture.items()),
        f"rare: {', '.join(held.rare) or 'no class'}",
    ]
