"""Where the YAML files that come with synthem lie: in the wheel, or at the top of a checkout."""

from __future__ import annotations

from pathlib import Path


def shipped(folder: str) -> Path:
    """`recipes` or `datasets`, whether installed from a wheel or in place."""
    package = Path(__file__).parent
    inside = package / "_shipped" / folder
    return inside if inside.is_dir() else package.parent / folder
