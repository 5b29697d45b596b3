"""A scene: every instance of a tile with its drawn parameters, and what could not be placed."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthem.errors import SynthemError
from synthem.geometry import Points, pose
from synthem.organelles.base import Body, Organelle
from synthem.organelles.membranes import Membranes
from synthem.ranges import Drawable
from synthem.recipe import Recipe
from synthem.scene import perlin
from synthem.scene.site import Site
from synthem.scene.tissue import GRID_NM, OPEN, grow
from synthem.seeds import Streams
from synthem.version import GENERATOR_VERSION

TRIES = 150
"""Positions that are tried for each instance; as many as in the original."""
SETTINGS = ("cell", "ridge", "free")
TURNS = np.array([0.0, 0.5, 0.25, -0.25]) * math.pi
"""Directions that are tried at each position, beside the drawn one."""
TILES_PER_BANK = 1000
"""After so many tiles another bank of noise is used, so that large sets don't repeat."""
REFERENCE_NM = 1280.0
"""Side of the area that `per: area` counts are for: 256 pixels of 5 nm."""


@dataclass
class Scene:
    """What stands where in one tile."""

    recipe: Recipe
    seed: int
    index: int
    grid_nm: float
    membranes: Any
    """Drawn parameters of the membranes, or None."""
    bodies: list[Body]
    requested: dict[str, int]
    """Instances asked for, by name of the organelle."""
    placed: dict[str, int]
    """Instances that found a place."""
    site: Site
    """The tissue and the space that is taken; computed again when a scene is read."""

    @property
    def size_nm(self) -> tuple[float, float]:
        """Height and width of the tile."""
        return self.site.size_nm

    def __repr__(self) -> str:
        held = ", ".join(f"{n} {name}" for name, n in self.placed.items() if n) or "nothing"
        return f"Scene({self.recipe.name!r}, seed {self.seed}, index {self.index}: {held})"

    def streams(self) -> Streams:
        """The streams of this tile."""
        return Streams(self.seed, "tile", self.index)

    def to_json(self) -> str:
        """Drawn parameters and poses, without outlines; `from_json` gives the same scene again."""
        bodies = [
            {
                "name": body.organelle.label,
                "index": body.index,
                "y_nm": round(body.y_nm, 3),
                "x_nm": round(body.x_nm, 3),
                "angle": round(body.angle, 6),
                "drawn": _drawn(body.organelle),
            }
            for body in self.bodies
        ]
        content = {
            "generator_version": GENERATOR_VERSION,
            "size_nm": list(self.size_nm),
            "grid_nm": self.grid_nm,
            "membranes": None if self.membranes is None else _drawn(self.membranes),
            "requested": self.requested,
            "placed": self.placed,
            "instances": bodies,
        }
        return json.dumps(content, separators=(",", ":"))


def compose(recipe: Recipe, seed: int, index: int) -> Scene:
    """Draw one tile's scene: cells first, then what sits on membranes, then what lies free in the cells."""
    return _Composer(recipe, seed, index).compose()


def recompose(text: str, recipe: Recipe, seed: int, index: int) -> Scene:
    """The scene that `Scene.to_json` recorded, in the same place; looks are those of the record.

    Args:
        text: the record.
        recipe: the recipe that it was drawn from.
        seed: of the dataset.
        index: of the tile.

    Raises:
        SynthemError: the record is of another version of the generator, or doesn't fit the recipe.
    """
    record = json.loads(text)
    if record["generator_version"] != GENERATOR_VERSION:
        drawn_by = record["generator_version"]
        raise SynthemError(
            f"tile {index}: drawn by generator version {drawn_by}, this is {GENERATOR_VERSION}; generate it again"
        )
    return _Composer(recipe, seed, index, record["grid_nm"], tuple(record["size_nm"])).replay(record)


