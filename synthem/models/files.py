"""Files that readers never see half-written, and folders that one process writes to at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synthem.errors import SynthemError


def write_through(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file under a temporary name in the same folder, then rename it."""
    temporary = path.with_name(f".{path.stem}.tmp{path.suffix}")
    try:
        write(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, indented, at once or not at all."""
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    write_through(path, lambda temporary: temporary.write_text(text))


@contextmanager
def locked(path: Path, busy: str = "") -> Iterator[None]:
    """Keep other processes of this machine out while the block runs.

    Args:
        path: of the lock file; it stays, empty.
        busy: text of the error where another process is in; without it this one waits.

    Raises:
        SynthemError: another process is in, and `busy` was given.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError:
            raise SynthemError(busy) from None
        yield
