"""What the microscope and the preparation add: cytoplasm's texture, blur, noise and artefacts. Parameters only."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from synthem.ranges import Count, Drawable, Length, Normal, Range, Share, Uniform


class Cytoplasm(Drawable):
    """What fills the cells."""

    grey: Range = 155.0
    """Mean grey level; 155.3 ± 23.7 in the EPFL layers, N(178, 27.2 / 3) in Computer Optics 2023, 47(5):778–787."""
    cell_spread: Length = 6.0
    """Standard deviation of the mean from cell to cell, grey levels."""
    grain: Length = 12.0
    """Standard deviation of the fine texture (ribosomes, filaments), grey levels."""
    grain_nm: Length = 9.0
    """Radius of its Gaussian correlation, nm."""
    clump: Length = 10.0
    """Standard deviation of the medium texture, grey levels."""
    clump_nm: Length = 22.0
    """Radius of its correlation, nm."""
    cloud: Length = 5.0
    """Standard deviation of the coarse texture, grey levels."""
    cloud_nm: Length = 80.0
    """Radius of its correlation, nm."""
    strokes: Count = 400
    """Filaments in an area of 1.28 µm × 1.28 µm; 200–500 long and 300–1000 short ones in the original."""
    stroke_nm: Length = 60.0
    """Mean length of a filament, nm."""
    stroke_width_nm: Length = 7.0
    """Width of a filament, nm; 1–2 pixels of 5 nm in the original."""
    stroke_depth: Length = 25.0
    """How much darker a filament is; N(122, 5) on a ground of 178 in the original."""
    dots: Count = 120
    """Dark dots (ribosomes) in an area of 1.28 µm × 1.28 µm."""
    dot_nm: Length = 12.0
    """Mean radius of a dot, nm."""
    dot_depth: Length = 30.0
    """How much darker a dot is."""


class Optics(Drawable):
    """The microscope's point spread and its detector."""

    psf_nm: Length = 5.5
    """Standard deviation of the point spread, nm."""
    gain_noise: Length = 0.25
    """Variance of the noise for each grey level of signal (shot noise; Foi et al., IEEE TIP 2008, equation 2)."""
    floor_noise: Length = 5.0
    """Standard deviation of the noise that doesn't depend on the signal, grey levels."""
    correlated: Share = 0.5
    """Share of the noise's variance that is correlated between neighbours."""
    correlation_nm: Length = 7.0
    """Radius of that correlation, nm; the original blurs half of its noise over 5 × 5 pixels of 5 nm."""


class Artefacts(Drawable):
    """Each with a switch: 0 turns it off."""

    background: Length = Uniform(low=0.0, high=3.0)
    """Standard deviation of the uneven background, grey levels."""
    background_nm: Annotated[float, Field(ge=20)] = 640.0
    """Distance over which it changes, nm; at least 20."""
    streaks: Count = 0
    """Charging streaks: lines that brighten from one point on and fade along the scan."""
    streak_lift: Length = Uniform(low=5.0, high=20.0)
    """By how many grey levels they brighten."""
    streak_nm: Length = 600.0
    """Distance over which they fade to a third, nm."""
    curtain: Length = 0.0
    """Standard deviation of the stripes along y that ion milling leaves, grey levels."""
    curtain_nm: Length = 60.0
    """Distance between stripes, nm."""
    drift_nm: Length = 0.0
    """Standard deviation of the lines' shift along x, nm; moves image and masks alike."""
    contrast: Range = 1.0
    """Factor on the contrast about the cytoplasm's grey level."""
    brightness: Range = Normal(normal=(0.0, 1.0), low=-60, high=60)
    """Added to every grey level."""
