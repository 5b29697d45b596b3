"""What an organelle is: parameters, an outline in nanometres, and how it paints itself onto a canvas."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field

from synthem.geometry import Points
from synthem.ranges import Count, Drawable, Length, Range

Setting = Literal["cell", "ridge", "free"]
"""Where an organelle lives: it is a cell of the tissue itself, sits on a membrane, or lies free inside a cell."""


class Look(Drawable):
    """Grey levels of an organelle; nothing in it changes a mask, so `repaint` may exchange it."""

    blur_nm: Length = 4.0
    """Blur of the inside before the microscope's own, standard deviation in nanometres. (Computer Optics 2023, 47(5):
    778–787, blurs organelles in four zones, each with a kernel of its own.)"""
    border_blur_nm: Length = 5.0
    """Blur of shells and rims, nm."""
    around_blur_nm: Length = 5.0
    """Blur of the surroundings, nm."""
    around_nm: Length = 20.0
    """How far the surroundings reach, nm."""


class Organelle(Drawable):
    """Base of all organelles. A subclass declares its parameters, `kind`, and the two methods at the end."""

    kind: str
    """Which organelle: the name it is registered by."""
    name: str = Field(default="", pattern=r"^[a-z0-9_-]*$")
    """What recipes, `--set` and the random streams call it; its kind where left out."""
    count: Count = 1
    """How many a tile asks for."""
    per: Literal["tile", "area"] = "tile"
    """Whether `count` is for a tile whatever its size, or for 1.28 µm × 1.28 µm (256 × 256 pixels of 5 nm)."""
    margin_nm: Length = 10.0
    """Kept free of other organelles around it, nm."""
    edge_nm: Range = 0.0
    """How far inside the tile's edge its centre stays, nm; below 0 it may lie outside, cut by the edge."""

    look: Look = Look()
    """Grey levels."""

    setting: ClassVar[Setting] = "free"
    """Where it is placed."""
    classes: ClassVar[tuple[str, ...]] = ()
    """Classes that its parts may carry; a class that isn't built in is added to the dataset's."""
    unit: ClassVar[str] = ""
    """What one instance is where that isn't plain from the kind."""

    @property
    def fit(self) -> float:
        """Share of the outline that must lie in free cytoplasm of one cell; below ½ others may stand inside it."""
        return 1.0

    @property
    def beside_nm(self) -> float:
        """On a ridge: how wide the cells on both sides are wanted, nm. Where no place has it, any will do."""
        return 0.0

    @property
    def clearance_nm(self) -> float:
        """Kept between the outline and the membrane of its cell, nm; what reaches beyond is cut off."""
        return 0.0

    @property
    def open(self) -> bool:
        """Of a cell: whether others may stand inside it."""
        return False

    @property
    def label(self) -> str:
        """The name in recipes, tables and streams."""
        return self.name or self.kind

    def smallest_nm(self) -> float:
        """Width of the smallest outline that can be drawn, nm: a recipe is refused where it exceeds the tile."""
        return 0.0

    @abstractmethod
    def outline(self, rng: np.random.Generator) -> Points:
        """Closed outline of a drawn organelle around the origin, its long axis along x, in nanometres."""

    def settle(self, body: Body, room: Room, rng: np.random.Generator) -> bool:
        """Adapt to the place that was found, before others are placed; False where it can't stay after all."""
        return True

    @abstractmethod
    def paint(self, body: Body, look: Any, canvas: Canvas, rng: np.random.Generator) -> None:
        """Draw the parts, from the back to the front, with the drawn look."""


@dataclass
class Body:
    """One placed organelle."""

    organelle: Any
    """Drawn parameters: an organelle whose ranges are points."""
    index: int
    """Number among the organelles of its name in this tile."""
    y_nm: float
    x_nm: float
    angle: float
    """Radians, from +x towards +y."""
    outline: Points
    """Closed, in nanometres of the tile."""
    cell: int = 0
    """The cell of the tissue that it lies in."""
    detail: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    """What `settle` found: paths, positions; never stored, found again when the scene is."""


class Room(Protocol):
    """What an organelle may ask of the tissue while it settles."""

    def pack(
        self,
        body: Body,
        count: int,
        radii: npt.NDArray[np.float64],
        spots: npt.NDArray[np.float64],
        gap_nm: float,
        wall_nm: float,
    ) -> npt.NDArray[np.float64]:
        """Up to `count` discs at the first spots that are free in the body's cell: (n, 3) of y, x, radius."""

    def ridge(self, y_nm: float, x_nm: float, angle: float, length_nm: float) -> Points | None:
        """The membrane's centre line through a point, `length_nm` long; None where it ends or forks."""


@dataclass(frozen=True)
class Region:
    """Pixels of one instance inside a window of the raster, with their depth below its outline."""

    y: int
    x: int
    depth_nm: npt.NDArray[np.float32]
    """0 outside, distance to the outline inside."""


class Canvas(Protocol):
    """The raster that organelles paint on; lengths in nanometres. Image and masks both come from it."""

    CYTOPLASM: int
    """The material that everything starts as."""
    MEMBRANE: int
    """The material of the cells' membranes."""

    def material(
        self,
        grey: float,
        classes: tuple[str, ...] = (),
        *,
        texture: float = 1.0,
        blur_nm: float = 0.0,
        instance: bool = True,
        apart: bool = False,
    ) -> int:
        """A new material of the instance at hand: grey level, classes, share of texture, blur.

        `instance=False` leaves its pixels out of the instance map; `apart=True` opens a new instance id.
        """

    def materials(
        self,
        greys: Any,
        classes: tuple[str, ...] = (),
        *,
        texture: float = 1.0,
        blur_nm: float = 0.0,
        apart: bool = False,
    ) -> Any:
        """One material for each grey level; with `apart` each opens an instance id, else they go with the last n."""

    def region(self, body: Body, *, inside_cell: bool = True) -> Region:
        """The body's outline as pixels, cut off along the membrane where `inside_cell`."""

    def band(self, region: Region, material: int, outer_nm: Any = 0.0, inner_nm: Any = None, over: int = -1) -> None:
        """Paint the pixels of a region between two depths; a depth is one number or a curve over 64 angles."""

    def fill(self, outline: Points, material: int, over: int = -1) -> None:
        """Paint a closed outline."""

    def strokes(self, segments: Any, widths: Any, material: int, over: int = -1) -> None:
        """Paint (n, 4) segments y0, x0, y1, x1 with round ends, each as wide as its width."""

    def ellipses(self, shapes: Any, materials: Any, over: int = -1) -> None:
        """Paint (n, 5) ellipses: y, x, half-axis along the angle, half-axis across, angle in radians."""

    def around(self, outline: Points, blur_nm: float, reach_nm: float) -> None:
        """Blur what lies around an outline."""
