"""Membranes: a dense tessellation of curved cells, whose ridges are the membranes."""

from __future__ import annotations

from typing import Annotated

from synthem.ranges import Drawable, Length, Normal, Range, Share, Uniform, within


class MembranesLook(Drawable):
    """Grey levels of membranes."""

    grey: Range = Normal(normal=(100.2, 11.8), low=0, high=255)
    """Grey level; N(100.2, 35.5 / 3) in Computer Optics 2023, 47(5):778–787."""
    cleft_lift: Range = 25.0
    """How much lighter the cleft between the two membranes is."""
    mottling: Length = 1.0
    """Share of the texture's contrast that shows on membranes (the original has 500 mottling patches)."""
    blur_nm: Length = 4.0
    """Blur before the microscope's own, standard deviation in nanometres."""
    shading: Length = 0.0
    """How much darker the cytoplasm is where it touches a membrane, grey levels."""
    shading_nm: Length = 20.0
    """Over which distance that fades, nm."""


class Membranes(Drawable):
    """Cells of a warped, partly merged Voronoi diagram; membranes along their common borders.

    Several seeds share a cell where they lie in the same large process (a dendrite, a soma), so that sizes vary as in
    neuropil. Clearance to the border is smoothed, which rounds the cells' corners.
    """

    spacing_nm: Annotated[Length, within(20)] = 260.0
    """Mean distance of the seeds of small cells, nm."""
    process_spacing: Length = 3.0
    """Distance of the seeds of large processes, in units of `spacing_nm`."""
    process_share: Share = 0.35
    """Share of the large processes that stay whole; the others are left to small cells."""
    pair_share: Share = 0.25
    """Probability that a small cell takes in its neighbour, which makes it long."""
    stretch: Length = Uniform(low=1.0, high=2.2)
    """Length over width of cells that run in the tile's direction."""
    warp_nm: Length = 120.0
    """Amplitude of the warp that curves the cells, nm."""
    warp_length_nm: Annotated[Length, within(10)] = 900.0
    """Distance over which the warp changes, nm."""
    wrinkle_nm: Length = 25.0
    """Amplitude of the second, finer warp, nm."""
    wrinkle_length_nm: Annotated[Length, within(10)] = 220.0
    """Distance over which the finer warp changes, nm."""
    rounding_nm: Length = 25.0
    """Radius by which corners are rounded, nm."""
    thickness_nm: Length = 38.0
    """Median thickness of the dark line, nm; 2–8 pixels of 5 nm in the original."""
    thickness_spread: Length = 0.35
    """Relative variation of thickness along the membranes."""
    thickness_length_nm: Annotated[Length, within(10)] = 300.0
    """Distance over which thickness changes, nm."""
    blotch_nm: Length = 60.0
    """Extra half-thickness where a membrane is cut tangentially, nm (the original thickens zones of 150–300 nm radius
    by 25–35 nm)."""
    blotch_share: Share = 0.12
    """Share of the area where membranes are thickened."""
    tear_share: Share = 0.02
    """Share of the area where membranes are torn: too faint to be labelled."""
    cleft_nm: Length = 6.0
    """Width of the lighter cleft in the middle, nm."""
    cleft_share: Share = 0.6
    """Share of the area where a cleft shows; 60 % of the original's tiles have one."""
    rays: Length = 0.0
    """Membranes that start at a corner of an axon's outline, for each axon."""
    look: MembranesLook = MembranesLook()
    """Grey levels."""
