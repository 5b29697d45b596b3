"""Postsynaptic density: dark lines on a membrane, with a cloud on one side."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from synthem.geometry import Points, pose, ribbon, steps
from synthem.organelles.base import Body, Canvas, Look, Organelle, Room, Setting
from synthem.ranges import Choice, Count, Length, LogNormal, Normal, Range, Text, Uniform, Whole, bounds, one_of, within


class PSDLook(Look):
    """Grey levels of a PSD (Computer Optics 2023, 47(5):778–787)."""

    dark_grey: Range = Normal(normal=(71.2, 4.0), low=0, high=255)
    """Lines; N(71.2, 12.1 / 3)."""
    cloud_grey: Range = Normal(normal=(89.0, 6.7), low=0, high=255)
    """Cloud; N(89, 20 / 3)."""
    line_grey: Range = Normal(normal=(110.0, 7.4), low=0, high=255)
    """Centre line between the dark ones; N(110, 22.3 / 3)."""
    fringe_grey: Range = Normal(normal=(145.0, 6.0), low=0, high=255)
    """Where the cloud has thinned out beyond its label."""
    fringe_nm: Length = Uniform(low=20.0, high=45.0)
    """How far it does so, nm."""
    zone_grey: Range = Normal(normal=(100.0, 6.0), low=0, high=255)
    """The active zone, on the other side of the membrane, where it touches it."""
    zone_end_grey: Range = Normal(normal=(124.0, 6.0), low=0, high=255)
    """The active zone where it ends."""
    zone_nm: Length = Uniform(low=40.0, high=90.0)
    """Depth of the active zone, nm."""
    blur_nm: Length = 10.0
    """Blur of the cloud, nm; 22.5 nm (4.5 pixels) in the original."""
    faint_blur_nm: Length = 12.0
    """Blur of fringe and active zone, nm."""
    around_blur_nm: Length = 10.0
    """Blur of the surroundings, nm; stronger than around other organelles in the original."""


class PSD(Organelle):
    """Postsynaptic density. It follows a membrane where there is one, and is bowed by itself elsewhere."""

    kind: Literal["psd"] = "psd"
    count: Count = Whole(low=1, high=3)
    margin_nm: Length = 25.0
    edge_nm: Range = 10.0

    length_nm: Length = LogNormal(lognormal=(230.0, 0.35), low=80.0, high=500.0)
    """Length along the membrane, nm; 48 pixels of 5 nm in the EPFL layers, 30–80 in the original."""
    style: Annotated[Text, one_of("lines", "solid")] = Choice(choice=("lines", "solid"), weights=(9, 1))
    """`lines`: dark, light, dark; `solid`: all dark (10 % in the original)."""
    top_nm: Length = Uniform(low=12.0, high=22.0)
    """Thickness of the dark line on the cloud's side, nm; 2–4 pixels in the original."""
    centre_nm: Length = Uniform(low=5.0, high=10.0)
    """Thickness of the light centre line, nm; 1–2 pixels in the original."""
    bottom_nm: Length = 10.0
    """Thickness of the dark line on the other side, nm; 2 pixels in the original."""
    cloud_nm: Length = Uniform(low=20.0, high=45.0)
    """Depth of the cloud, nm; 5–10 pixels in the original."""
    bow: Annotated[Range, within(-3, 3)] = Uniform(low=-0.15, high=0.15)
    """Sagitta over length where it lies on no membrane."""
    width_nm: Length = 110.0
    """Width wanted of the cells on both sides, nm; where no place has it, any will do."""
    look: PSDLook = PSDLook()
    """Grey levels."""

    setting: ClassVar[Setting] = "ridge"
    classes: ClassVar[tuple[str, ...]] = ("psd",)

    def smallest_nm(self) -> float:
        return bounds(self.length_nm)[0]

    @property
    def beside_nm(self) -> float:
        return float(self.width_nm)

    def outline(self, rng: np.random.Generator) -> Points:
        return ribbon(self._bowed(), *self._sides(17))

    def _bowed(self) -> Points:
        t = steps(17)
        return np.array([self.bow * self.length_nm * (1 - t**2), self.length_nm / 2 * t]).T

    def settle(self, body: Body, room: Room, rng: np.random.Generator) -> bool:
        path = room.ridge(body.y_nm, body.x_nm, body.angle, self.length_nm)
        if path is None:
            path = pose(self._bowed(), body.y_nm, body.x_nm, body.angle)
        left, right = self._sides(len(path))
        body.outline = ribbon(path, left, right)
        middle = len(path) // 2
        along = path[min(middle + 1, len(path) - 1)] - path[max(middle - 1, 0)]
        along /= max(float(np.hypot(*along)), 1e-9)
        away = np.array([along[1], -along[0]])  # the side without the cloud: where the vesicles are
        body.detail = {"path": path, "front": np.concatenate([path[middle], away])}
        return True

    def _sides(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Widths left (the cloud's side) and right of a path of n points; narrower towards its ends."""
        square = steps(n) ** 2
        taper = np.sqrt(1 - 0.75 * square**2)
        left = (self.centre_nm / 2 + self.top_nm + self.cloud_nm * (1 - 0.5 * square)) * taper
        return left, (self.centre_nm / 2 + self.bottom_nm) * taper

    def paint(self, body: Body, look: Any, canvas: Canvas, rng: np.random.Generator) -> None:
        path, half = body.detail["path"], self.centre_nm / 2
        draws = rng.random(len(path))
        cloud = canvas.material(look.cloud_grey, ("psd",), texture=0.8, blur_nm=look.blur_nm)
        dark = canvas.material(look.dark_grey, ("psd",), texture=0.5, blur_nm=look.border_blur_nm)
        canvas.fill(body.outline, cloud)
        left, right = self._sides(len(path))
        near = 0.5 * (look.cloud_grey + look.fringe_grey)
        for share, thin, dense in ((0.4, near, look.zone_grey), (1.0, look.fringe_grey, look.zone_end_grey)):
            for grey, sides in (
                (thin, (left + share * look.fringe_nm, 0 * right)),
                (dense, (0 * left, right + share * look.zone_nm)),
            ):
                faint = canvas.material(grey, texture=1.0, blur_nm=look.faint_blur_nm, instance=False)
                canvas.fill(ribbon(path, *sides), faint, over=canvas.CYTOPLASM)
        ragged = half + self.top_nm * (0.75 + 0.5 * draws)
        canvas.fill(ribbon(path, ragged, half + self.bottom_nm), dark, over=cloud)
        if self.style == "lines":
            line = canvas.material(look.line_grey, ("psd",), texture=0.5, blur_nm=look.border_blur_nm)
            canvas.fill(ribbon(path, half, half), line, over=dark)
        canvas.around(body.outline, look.around_blur_nm, look.around_nm)
