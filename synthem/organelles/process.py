"""Process: a dendrite, glial process or cell body, a large cell of the tissue."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from synthem.organelles.base import Body, Canvas, Look
from synthem.organelles.cell import Cell, spokes
from synthem.ranges import Length, Range, Share, Text, Uniform, one_of, within


class ProcessLook(Look):
    """Grey levels of a process."""

    grey: Range = Uniform(low=100.0, high=180.0)
    """Inside: from nearly as dark as myelin to lighter than the cytoplasm of the EPFL layers (155.3 ± 23.7)."""
    texture: Length = Uniform(low=0.3, high=2.5)
    """Share of the cytoplasm's texture that shows inside."""


class Process(Cell):
    """A large cell of the tissue, bounded by a membrane; of no class inside. Plain, or with others in it.

    Neuropil holds large even areas, dark and light: dendrites, glia, nuclei. A network that has met none takes them for
    the wall of a large axon, the only large even thing that it knows. It also holds mitochondria that need more room
    than other cells have.
    """

    kind: Literal["process"] = "process"
    wobble: Share = Uniform(low=0.05, high=0.25)
    """Relative deviation of the outline's corners from the radius; more than an axon's."""
    flatten: Annotated[Share, within(0.05)] = Uniform(low=0.4, high=1.0)
    """Short over long axis."""
    membrane_nm: Length = Uniform(low=15.0, high=30.0)
    """Thickness of the membrane, nm."""
    holds: Annotated[Text, one_of("nothing", "others")] = "nothing"
    """`nothing`: plain; `others`: room for what lies in cells, such as the large mitochondria of dendrites."""
    look: ProcessLook = ProcessLook()
    """Grey levels."""

    @property
    def open(self) -> bool:
        return bool(self.holds == "others")

    def paint(self, body: Body, look: Any, canvas: Canvas, rng: np.random.Generator) -> None:
        centre, outwards, reach = spokes(body)
        canvas.fill(body.outline, canvas.MEMBRANE)
        for depth_nm, blur_nm in ((self.membrane_nm, look.border_blur_nm), (2 * self.membrane_nm, look.blur_nm)):
            inside = canvas.material(look.grey, texture=look.texture, blur_nm=blur_nm, instance=False)
            canvas.fill(centre + outwards * np.maximum(1 - depth_nm / reach, 0.25)[:, None], inside)
        canvas.around(body.outline, look.around_blur_nm, look.around_nm)
