"""No parameter is there for show: changing any of them changes some tile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synthem.ranges import Drawable, Whole, bounds
from synthem.recipe import Recipe
from synthem.tiles.generate import make_tile

EVERYTHING = Recipe.build(
    {
        "size": 192,
        "organelles": [
            {
                "kind": "axon",
                "count": 1,
                "radius_nm": "150..250",
                "edge_nm": "150..200",
                "opening": 0.3,
                "inside": {"choice": ["ring", "sheath"], "weights": [5, 1]},
                "spots": 3,
                "splits": 3,
            },
            {"kind": "mitochondrion", "count": 2, "oblique_share": 1, "breaks": 12},
            {"kind": "psd", "count": 2},
            {"kind": "vesicles", "count": 3, "facing": 0.5, "oval_share": 0.5, "dark_share": 0.5},
            {"kind": "debris", "count": 6, "shape": {"choice": ["tube", "ring", "dot", "line"]}},
            {"kind": "process", "count": 1, "radius_nm": "120..200", "edge_nm": "100..200"},
        ],
        "membranes": {"rays": 3, "cleft_nm": 12, "look": {"shading": 10}},
        "artefacts": {"streaks": 4, "curtain": 3, "drift_nm": 5, "background": 3},
    }
)
BARE = EVERYTHING.with_values({"membranes": None})
"""Without membranes PSDs are bowed by themselves."""
TILES = range(6)
UNSEEN = {"name", "kind", "description", "look", "organelles", "membranes", "cytoplasm", "optics", "artefacts", "per"}
"""Names, and models whose own fields are tried; `per` shows only on tiles of another size."""
OTHER = {
    "inside": "sheath", "style": "solid", "filling": "sparse", "shape": "ring", "corners": 4, "scattered": True,
    "size": 256, "count": 0, "clumps": 1, "number": 3, "holds": "others",
}  # fmt: skip
"""Values for parameters that a factor doesn't suit."""


def parameters(model: Drawable, path: str) -> list[tuple[str, Any]]:
    found = []
    for name in type(model).model_fields:
        if name not in UNSEEN:
            found.append((f"{path}{name}", getattr(model, name)))
    return found


def all_parameters() -> list[tuple[str, Any]]:
    found = parameters(EVERYTHING, "")
    for part in ("membranes", "cytoplasm", "optics", "artefacts"):
        found += parameters(getattr(EVERYTHING, part), f"{part}.")
    assert EVERYTHING.membranes is not None
    found += parameters(EVERYTHING.membranes.look, "membranes.look.")
    for item in EVERYTHING.organelles:
        found += parameters(item, f"organelles.{item.label}.")
        found += parameters(item.look, f"organelles.{item.label}.look.")
    return found


def another(path: str, value: Any) -> Any:
    name = path.rsplit(".", 1)[-1]
    if name in OTHER:
        return OTHER[name]
    low, high = bounds(value)
    middle = (max(low, -1000) + min(high, 1000)) / 2
    if name.endswith("share") or name in ("wobble", "flatten", "spread", "facing", "taper", "cristae", "crista_reach"):
        return 0.15 if middle > 0.5 else 0.95
    if isinstance(value, int) or name in ("strokes", "dots", "streaks", "breaks", "spots"):
        return int(middle) + 3
    return middle * 1.7 + (100 if name == "edge_nm" else 25 if name == "margin_nm" else 3 if middle == 0 else 0)


def images(recipe: Recipe) -> list[np.ndarray]:
    return [make_tile(recipe, 0, i)[1].image for i in TILES]


@pytest.fixture(scope="module")
def before() -> dict[str, list[np.ndarray]]:
    return {"everything": images(EVERYTHING), "bare": images(BARE)}


@pytest.mark.parametrize(("path", "value"), all_parameters(), ids=lambda v: v if isinstance(v, str) else "")
def test_it_changes_a_tile(path: str, value: Any, before: dict[str, list[np.ndarray]]) -> None:
    name, recipe = ("bare", BARE) if path.endswith("bow") else ("everything", EVERYTHING)
    after = images(recipe.with_values({path: another(path, value)}))
    assert any(not np.array_equal(a, b) for a, b in zip(before[name], after, strict=True))


COUNTS = {
    path: bounds(value)
    for path, value in all_parameters()
    if path != "size" and isinstance(value, int | Whole) and not isinstance(value, bool)
}


@pytest.mark.parametrize("path", COUNTS)
def test_a_count_may_be_a_choice(path: str) -> None:
    low, high = COUNTS[path]
    assert images(EVERYTHING.with_values({path: {"choice": [max(low, 1), high + 1]}}))
