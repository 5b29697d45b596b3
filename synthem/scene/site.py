"""Free space of a tile while it is being filled: what is taken, what fits, and where membranes run."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from synthem.geometry import SUBPIXELS, Points, fill, quantise
from synthem.organelles.base import Body
from synthem.scene.search import (
    STEP,
    pack_kernel,
    ridges_kernel,
    search_kernel,
    search_ridges_kernel,
    stamp,
    survey_kernel,
    trace_kernel,
)
from synthem.scene.tissue import EIGHTHS, MARGIN, Tissue


class Site:
    """The tissue of a tile with what already stands in it. Implements `organelles.base.Room`."""

    def __init__(self, size_nm: tuple[float, float], grid_nm: float) -> None:
        shape = tuple(math.ceil(s / grid_nm) + 2 * MARGIN for s in size_nm)
        self.size_nm = size_nm
        self.grid_nm = grid_nm
        self.taken: npt.NDArray[np.int32] = np.zeros(shape, np.int32)
        """(gy, gx) 1 where an organelle stands or keeps its margin."""
        self._scratch: npt.NDArray[np.int32] = np.zeros(shape, np.int32)
        self.tissue: Tissue | None = None
        """Set once it has grown around the organelles that are cells."""

    @property
    def grown(self) -> Tissue:
        """The tissue, which is there once cells have been placed."""
        assert self.tissue is not None
        return self.tissue

    def clear(self) -> None:
        """Nothing is taken any more."""
        self.taken[:] = 0

    def take(self, outline: Points, margin_nm: float) -> None:
        """Mark an outline and a margin around it as taken."""
        corners = self._quantise(outline)
        fill(self.taken, corners, 1, -1)
        pen = round(2 * margin_nm / self.grid_nm)
        if pen >= 1:
            # shifted by half a cell: OpenCV's integer coordinates are centres, ours are corners
            cv2.polylines(self.taken, [corners[:, ::-1] - SUBPIXELS // 2], True, 1, pen, cv2.LINE_8, 4)

    def take_discs(self, discs: npt.NDArray[np.float64], margin_nm: float) -> None:
        """Mark discs (n, 3) of y, x, radius as taken."""
        stamp(self.taken, discs, margin_nm, self.grid_nm)

    def survey(self, outline: Points, cell: int, gap_nm: float) -> tuple[int, int, int]:
        """Grid points inside an outline: all, those free in the cell, those taken by others."""
        return survey_kernel(  # type: ignore[no-any-return]
            self._scratch,
            self._quantise(outline),
            self.taken,
            self._cells(),
            self._room(),
            cell,
            round(gap_nm * EIGHTHS),
        )

    def search(
        self,
        outline: Points,
        draws: npt.NDArray[np.float64],
        edge_nm: float,
        room_nm: float,
        gap_nm: float,
        fit: float,
        crowd: bool,
        turns: npt.NDArray[np.float64],
    ) -> tuple[float, float, float] | None:
        """The first drawn pose in which enough of an outline lies in free space of one cell: y, x, angle.

        Args:
            outline: around the origin, nm.
            draws: (n, 3) shares of the tile's height and width and of a full turn.
            edge_nm: how far inside the tile's edge the centre stays.
            room_nm: clearance that the centre needs.
            gap_nm: clearance from membranes within which the outline counts as free.
            fit: share of the outline that must be free.
            crowd: whether others may stand inside the outline.
            turns: angles that are tried at each position, beside the drawn one.
        """
        found = search_kernel(
            self._scratch,
            outline,
            draws,
            edge_nm,
            *self.size_nm,
            self.grid_nm,
            self.taken,
            self._cells(),
            self._room(),
            int(room_nm * EIGHTHS),
            round(gap_nm * EIGHTHS),
            fit,
            crowd,
            turns,
        )
        return None if found[3] < 0 else (float(found[0]), float(found[1]), float(found[2]))

    def ridge(self, y_nm: float, x_nm: float, angle: float, length_nm: float) -> Points | None:
        """See `organelles.base.Room.ridge`."""
        tissue, steps = self.grown, self._steps(length_nm)
        y, x = y_nm / self.grid_nm + MARGIN, x_nm / self.grid_nm + MARGIN
        path, ok = trace_kernel(tissue.clear, tissue.cells, y, x, angle, steps, 2.2 * self.grid_nm * EIGHTHS)
        return (path - MARGIN) * self.grid_nm if ok else None

    def search_ridges(
        self, draws: npt.NDArray[np.float64], edge_nm: float, length_nm: float, beside_nm: float
    ) -> Iterator[tuple[float, float, float]]:
        """Poses y, x, angle on membranes that run through for a length with nothing on them, in the order of the draws.

        Args:
            draws: (n, 3): which of the places on membranes, unused, and which of its two sides.
            edge_nm: how far inside the tile's edge the middle stays.
            length_nm: length of the membrane that is needed.
            beside_nm: width that the cells on both sides of it need.
        """
        tissue, following = self.grown, 0
        ridges = ridges_kernel(tissue.cells, self.taken)
        while len(ridges):
            y, x, angle, following = search_ridges_kernel(
                ridges,
                draws,
                following,
                tissue.clear,
                tissue.cells,
                self.taken,
                edge_nm / self.grid_nm,
                self._steps(length_nm),
                2.2 * self.grid_nm * EIGHTHS,
                beside_nm / self.grid_nm,
            )
            if following < 0:
                return
            yield (y - MARGIN) * self.grid_nm, (x - MARGIN) * self.grid_nm, angle

    def _steps(self, length_nm: float) -> int:
        return max(int(length_nm / (STEP * self.grid_nm) / 2), 2)

    def pack(
        self,
        body: Body,
        count: int,
        radii: npt.NDArray[np.float64],
        spots: npt.NDArray[np.float64],
        gap_nm: float,
        wall_nm: float,
    ) -> npt.NDArray[np.float64]:
        """See `organelles.base.Room.pack`."""
        discs = np.empty((len(spots), 3))
        n = pack_kernel(
            discs,
            spots,
            radii,
            count,
            gap_nm,
            wall_nm,
            self.grid_nm,
            self.taken,
            self._cells(),
            self._room(),
            body.cell,
        )
        return discs[:n]

    def _cells(self) -> npt.NDArray[np.int32]:
        return self.tissue.cells if self.tissue is not None else self.taken

    def _room(self) -> npt.NDArray[np.int16]:
        if self.tissue is not None:
            return self.tissue.room
        if not hasattr(self, "_open_room"):
            self._open_room = np.full(self.taken.shape, 32000, np.int16)
        return self._open_room

    def _quantise(self, outline: Points) -> npt.NDArray[np.int32]:
        return quantise(outline, self.grid_nm, -MARGIN * self.grid_nm, -MARGIN * self.grid_nm)
