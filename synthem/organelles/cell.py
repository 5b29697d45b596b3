"""What organelles that are cells of the tissue have in common: a round outline, and spokes to shrink it along."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt

from synthem.geometry import Points, blob
from synthem.organelles.base import Body, Organelle, Setting
from synthem.ranges import Count, Length, Range, Share, Uniform, Whole, bounds, within


class Cell(Organelle):
    """Base of organelles that are large cells of the tissue, with a blob for an outline."""

    edge_nm: Range = Uniform(low=-400.0, high=0.0)

    radius_nm: Annotated[Length, within(1)] = Uniform(low=200.0, high=600.0)
    """Mean outer radius, nm."""
    wobble: Share = Uniform(low=0.02, high=0.14)
    """Relative deviation of the outline's corners from the radius."""
    flatten: Annotated[Share, within(0.05)] = Uniform(low=0.6, high=1.0)
    """Short over long axis."""
    corners: Annotated[Count, within(3, 24)] = Whole(low=7, high=14)
    """Points of the closed spline; 7–14 for axons in Computer Optics 2023, 47(5):778–787."""

    setting: ClassVar[Setting] = "cell"

    def smallest_nm(self) -> float:
        return 2 * bounds(self.radius_nm)[0] * float(np.sqrt(bounds(self.flatten)[0])) * (1 - bounds(self.wobble)[1])

    def outline(self, rng: np.random.Generator) -> Points:
        spread = rng.random(24)[: int(self.corners)]
        radii = self.radius_nm * (1 + self.wobble * (2 * spread - 1))
        return blob(radii / np.sqrt(self.flatten), flatten=self.flatten)


def spokes(body: Body) -> tuple[Points, Points, npt.NDArray[np.float64]]:
    """Centre (y, x), vectors (n, 2) from it to the outline, and their lengths (n,), nm."""
    centre = np.array([body.y_nm, body.x_nm])
    vectors = body.outline - centre
    return centre, vectors, np.hypot(vectors[:, 0], vectors[:, 1])
