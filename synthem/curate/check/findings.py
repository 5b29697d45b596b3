"""One thing that is wrong, and the table of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

KINDS = {
    "same-layer": "windows of one layer on both sides of a split",
    "overlap": "overlapping windows on both sides of a split",
    "neighbours": "neighbouring slices on both sides of a split",
    "duplicate": "pictures that show the same, as they are, flipped, turned, brighter, noisier or shifted",
    "constant": "pictures of one grey level",
    "classes": "classes that overlap though they are declared disjoint",
    "outside": "mitochondrial boundary outside any mitochondrion",
    "speck": "components of a few pixels",
    "cut": "labels that end at the edge of a whole layer as if cut",
    "counts": "recorded counts or areas that disagree with the mask",
    "pixels": "pixels that disagree with the recorded fingerprint",
    "unreadable": "images that can't be read",
}
"""Every kind of finding."""


@dataclass(frozen=True)
class Finding:
    """One kind of fault in one dataset, with the places where it is."""

    kind: str
    """One of `KINDS`."""
    folder: str
    what: str
    where: tuple[str, ...]
    """Layers, tiles or pairs of them."""

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self) | {"where": list(self.where)}


def lines(findings: Sequence[Finding]) -> list[str]:
    """A table, one finding a line, with the first three places of each."""
    if not findings:
        return ["nothing found"]
    rows = [("what", "where", "times", "details")]
    for finding in findings:
        first = ", ".join(finding.where[:3]) + (", …" if len(finding.where) > 3 else "")
        rows.append((finding.kind, finding.folder, f"{len(finding.where):,}", f"{finding.what}: {first}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"{kind.ljust(widths[0])}  {where.ljust(widths[1])}  {times.rjust(widths[2])}  {what}"
        for kind, where, times, what in rows
    ]
