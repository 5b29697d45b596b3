"""Which licences let a dataset be shown to everybody, and what its card says about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from synthem.errors import SynthemError
from synthem.tiles.origins import Origin

ALLOWING = (
    "mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "pddl", "odc-by", "odbl", "cdla-permissive-2.0",
    "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0",
    "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0",
)  # fmt: skip
"""Licences, by the Hub's identifiers, under which anybody may pass on changed copies."""
FORBIDDING = ("cc-by-nd-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "all-rights-reserved", "proprietary")
"""Those that don't let changed copies be passed on, and a published layer is one: it is stored anew."""


def identifier(licence: str) -> str:
    """The Hub's way of writing a licence: `CC BY 4.0` is `cc-by-4.0`."""
    return "-".join(licence.lower().replace("_", " ").replace("-", " ").split())


def check_licence(licence: str) -> str:
    """The identifier of a licence that somebody chose for tiles of their own.

    Raises:
        SynthemError: none that allows copies to be passed on.
    """
    chosen = identifier(licence)
    if chosen not in ALLOWING:
        raise SynthemError(f"--licence {licence}: not among those known to allow copies: {', '.join(ALLOWING)}")
    return chosen


def objections(origins: Iterable[Origin]) -> list[str]:
    """Why a dataset may not be public; empty where nothing is in the way.

    Tiles that synthem drew are their maker's, so only what is from elsewhere counts.
    """
    found = []
    for origin in origins:
        for what, licence in (("images", origin.images), ("labels", origin.labels)) if origin.kind == "real" else ():
            if licence is None:
                found.append(f"{origin.name}: no licence is stated for its {what}")
            elif identifier(licence) in FORBIDDING:
                found.append(f"{origin.name}: the licence of its {what}, {licence}, forbids passing on changed copies")
            elif identifier(licence) not in ALLOWING:
                found.append(f"{origin.name}: the licence of its {what}, {licence}, isn't known to allow copies")
    return found


def metadata(origins: Sequence[Origin], synthetic: str) -> dict[str, str | list[str]]:
    """What the card's metadata say: the licence, all of them where parts differ, or `unknown`."""
    if objections(origins):
        return {"license": "unknown"}
    pairs = [(o.images, o.labels) if o.kind == "real" else (synthetic,) for o in origins]
    held = sorted({identifier(licence) for pair in pairs for licence in pair if licence})
    return {"license": held[0] if len(held) == 1 else held}
