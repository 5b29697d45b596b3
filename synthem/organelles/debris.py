"""Debris: endoplasmic reticulum, outlines, dots and lines that belong to no class."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from synthem.geometry import Points, ellipse, pose, ribbon, steps
from synthem.organelles.base import Body, Canvas, Look, Organelle
from synthem.ranges import Choice, Count, Length, Normal, Range, Share, Text, Uniform, Whole, one_of, within


class DebrisLook(Look):
    """Grey levels of debris."""

    line_grey: Range = Normal(normal=(108.0, 10.0), low=0, high=255)
    """Outlines and lines; between membranes and cytoplasm of the EPFL layers."""
    inside_grey: Range = Normal(normal=(140.0, 12.0), low=0, high=255)
    """Inside of a hollow piece."""


class Debris(Organelle):
    """A piece of no class: it teaches a network what isn't an organelle."""

    kind: Literal["debris"] = "debris"
    count: Count = Whole(low=1, high=5)
    margin_nm: Length = 10.0
    edge_nm: Range = -40.0

    shape: Annotated[Text, one_of("tube", "ring", "dot", "line")] = Choice(
        choice=("tube", "ring", "dot", "line"), weights=(68, 20, 4, 8)
    )
    """Hollow line, outline of an ellipse, dark dot, dark line; with the original's shares."""
    length_nm: Length = Uniform(low=100.0, high=500.0)
    """Length of a tube or a line, nm; 20–180 pixels of 5 nm in the original."""
    width_nm: Length = Uniform(low=35.0, high=60.0)
    """Width of a tube, nm."""
    radius_nm: Length = Uniform(low=35.0, high=105.0)
    """Half-axes of a ring, nm; 7–21 pixels in the original."""
    dot_nm: Length = Uniform(low=15.0, high=45.0)
    """Radius of a dot, nm; 3–14 pixels in the original."""
    pen_nm: Length = Uniform(low=12.0, high=20.0)
    """Thickness of outlines and lines, nm."""
    bend: Annotated[Range, within(-3, 3)] = Uniform(low=-0.3, high=0.3)
    """Sagitta over length of a tube or a line."""
    taper: Share = Uniform(low=0.6, high=1.0)
    """Short over long half-axis of a ring or a dot; width of a tube's one side over the other's."""
    look: DebrisLook = DebrisLook()
    """Grey levels."""

    @property
    def fit(self) -> float:
        return 0.9

    def outline(self, rng: np.random.Generator) -> Points:
        return self._shape(0.0)

    def _shape(self, inset_nm: float) -> Points:
        """The outline, or what is left of it `inset_nm` further inside."""
        if self.shape in ("tube", "line"):
            half = (self.width_nm if self.shape == "tube" else self.pen_nm) / 2
            t = steps(9)
            path = np.array([self.bend * self.length_nm * (1 - t**2), (self.length_nm / 2 - inset_nm) * t]).T
            return ribbon(path, half - inset_nm, half * self.taper - inset_nm)
        size = self.radius_nm if self.shape == "ring" else self.dot_nm
        return ellipse(size * self.taper - inset_nm, size - inset_nm, 20)

    def paint(self, body: Body, look: Any, canvas: Canvas, rng: np.random.Generator) -> None:
        line = canvas.material(look.line_grey, texture=0.6, blur_nm=look.border_blur_nm, instance=False)
        canvas.fill(body.outline, line, over=canvas.CYTOPLASM)
        thinnest = self.width_nm * self.taper / 2 if self.shape == "tube" else self.radius_nm * self.taper
        if self.shape in ("tube", "ring") and thinnest > self.pen_nm:
            hollow = canvas.material(look.inside_grey, texture=0.8, blur_nm=look.blur_nm, instance=False)
            canvas.fill(pose(self._shape(self.pen_nm), body.y_nm, body.x_nm, body.angle), hollow, over=line)
        canvas.around(body.outline, look.around_blur_nm, look.around_nm)
