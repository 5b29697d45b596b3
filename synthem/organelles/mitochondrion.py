"""Mitochondrion: a double shell around a grey inside with cristae."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from synthem.geometry import Points, closed_spline
from synthem.organelles.base import Body, Canvas, Look, Organelle
from synthem.ranges import Choice, Count, Length, LogNormal, Normal, Range, Share, Uniform, Whole, bounds, within

SHELL = ("mitochondrion", "mitochondrial_boundary")
INSIDE = ("mitochondrion",)


class MitochondrionLook(Look):
    """Grey levels of a mitochondrion (Computer Optics 2023, 47(5):778–787, where no other source is named)."""

    inside_grey: Range = Normal(normal=(122.0, 5.5), low=0, high=255)
    """Matrix; 122 ± 16.5 in the original."""
    shell_grey: Range = Normal(normal=(93.3, 7.0), low=0, high=255)
    """Dark part of the shell; N(93.3, 21 / 3)."""
    pale_shade: Range = 8.0
    """How much darker than the matrix the rest of the labelled shell is."""
    rim_grey: Range = Normal(normal=(96.5, 8.0), low=0, high=255)
    """Rim of a crista; N(96.5, 24.5 / 3)."""
    core_grey: Range = Normal(normal=(136.0, 8.5), low=0, high=255)
    """Core of a crista; N(136, 25.5 / 3)."""
    break_lift: Length = Uniform(low=5.0, high=40.0)
    """How much lighter the shell is where it breaks; 5–40 in the original."""
    texture: Length = 0.6
    """Share of the cytoplasm's texture that shows inside."""


