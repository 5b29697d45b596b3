"""Models kept on the way: the weights after certain steps of a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from synthem.train.run import snapshot_file


class Snapshots:
    """Called after every step; saves where a share of the steps is reached.

    What a killed training saved it saves again, equal, when it goes on from the epoch before.

    Args:
        folder: of the run.
        shares: see `TrainConfig.snapshots`.
        total: planned steps; a share stands for the nearest whole step.
        save: writes the model of now to a file, and its `share` beside it.
    """

    def __init__(self, folder: Path, shares: Sequence[float], total: int, save: Callable[..., object]) -> None:
        self._folder, self._save = folder, save
        self._due: dict[int, list[float]] = {}
        for share in shares:
            self._due.setdefault(round(share * total), []).append(share)

    def __call__(self, step: int) -> None:
        """Save what is due after so many steps."""
        for share in self._due.get(step, ()):
            path = snapshot_file(self._folder, share)
            path.parent.mkdir(exist_ok=True)
            self._save(path, share=share)
