"""The test package `tests/plugin`, installed by hand into a folder of its own: no pip, no network."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

PLUGIN = Path(__file__).parents[1] / "plugin"


def install(folder: Path) -> Path:
    """What `pip install --target FOLDER tests/plugin` leaves there: the module and its metadata."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    shutil.copy(PLUGIN / "synthem_lysosome.py", folder)
    about = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = project["entry-points"].items()
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()) for group, points in groups]
    about.joinpath("entry_points.txt").write_text("\n".join(lines))
    return folder
