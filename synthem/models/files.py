"""Files that readers never see half-written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


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