class Mitochondrion(Organelle):
    """Mitochondrion, cut in any direction; its shell is also of the class `mitochondrial_boundary`."""

    kind: Literal["mitochondrion"] = "mitochondrion"
    count: Count = Whole(low=0, high=3)
    margin_nm: Length = 15.0
    edge_nm: Range = Uniform(low=-150.0, high=60.0)

    area_nm2: Length = LogNormal(lognormal=(80_000.0, 0.75), low=8_000.0, high=400_000.0)
    """Area, nm²; components of the EPFL layers have 823 / 3115 / 6834 pixels of 25 nm² (10, 50, 90 %)."""
    elongation: Annotated[Length, within(0.1)] = LogNormal(lognormal=(1.6, 0.3), low=1.0, high=4.5)
    """Length over width; 76 by 49 pixels in the EPFL layers, 26–195 by 36–86 in the original."""
    corners: Annotated[Count, within(3, 10)] = Choice(choice=(4, 6, 8, 10))
    """Points of the closed spline; 4, 6, 8 or 10 in the original."""
    wobble: Share = Uniform(low=0.0, high=0.16)
    """Relative deviation of the corners."""
    bend: Annotated[Range, within(-3, 3)] = Uniform(low=-0.25, high=0.25)
    """Sagitta of its axis over its length."""
    gap_nm: Length = 12.0
    """Kept between its shell and the membrane of its cell, nm; beyond that the outline is cut off."""
    shell_nm: Length = Uniform(low=26.0, high=36.0)
    """Thickness of the labelled shell, nm: both membranes and what lies between; 3.3 % of 8.3 % of the EPFL layers."""
    line_nm: Length = Uniform(low=13.0, high=22.0)
    """Thickness of the dark line in it, nm; a pen of 3–4 pixels of 5 nm in the original."""
    oblique_share: Share = 0.5
    """Probability that it is cut obliquely; half are in the original."""
    oblique_nm: Length = Uniform(low=15.0, high=30.0)
    """How far an oblique cut sweeps the shell to one side, nm; 3–4 pixels in the original."""
    breaks: Count = Whole(low=0, high=12)
    """Places where the shell is lighter; 20 in the original."""
    break_nm: Length = Uniform(low=20.0, high=25.0)
    """Half-axis of a break, nm; 4–5 pixels in the original."""
    cristae: Share = Uniform(low=0.3, high=1.0)
    """Share of the columns that hold a crista."""
    column_nm: Length = Uniform(low=45.0, high=70.0)
    """Width of a column of cristae, nm; 9–14 pixels in the original."""
    column_gap_nm: Length = Uniform(low=10.0, high=50.0)
    """Between two columns, nm; 6–17 pixels with a jitter of 3 in the original."""
    crista_nm: Length = Uniform(low=16.0, high=26.0)
    """Width of a crista's rim, nm; 4–6 pixels in the original."""
    dot_share: Share = 0.1
    """Cristae that are dots; 10 % in the original."""
    short_share: Share = 0.35
    """Cristae of 5–20 nm; 45 % in the original, the rest up to the length given by `crista_reach`."""
    crista_reach: Share = Uniform(low=0.3, high=0.85)
    """Longest crista over the width of the mitochondrion."""
    look: MitochondrionLook = MitochondrionLook()
    """Grey levels."""

    classes: ClassVar[tuple[str, ...]] = SHELL

    def smallest_nm(self) -> float:
        return float(np.sqrt(bounds(self.area_nm2)[0] / max(bounds(self.elongation)[1], 1.0)))

    @property
    def fit(self) -> float:
        return 0.8

    @property
    def clearance_nm(self) -> float:
        return float(self.gap_nm)

    def outline(self, rng: np.random.Generator) -> Points:
        n = int(self.corners)
        angles = (np.arange(n) + 0.5) * (2 * np.pi / n)
        radii = 1 + self.wobble * (2 * rng.random(10)[:n] - 1)
        x, y = radii * np.cos(angles), radii * np.sin(angles)
        y = y + 2 * self.bend * (x**2 - 0.5)
        points = closed_spline(np.array([y, x * self.elongation]).T, 48 // n)
        yy, xx = points[:, 0], points[:, 1]
        area = 0.5 * abs(float(np.dot(xx, np.roll(yy, -1)) - np.dot(yy, np.roll(xx, -1))))
        points *= np.sqrt(self.area_nm2 / area)
        return points

    def paint(self, body: Body, look: Any, canvas: Canvas, rng: np.random.Generator) -> None:
        inside = canvas.material(look.inside_grey, INSIDE, texture=look.texture, blur_nm=look.blur_nm)
        shell = canvas.material(look.shell_grey, SHELL, texture=0.5, blur_nm=look.border_blur_nm)
        pale = canvas.material(look.inside_grey - look.pale_shade, SHELL, texture=0.5, blur_nm=look.border_blur_nm)
        region = canvas.region(body)
        draws = rng.random((16, 3))
        towards, oblique = draws[0, 0] * 2 * np.pi, self.oblique_nm * (draws[0, 1] < self.oblique_share)
        turn = np.arange(64) * (2 * np.pi / 64)
        sweep = oblique * np.maximum(0, np.cos(turn - towards))
        canvas.band(region, inside)
        self._paint_cristae(body, look, canvas, inside, rng)
        # both sit on the outside: whatever crista reached into the shell is covered
        canvas.band(region, pale, 0.0, self.shell_nm + sweep)
        canvas.band(region, shell, 0.0, self.line_nm + sweep)
        if self.breaks:
            light = canvas.material(
                min(look.shell_grey + look.break_lift, 255.0), SHELL, texture=0.5, blur_nm=look.border_blur_nm
            )
            at = body.outline[(draws[1 : 1 + int(self.breaks), 0] * len(body.outline)).astype(int)]
            n = len(at)
            columns = (at[:, 0], at[:, 1], np.full(n, self.break_nm), np.full(n, 0.8 * self.break_nm), np.zeros(n))
            canvas.ellipses(np.array(columns).T, np.full(n, light), over=shell)
        canvas.around(body.outline, look.around_blur_nm, look.around_nm)

    def _paint_cristae(self, body: Body, look: Any, canvas: Canvas, inside: int, rng: np.random.Generator) -> None:
        """Columns across the long axis; in each a crista from either side, a short one, a dot, or none."""
        draws = rng.random((40, 6))
        half_length = 0.5 * float(np.sqrt(self.area_nm2 * self.elongation))
        half_width = half_length / self.elongation
        pitch = self.column_nm + self.column_gap_nm
        n = min(max(int(2 * half_length / pitch), 1), len(draws))
        d = draws[:n]
        across = (np.arange(n) - (n - 1) / 2) * pitch + (d[:, 0] - 0.5) * 0.4 * pitch
        reach = 2 * half_width * self.crista_reach * (0.35 + 0.65 * d[:, 1])
        reach = np.where(d[:, 2] < self.dot_share + self.short_share, 5 + 15 * d[:, 1], reach)
        reach = np.where(d[:, 2] < self.dot_share, 0.0, reach)
        keep = d[:, 3] < self.cristae
        start = np.where(d[:, 4] < 0.5, -half_width, half_width - reach) + (d[:, 5] - 0.3) * 0.3 * half_width
        lean = (d[:, 0] - 0.5) * 40
        local = np.array([start, across - lean, start + reach, across + lean]).T[keep]
        cos, sin = np.cos(body.angle), np.sin(body.angle)
        segments = np.empty_like(local)
        for k in (0, 2):
            segments[:, k] = body.y_nm + local[:, k + 1] * sin + local[:, k] * cos
            segments[:, k + 1] = body.x_nm + local[:, k + 1] * cos - local[:, k] * sin
        rim = canvas.material(look.rim_grey, INSIDE, texture=0.5, blur_nm=look.blur_nm)
        core = canvas.material(look.core_grey, INSIDE, texture=0.5, blur_nm=look.blur_nm)
        widths = np.full(len(segments), self.crista_nm)
        canvas.strokes(segments, widths, rim, over=inside)
        canvas.strokes(segments, widths * 0.4, core, over=rim)