class _Composer:
    def __init__(
        self,
        recipe: Recipe,
        seed: int,
        index: int,
        grid_nm: float | None = None,
        size_nm: tuple[float, float] | None = None,
    ) -> None:
        self.recipe, self.seed, self.index = recipe, seed, index
        self.streams = Streams(seed, "tile", index)
        height, width = recipe.size
        self.grid_nm = grid_nm or max(GRID_NM, recipe.nm_per_px)
        size = size_nm or (height * recipe.nm_per_px, width * recipe.nm_per_px)
        self.site = Site(size, self.grid_nm)
        self.bodies: list[Body] = []

    def compose(self) -> Scene:
        wanted = self._counts()
        requested = {item.label: wanted[item.label] for item in self.recipe.organelles}
        placed = dict.fromkeys(requested, 0)
        membranes: Any = None
        for setting in SETTINGS:
            if setting == "ridge":
                membranes = self._grow()
            for item in self.recipe.organelles:
                if item.setting == setting:
                    for k in range(wanted[item.label]):
                        placed[item.label] += self._place(item, k)
        return self._scene(membranes, requested, placed)

    def replay(self, record: dict[str, Any]) -> Scene:
        organelles = {item.label: item for item in self.recipe.organelles}
        membranes: Any = None
        grown = False
        for entry in record["instances"]:
            if entry["name"] not in organelles:
                raise SynthemError(f"tile {self.index}: its scene holds {entry['name']!r}, which the recipe lacks")
            item = organelles[entry["name"]]
            if item.setting != "cell" and not grown:
                membranes, grown = self._grow(), True
            rng = self.streams.open(item.label, entry["index"])
            drawn = item.draw(rng)
            outline = drawn.outline(rng)
            rng.random((TRIES, 3))
            body = self._body(drawn, entry["index"], outline, entry["y_nm"], entry["x_nm"], entry["angle"])
            if item.setting == "cell" or drawn.settle(body, self.site, rng):
                self._stand(body)
        if not grown:
            membranes = self._grow()
        return self._scene(membranes, record["requested"], record["placed"])

    def _scene(self, membranes: Any, requested: dict[str, int], placed: dict[str, int]) -> Scene:
        return Scene(
            self.recipe, self.seed, self.index, self.grid_nm, membranes, self.bodies, requested, placed, self.site
        )

    def _counts(self) -> dict[str, int]:
        """How many of each organelle; each from a stream of its own, so that one changes no other."""
        area = self.site.size_nm[0] * self.site.size_nm[1] / REFERENCE_NM**2
        return {
            item.label: _count(item, area if item.per == "area" else 1.0, float(self.streams.open(item.label).random()))
            for item in self.recipe.organelles
        }

    def _grow(self) -> Membranes | None:
        """The tissue around the cells that were placed; those that are open have room from here on."""
        rng = self.streams.open("membranes")
        drawn = None if self.recipe.membranes is None else self.recipe.membranes.draw(rng)
        closed = {OPEN + k if body.organelle.open else -1 - k: body.outline for k, body in enumerate(self.bodies)}
        bank = perlin.bank(self.index // TILES_PER_BANK)
        self.site.tissue = grow(drawn, self.site.size_nm, self.grid_nm, rng, bank, closed)
        self.site.clear()
        for body in self.bodies:
            if not body.organelle.open:
                self.site.take(body.outline, body.organelle.margin_nm)
        return drawn

    def _place(self, item: Organelle, k: int) -> bool:
        """Find a place for one instance; all its draws come from its own stream, however many tries it takes."""
        rng = self.streams.open(item.label, k)
        drawn = item.draw(rng)
        outline = drawn.outline(rng)
        draws = rng.random((TRIES, 3))
        if item.setting == "ridge":
            spot = self._on_ridge(drawn, k, outline, draws, rng)
        else:
            spot = self._in_room(drawn, k, outline, draws, rng)
        if spot is None:
            return False
        self._stand(spot)
        return True

    def _stand(self, body: Body) -> None:
        self.bodies.append(body)
        margin = body.organelle.margin_nm
        if "discs" in body.detail:
            self.site.take_discs(body.detail["discs"], margin)
        else:
            self.site.take(body.outline, margin)

    def _body(self, drawn: Any, k: int, outline: Points, y_nm: float, x_nm: float, angle: float) -> Body:
        y_nm, x_nm, angle = round(y_nm, 3), round(x_nm, 3), round(angle, 6)
        body = Body(drawn, k, y_nm, x_nm, angle, pose(outline, y_nm, x_nm, angle))
        if self.site.tissue is not None:
            body.cell = int(self.site.tissue.cells[self.site.tissue.at(y_nm, x_nm)])
        return body

    def _on_ridge(self, drawn: Any, k: int, outline: Points, draws: Any, rng: np.random.Generator) -> Body | None:
        if self.recipe.membranes is None:
            return self._in_room(drawn, k, outline, draws, rng)
        start = rng.bit_generator.state
        for beside_nm in sorted({drawn.beside_nm, 0.0}, reverse=True):
            for pose_ in self.site.search_ridges(draws, drawn.edge_nm, drawn.length_nm, beside_nm):
                body = self._body(drawn, k, outline, *pose_)
                rng.bit_generator.state = start  # it settles anywhere with the same draws, so replays alike
                if not drawn.settle(body, self.site, rng):
                    continue
                inside, _, blocked = self.site.survey(body.outline, 0, -10_000)
                if inside and not blocked:
                    return body
        return None

    def _in_room(self, drawn: Any, k: int, outline: Points, draws: Any, rng: np.random.Generator) -> Body | None:
        """Inside one cell with enough of the outline in free cytoplasm; before there are cells, anywhere free."""
        free = drawn.setting != "cell"
        found = self._host(drawn, draws)
        if found is None:
            extent = float(np.abs(outline).max(axis=0).min())
            room, gap = (min(0.35 * extent, 200.0), drawn.clearance_nm) if free else (0.0, 0.0)
            crowd = drawn.fit < 0.5
            turns = TURNS if free and not crowd else TURNS[:1]
            room = room if drawn.fit else 0.0
            found = self.site.search(outline, draws, drawn.edge_nm, room, gap, drawn.fit, crowd, turns)
        if found is None:
            return None
        body = self._body(drawn, k, outline, *found)
        return body if not free or drawn.settle(body, self.site, rng) else None

    def _host(self, drawn: Any, draws: Any) -> tuple[float, float, float] | None:
        """Where a cluster that faces another organelle goes: beside the first that has none yet."""
        faces = getattr(type(drawn), "faces", None)
        if faces is None or draws[0, 0] >= drawn.facing:
            return None
        for body in self.bodies:
            if body.organelle.kind == faces and "front" in body.detail and "faced" not in body.detail:
                body.detail["faced"] = np.zeros(0)
                y, x, dy, dx = body.detail["front"]
                away = 0.75 * drawn.half_width_nm + 40
                return float(y + dy * away), float(x + dx * away), math.atan2(dx, -dy)
        return None


def _count(item: Organelle, times: float, u: float) -> int:
    """A drawn count; for `per: area` with the mean scaled by the area."""
    count: Any = item.count
    if hasattr(count, "poisson"):
        return int(type(count)(poisson=count.poisson * times).at(u))
    drawn = count if isinstance(count, int) else count.at(u)
    return round(drawn * times)


def _drawn(model: Drawable) -> dict[str, Any]:
    """The fields that were drawn or could have been, rounded to what matters."""
    values = {name: getattr(model, name) for name in model.ranged if name != "count"}
    return {name: round(v, 4) if isinstance(v, float) else v for name, v in values.items()}
