"""Where the YAML files that come with synthem lie: in the wheel, or at the top of a checkout."""

from __future__ import annotations

from pathlib import Path

from synthem.errors import SynthemError, unknown_name


def shipped(folder: str) -> Path:
    """`recipes` or `datasets`, whether installed from a wheel or in place."""
    package = Path(__file__).parent
    inside = package / "_shipped" / folder
    return inside if inside.is_dir() else package.parent / folder


def find_yaml(source: str | Path, folder: str, what: str) -> Path:
    """A file by its path, or one that comes with synthem by its name.

    Args:
        source: a path that ends in .yaml or .yml, or a name.
        folder: where the shipped ones lie, such as `recipes/studies`.
        what: what messages call it, such as `study`.

    Raises:
        SynthemError: there is none.
    """
    path = Path(source)
    if path.suffix in (".yaml", ".yml"):
        if path.is_file():
            return path
        raise SynthemError(f"{path}: there is no such file; check the path, or name a shipped {what}")
    top, _, inner = folder.partition("/")
    place = shipped(top) / inner
    names = sorted(found.stem for found in place.glob("*.yaml"))
    if str(source) not in names:
        raise unknown_name(what, str(source), names)
    return place / f"{source}.yaml"
