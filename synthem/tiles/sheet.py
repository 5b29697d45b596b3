"""Contact sheets as files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from synthem.show import contact_sheet
from synthem.tiles.shards import write_atomically

__all__ = ["contact_sheet", "save"]


def save(picture: Any, path: Path) -> None:
    """Write a PIL image as PNG, whole or not at all; folders on the way are made."""
    data = io.BytesIO()
    picture.save(data, format="png")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data.getvalue())
