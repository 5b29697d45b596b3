"""Versions that a dataset records."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

GENERATOR_VERSION = 5
"""Raised whenever the pixels or masks of a seed change."""

_RECORDED = ("synthem", "numpy", "scipy", "opencv-python-headless", "numba", "noise", "pyarrow")


@cache
def versions() -> dict[str, str]:
    """Versions of what determines pixels: of Python, synthem and the packages that it draws with."""
    found = {"python": platform.python_version()}
    for name in _RECORDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
