"""From a scene to a tile: every instance painted once onto one raster, which then is exposed."""

from __future__ import annotations

from synthem.organelles.base import Look
from synthem.organelles.membranes import Membranes
from synthem.raster.camera import Tile, expose
from synthem.raster.canvas import RasterCanvas, size_px
from synthem.recipe import Recipe
from synthem.scene import perlin
from synthem.scene.scene import TILES_PER_BANK, Scene
from synthem.scene.tissue import threshold

LEAST_PX = 4
"""Smaller pieces of membrane are specks that nobody would label."""


def render(scene: Scene, appearance: Recipe | None = None, nm_per_px: float | None = None) -> Tile:
    """Paint a scene.

    Args:
        scene: what stands where.
        appearance: whose looks, cytoplasm, optics and artefacts to use; the scene's own recipe where left out.
        nm_per_px: pixel size; the recipe's where left out. Another one gives masks of that scale.
    """
    recipe = appearance or scene.recipe
    return expose(rasterise(scene, nm_per_px or scene.recipe.nm_per_px, recipe), scene, recipe)


def rasterise(scene: Scene, nm_per_px: float, appearance: Recipe) -> RasterCanvas:
    """Every instance once, in the scene's order from the back to the front."""
    canvas = RasterCanvas(scene.site.grown, size_px(scene.size_nm, nm_per_px), nm_per_px, scene.recipe.classes)
    streams = scene.streams()
    ground = appearance.cytoplasm.draw(streams.open("cytoplasm"))
    tissue = appearance.membranes or scene.recipe.membranes or Membranes()
    look = tissue.look.draw(streams.open("membranes", "look"))
    # the canvas counts on these three coming first: cytoplasm, membrane, cleft
    canvas.material(ground.grey, instance=False)
    for grey in (look.grey, look.grey + look.cleft_lift):
        canvas.material(grey, ("membrane",), texture=look.mottling, blur_nm=look.blur_nm, instance=False)
    offsets = streams.open("membranes", "paint").random(2) * perlin.SIZE
    if scene.membranes is None:
        canvas.membranes(0.0, 0.0, offsets, perlin.bank(0))
    else:
        cleft_from = threshold(scene.membranes.cleft_share)
        canvas.membranes(scene.membranes.cleft_nm, cleft_from, offsets, perlin.bank(scene.index // TILES_PER_BANK))
    looks = _looks(scene.recipe, appearance)
    for body in scene.bodies:
        canvas.begin()
        label = body.organelle.label
        rng = streams.open(label, body.index, "paint")
        body.organelle.paint(body, looks[label].draw(rng), canvas, rng)
    canvas.sweep(LEAST_PX)
    return canvas


def _looks(recipe: Recipe, appearance: Recipe) -> dict[str, Look]:
    """Grey levels for each organelle of a recipe: the appearance's of that name, else of that kind, else its own."""
    looks = {}
    for item in recipe.organelles:
        alike = [other for other in appearance.organelles if other.kind == item.kind]
        named = [other for other in alike if other.label == item.label]
        looks[item.label] = (named or alike or [item])[0].look
    return looks
