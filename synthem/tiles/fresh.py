"""Folders that appear whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from synthem.errors import SynthemError


@contextmanager
def fresh_folder(out: Path, *, keep: bool = True) -> Iterator[Path]:
    """A folder to fill, which becomes `out` at the end of the block, and vanishes on an error.

    Args:
        out: missing or empty; its parents are made.
        keep: false to let the folder vanish in any case, where it is built for comparison only.

    Raises:
        SynthemError: `out` is a file, or holds something.
    """
    if keep:
        check_free(out)
    made = [parent for parent in out.parents if not parent.exists()]
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as scratch:
            built = Path(scratch) / out.name
            built.mkdir()
            yield built
            if keep:
                built.replace(out)
    except BaseException:
        for parent in made:
            with suppress(OSError):
                parent.rmdir()
        raise


def check_free(out: Path) -> None:
    """Raises:
    SynthemError: `out` is a file, or holds something.
    """
    if out.exists() and not out.is_dir():
        raise SynthemError(f"{out}: is a file; name a folder")
    if out.exists() and any(out.iterdir()):
        raise SynthemError(f"{out}: holds something already; name an empty or a new folder")
