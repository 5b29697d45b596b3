"""Lysosomes: an organelle, and a class, that synthem itself doesn't know."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from synthem.geometry import Points, blob
from synthem.organelles.base import Body, Canvas, Look, Organelle
from synthem.ranges import Count, Length, Normal, Range, Share, Uniform, Whole, bounds


class LysosomeLook(Look):
    """Grey levels of a lysosome."""

    body_grey: Range = Normal(normal=(60.0, 8.0), low=0, high=255)
    """The whole of it; darker than any other organelle."""
    granule_lift: Length = 15.0
    """How much lighter its granules are."""


class Lysosome(Organelle):
    """A dark round body with lighter granules."""

    kind: Literal["lysosome"] = "lysosome"
    count: Count = Whole(low=1, high=3)
    margin_nm: Length = 10.0

    radius_nm: Length = Uniform(low=60.0, high=120.0)
    """Mean radius, nm."""
    wobble: Share = 0.1
    """Relative deviation of the outline from the radius."""
    granules: Count = 5
    """Granules in it, 20 nm in radius."""
    look: LysosomeLook = LysosomeLook()
    """Grey levels."""

    classes: ClassVar[tuple[str, ...]] = ("lysosome",)

    @property
    def fit(self) -> float:
        return 0.8

    def smallest_nm(self) -> float:
        return 2 * bounds(self.radius_nm)[0] * (1 - bounds(self.wobble)[1])

    def outline(self, rng: np.random.Generator) -> Points:
        return blob(self.radius_nm * (1 + self.wobble * (2 * rng.random(8) - 1)))

    def paint(self, body: Body, look: Any, canvas: Canvas, rng: np.random.Generator) -> None:
        dark = canvas.material(look.body_grey, ("lysosome",), texture=0.5, blur_nm=look.blur_nm)
        light = canvas.material(look.body_grey + look.granule_lift, ("lysosome",), blur_nm=look.blur_nm)
        canvas.band(canvas.region(body), dark)
        places = rng.normal((body.y_nm, body.x_nm), self.radius_nm / 3, (self.granules, 2))
        shapes = np.column_stack([places, np.full((self.granules, 2), 20.0), np.zeros(self.granules)])
        canvas.ellipses(shapes, np.full(self.granules, light), over=dark)
