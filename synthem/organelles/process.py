"""Process: a plain dendrite, glial process or cell body, a large cell of the tissue that holds nothing."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from synthem.geometry import Points, blob
from synthem.organelles.base import Body, Canvas, Look, Organelle, Setting
from synthem.ranges import Count, Length, Range, Share, Uniform, Whole, bounds, within


class ProcessLook(Look):
    """Grey levels of a process."""

    grey: Range = Uniform(low=100.0, high=180.0)
    """Inside: from nearly as dark as myelin to lighter than the cytoplasm of the EPFL layers (155.3 ± 23.7)."""
    texture: Length = Uniform(low=0.3, high=2.5)
    """Share of the cytoplasm's texture that shows inside."""


class Process(Organelle):
    """A large cell of the tissue with nothing in it, bounded by a membrane; of no class inside.

    Neuropil holds large even areas, dark and light: dendrites, glia, nuclei. A network that has met none takes them for
    the wall of a large axon, the only large even thing that it knows.
    """

    kind: Literal["process"] = "process"
    count: Count = 1
    margin_nm: Length = 10.0
    edge_nm: Range = Uniform(low=-400.0, high=0.0)

    radius_nm: Annotated[Length, within(1)] = Uniform(low=200.0, high=600.0)
    """Mean radius, nm."""
    wobble: Share = Uniform(low=0.05, high=0.25)
    """Relative deviation of the outline's corners from the radius."""
    flatten: Annotated[Share, within(0.05)] = Uniform(low=0.4, high=1.0)
    """Short over long axis."""
    corners: Annotated[Count, within(3, 24)] = Whole(low=7, high=14)
    """Points of the closed spline."""
    membrane_nm: Length = Uniform(low=15.0, high=30.0)
    """Thickness of the membrane, nm."""
    look: ProcessLook = ProcessLook()
    """Grey levels."""

    setting: ClassVar[Setting] = "cell"

    def smallest_nm(self) -> float:
        return 2 * bounds(self.radius_nm)[0] * float(np.sqrt(bounds(self.flatten)[0])) * (1 - bounds(self.wobble)[1])

    def outline(self, rng: np.random.Generator) -> Points:
        spread = rng.random(24)[: int(self.corners)]
        radii = self.radius_nm * (1 + self.wobble * (2 * spread - 1))
        return blob(radii / np.sqrt(self.flatten), flatten=self.flatten)

    def paint(self, body: Body, look: Any, canvas: Canvas, rng: np.random.Generator) -> None:
        centre = np.array([body.y_nm, body.x_nm])
        spokes = body.outline - centre
        reach = np.hypot(spokes[:, 0], spokes[:, 1])[:, None]
        canvas.fill(body.outline, canvas.MEMBRANE)
        for depth_nm, blur_nm in ((self.membrane_nm, look.border_blur_nm), (2 * self.membrane_nm, look.blur_nm)):
            inside = canvas.material(look.grey, texture=look.texture, blur_nm=blur_nm, instance=False)
            canvas.fill(centre + spokes * np.maximum(1 - depth_nm / reach, 0.25), inside)
        canvas.around(body.outline, look.around_blur_nm, look.around_nm)
