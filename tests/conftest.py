"""Fixtures that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("synthem", deadline=None)  # a kernel may be compiled in the middle of an example
settings.load_profile("synthem")


def real_data() -> Path | None:
    """The folder of the EPFL layers: `$SYNTHEM_DATA`, or `../shared/data/epfl-itmm` beside the checkout."""
    named = os.environ.get("SYNTHEM_DATA")
    beside = Path(__file__).resolve().parents[2] / "shared" / "data" / "epfl-itmm"
    folder = Path(named) if named else beside
    return folder if (folder / "train" / "slices").is_dir() else None


@pytest.fixture(scope="session")
def real_layers() -> Path:
    """Where the real layers lie; a failure where CI=true and they are missing, a skip elsewhere."""
    folder = real_data()
    if folder is None:
        message = "the real layers are missing: set SYNTHEM_DATA to the folder that holds train/slices"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder
