"""Myelinated axon: a dark sheath around a light lumen."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from synthem.geometry import ellipse, pose
from synthem.organelles.base import Body, Canvas, Look
from synthem.organelles.cell import Cell, spokes
from synthem.ranges import Choice, Count, Length, Normal, Range, Share, Text, Uniform, Whole, one_of, within


class AxonLook(Look):
    """Grey levels of an axon; all from Computer Optics 2023, 47(5):778–787, where no other source is named."""

    sheath_grey: Range = Normal(normal=(72.3, 5.0), low=0, high=255)
    """Sheath and inner shell: N(72.3, 15 / 3)."""
    sheath_texture: Length = 0.5
    """Share of the cytoplasm's texture that shows in the sheath."""
    ring_grey: Range = Normal(normal=(78.0, 5.0), low=0, high=255)
    """Ring between sheath and lumen: strokes of 100–149, darkened by about 50."""
    ring_contrast: Length = Uniform(low=6.0, high=16.0)
    """Standard deviation of the ring's strokes and spots."""
    lumen_grey: Range = Normal(normal=(158.0, 8.0), low=0, high=255)
    """Axoplasm; as the cytoplasm of the EPFL layers."""
    split_grey: Range = Normal(normal=(120.0, 12.0), low=0, high=255)
    """Splits between lamellae: between the sheath and the cytoplasm of the EPFL layers."""
    lumen_texture: Length = 0.8
    """Share of the cytoplasm's texture that shows in the lumen."""
    ring_texture: Length = 0.6
    """Share of the cytoplasm's texture that shows in the ring."""


class Axon(Cell):
    """Myelinated axon, cut across. The class is the myelin: sheath, ring and inner shell, without the lumen."""

    kind: Literal["axon"] = "axon"
    count: Count = Whole(low=1, high=3)
    margin_nm: Length = 20.0
    edge_nm: Range = Uniform(low=-60.0, high=120.0)

    radius_nm: Annotated[Length, within(1)] = Uniform(low=160.0, high=430.0)
    """Mean outer radius, nm; 75–225 nm (sheath only) and 200–535 nm in the original."""
    inside: Annotated[Text, one_of("sheath", "ring")] = Choice(choice=("sheath", "ring"), weights=(1, 4))
    """`sheath`: nothing but the sheath; `ring`: sheath, textured ring, inner shell and lumen (80 % in the original)."""
    sheath_nm: Length = Uniform(low=45.0, high=85.0)
    """Thickness of the sheath, nm; a pen of 14–17 pixels of 5 nm in the original."""
    arc_nm: Length = Uniform(low=0.0, high=25.0)
    """What the sheath's thickest arc adds, nm; the original thickens an arc to 19 pixels."""
    opening: Share = Choice(choice=(0.0, 0.15, 0.3, 0.45), weights=(7, 1, 1, 1))
    """Share of the circumference where a `sheath` is missing: near its end, or cut where it folds."""
    membrane_nm: Length = 25.0
    """Thickness of the membrane that closes an opening, nm."""
    lumen_share: Share = Uniform(low=0.55, high=1.0)
    """Half-axes of the lumen over those of what the sheath encloses (`ring`); r_min / 2 to r_min - 3 px originally."""
    shell_nm: Length = 15.0
    """Thickness of the inner shell around the lumen, nm; 3 pixels in the original."""
    strokes: Count = Whole(low=30, high=70)
    """Short strokes that texture the ring, for each axon of 300 nm radius."""
    spots: Count = Whole(low=0, high=3)
    """Lighter spots in the ring, 55–65 nm in radius as in the original."""
    splits: Count = 0
    """Light gaps between lamellae of the sheath, each along an arc; part of the myelin, as annotators draw it."""
    split_nm: Length = Uniform(low=6.0, high=16.0)
    """Thickness of a split, nm."""
    look: AxonLook = AxonLook()
    """Grey levels."""

    classes: ClassVar[tuple[str, ...]] = ("axon",)

    def paint(self, body: Body, look: Any, canvas: Canvas, rng: np.random.Generator) -> None:
        sheath = canvas.material(look.sheath_grey, ("axon",), texture=look.sheath_texture, blur_nm=look.border_blur_nm)
        lumen = canvas.material(look.lumen_grey, texture=look.lumen_texture, blur_nm=look.blur_nm, instance=False)
        centre, outwards, reach = spokes(body)
        turn = np.arctan2(outwards[:, 0], outwards[:, 1])
        draws = rng.random((128, 6))
        away = np.abs((turn - draws[0, 3] * 2 * np.pi + np.pi) % (2 * np.pi) - np.pi) / (0.5 + draws[0, 4])
        wall = np.minimum(self.sheath_nm + self.arc_nm * np.exp(-(away**2)), 0.75 * reach)
        inner = centre + outwards * _smooth(1 - wall / reach)[:, None]
        canvas.fill(body.outline, sheath)
        canvas.fill(inner, lumen)
        if self.opening and self.inside == "sheath":
            gap = draws[0, 5] * 2 * np.pi + np.pi * self.opening * np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
            far = 2 * reach.max() * np.array([np.sin(gap), np.cos(gap)]).T
            canvas.fill(np.concatenate([[centre], centre + far]), canvas.MEMBRANE, over=sheath)
            thin = np.maximum(1 - self.membrane_nm / reach, 0.25)[:, None]
            canvas.fill(centre + outwards * thin, lumen, over=canvas.MEMBRANE)
        if self.inside == "ring":
            self._paint_ring(body, look, canvas, lumen, sheath, float((reach - wall).min()), draws)
        if self.splits:
            self._paint_splits(body, look, canvas, sheath, wall / reach, rng.random((int(self.splits), 3)))
        canvas.around(body.outline, look.around_blur_nm, look.around_nm)

    def _paint_splits(
        self, body: Body, look: Any, canvas: Canvas, sheath: int, wall: np.ndarray, draws: np.ndarray
    ) -> None:
        """Arcs along the outline, at a depth each; `wall` is the sheath's share of each spoke."""
        material = canvas.material(look.split_grey, ("axon",), texture=0.5, blur_nm=look.border_blur_nm)
        centre, outwards, _ = spokes(body)
        n = len(outwards)
        for depth, start, share in draws:
            along = (int(start * n) + np.arange(2 + int((0.1 + 0.5 * share) * n))) % n
            path = centre + outwards[along] * (1 - (0.15 + 0.7 * depth) * wall[along])[:, None]
            segments = np.concatenate([path[:-1], path[1:]], axis=1)
            canvas.strokes(segments, np.full(len(segments), self.split_nm), material, over=sheath)

    def _paint_ring(
        self, body: Body, look: Any, canvas: Canvas, lumen: int, sheath: int, inner: float, draws: np.ndarray
    ) -> None:
        """The textured ring, the inner shell and a smaller lumen inside what the sheath encloses."""
        if inner < 2 * self.shell_nm:
            return
        ring = canvas.material(look.ring_grey, ("axon",), texture=look.ring_texture, blur_nm=look.blur_nm)
        canvas.fill(body.outline, ring, over=lumen)
        half = np.maximum(self.lumen_share * inner * (1 - 0.2 * draws[0, :2]), self.shell_nm)
        tilt = draws[0, 2] * np.pi
        tones = [
            canvas.material(
                look.ring_grey + look.ring_contrast * tone, ("axon",), texture=look.ring_texture, blur_nm=look.blur_nm
            )
            for tone in (-1.2, 0.0, 1.2)
        ]
        n = min(int(self.strokes * (self.radius_nm / 300) ** 2), len(draws) - 1)
        angle, radius = draws[1 : n + 1, 0] * 2 * np.pi, inner * np.sqrt(0.2 + draws[1 : n + 1, 1])
        middle = np.array([body.y_nm + radius * np.sin(angle), body.x_nm + radius * np.cos(angle)]).T
        reach = (20 + 50 * draws[1 : n + 1, 2:3]) * np.array([np.cos(angle), -np.sin(angle)]).T
        segments = np.concatenate([middle - reach, middle + reach], axis=1)
        for k, tone in enumerate(tones):
            mine = (draws[1 : n + 1, 3] * 3).astype(int) == k
            canvas.strokes(segments[mine], 8 + 8 * draws[1 : n + 1, 4][mine], tone, over=ring)
        light = canvas.material(look.ring_grey + 1.5 * look.ring_contrast, ("axon",), blur_nm=look.blur_nm)
        spots = draws[100 : 100 + int(self.spots)]
        if len(spots):
            a, r = spots[:, 0] * 2 * np.pi, inner * (0.8 + 0.3 * spots[:, 1])
            size = 55 + 10 * spots[:, 2]
            columns = (body.y_nm + r * np.sin(a), body.x_nm + r * np.cos(a), size, size, 0 * a)
            canvas.ellipses(np.array(columns).T, np.full(len(spots), light), over=ring)
        shell = pose(ellipse(half[0] + self.shell_nm, half[1] + self.shell_nm), body.y_nm, body.x_nm, tilt)
        for material in (ring, *tones, light):
            canvas.fill(shell, sheath, over=material)
        canvas.fill(pose(ellipse(half[0], half[1]), body.y_nm, body.x_nm, tilt), lumen)


def _smooth(values: np.ndarray) -> np.ndarray:
    """A closed curve's values, each averaged with three on both sides: the lumen is rounder than the outline."""
    wide = np.concatenate([values[-3:], values, values[:3]])
    return np.convolve(wide, np.full(7, 1 / 7), mode="valid")
