"""Synaptic vesicles: a cluster of small discs with a dark rim, facing a PSD or alone."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from synthem.geometry import Points, ellipse, pose
from synthem.organelles.base import Body, Canvas, Look, Organelle, Room
from synthem.ranges import Choice, Count, Length, Normal, Range, Share, Text, Uniform, Whole, bounds, one_of, within

MOST = 240
"""Vesicles in a cluster at most."""


class VesiclesLook(Look):
    """Grey levels of vesicles (Computer Optics 2023, 47(5):778–787)."""

    rim_grey: Range = Normal(normal=(95.0, 5.3), low=0, high=255)
    """Rim; N(95, 16 / 3)."""
    inside_grey: Range = Normal(normal=(116.0, 6.3), low=0, high=255)
    """Inside; N(116, 19 / 3)."""
    spread: Length = 6.0
    """Standard deviation of grey levels from vesicle to vesicle."""
    matrix_grey: Range = Normal(normal=(140.0, 6.0), low=0, high=255)
    """The terminal's cytoplasm around and between vesicles."""
    matrix_nm: Length = 25.0
    """How far from a vesicle it reaches, nm; 0 for none."""


class Vesicles(Organelle):
    """Cluster of synaptic vesicles. `count` counts clusters; every vesicle is an instance of its own."""

    kind: Literal["vesicles"] = "vesicles"
    count: Count = Whole(low=1, high=3)
    margin_nm: Length = 0.0
    edge_nm: Range = -60.0

    facing: Share = 0.6
    """Probability that a cluster lies on the free side of a PSD, where one has none yet."""
    half_length_nm: Length = Uniform(low=150.0, high=475.0)
    """Half of the cluster's long axis, nm; half-axes of 30–95 pixels of 5 nm in the original."""
    half_width_nm: Length = Uniform(low=150.0, high=300.0)
    """Half of its short axis, nm."""
    radius_nm: Annotated[Length, within(1)] = Uniform(low=20.0, high=27.0)
    """Outer radius of a vesicle, nm; 4–6 pixels in the original, about 20 nm in tissue (Qu et al. 2009)."""
    radius_spread: Share = 0.15
    """Relative deviation of the radius from vesicle to vesicle."""
    filling: Annotated[Text, one_of("sparse", "dense")] = Choice(choice=("sparse", "dense"))
    """With A = half-axes' product over the squared radius: A/4 to 5A/12 vesicles, or 2A/9 to 5A/8 (the original)."""
    number: Count = 0
    """Vesicles in the cluster whatever its size; 0 leaves it to `filling`."""
    spread: Length = 0.45
    """Standard deviation of the positions over the half-axes, 0.2 in the original; clumps make it irregular."""
    clumps: Annotated[Count, within(0, 8)] = Whole(low=2, high=6)
    """Centres around which the vesicles crowd; at most 8."""
    gap_nm: Length = 2.0
    """Least distance between two vesicles, nm; the original keeps 4 nm."""
    wall_nm: Length = 12.0
    """Least distance to a membrane, nm."""
    scattered: bool = False
    """Whether they lie alone in whatever cells there are, not crowded in one."""
    oval_share: Share = 0.05
    """Share of elliptical vesicles; 5 % in the original."""
    dark_share: Share = Uniform(low=0.0, high=0.2)
    """Share of wholly dark vesicles; 0–5 % (sparse) and 0–40 % (dense) in the original."""
    rim_nm: Length = Uniform(low=6.0, high=10.0)
    """Thickness of the rim, nm; 1–2 pixels in the original."""
    look: VesiclesLook = VesiclesLook()
    """Grey levels."""

    faces: ClassVar[str] = "psd"
    classes: ClassVar[tuple[str, ...]] = ("vesicle",)
    unit: ClassVar[str] = "cluster"

    def smallest_nm(self) -> float:
        return 2 * bounds(self.radius_nm)[0]

    @property
    def fit(self) -> float:
        return 0.0 if self.scattered else 0.35

    def outline(self, rng: np.random.Generator) -> Points:
        return ellipse(self.half_width_nm, self.half_length_nm)

    def settle(self, body: Body, room: Room, rng: np.random.Generator) -> bool:
        share, *heads = rng.random(17).tolist()
        draws, normals = rng.random(MOST), rng.standard_normal((2 * MOST, 2))
        area = self.half_length_nm * self.half_width_nm / self.radius_nm**2
        low, high = (1 / 4, 5 / 12) if self.filling == "sparse" else (2 / 9, 5 / 8)
        wanted = int(self.number) or min(int(area * (low + share * (high - low))), MOST)
        tries = min(3 * wanted + 6, len(normals))
        local = self.spread * normals[:tries]
        n = min(int(self.clumps), 8)
        if n > 1:
            turn = 2 * np.pi * np.array(heads[:n])
            out = 0.75 * np.sqrt(heads[8 : 8 + n])
            local = local + np.array([out * np.sin(turn), out * np.cos(turn)]).T[np.arange(tries) % n]
        local = local[(local**2).sum(axis=1) < 1.2] * (self.half_width_nm, self.half_length_nm)
        spots = pose(local, body.y_nm, body.x_nm, body.angle)
        radii = self.radius_nm * (1 + self.radius_spread * (2 * draws[np.arange(len(spots)) % MOST] - 1))
        if self.scattered:
            body.cell = 0
        discs = room.pack(body, wanted, radii, spots, self.gap_nm, self.wall_nm)
        body.detail = {"discs": discs}
        return len(discs) > 0

    def paint(self, body: Body, look: Any, canvas: Canvas, rng: np.random.Generator) -> None:
        discs = body.detail["discs"]
        n = len(discs)
        draws, tones = rng.random((n, 3)), look.spread * rng.standard_normal((n, 2))
        oval = np.where(draws[:, 0] < self.oval_share, 0.75, 1.0)
        columns = (discs[:, 0], discs[:, 1], discs[:, 2], discs[:, 2] * oval, draws[:, 1] * np.pi)
        shapes = np.array(columns).T
        rim_greys = look.rim_grey + tones[:, 0]
        core_greys = np.where(draws[:, 2] < self.dark_share, rim_greys, look.inside_grey + tones[:, 1])
        if look.matrix_nm:
            matrix = canvas.material(look.matrix_grey, blur_nm=look.matrix_nm / 2, instance=False)
            halos = shapes + np.array([0, 0, look.matrix_nm, look.matrix_nm, 0])
            canvas.ellipses(halos, np.full(n, matrix), over=canvas.CYTOPLASM)
        rims = canvas.materials(rim_greys, ("vesicle",), texture=0.5, blur_nm=look.border_blur_nm, apart=True)
        cores = canvas.materials(core_greys, ("vesicle",), texture=0.5, blur_nm=look.blur_nm)
        canvas.ellipses(shapes, rims)
        shapes[:, 2:4] = np.maximum(shapes[:, 2:4] - self.rim_nm, 1.0)
        canvas.ellipses(shapes, cores)
        if n > 3:
            canvas.around(body.outline, look.around_blur_nm, look.around_nm)
