"""Rules of the house that no linter knows: where randomness and clocks may be, and what a command may import."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "synthem"
DRAWING = [
    *(PACKAGE / name for name in ("ranges.py", "recipe.py", "seeds.py", "geometry.py", "microscope.py", "classes.py")),
    *(path for stage in ("organelles", "scene", "raster") for path in (PACKAGE / stage).rglob("*.py")),
    *(
        PACKAGE / "tiles" / name
        for name in ("generate.py", "repaint.py", "pool.py", "codec.py", "shards.py", "measure.py")
    ),
]
"""All that determines the pixels of a tile."""
CLOCKS = {"generate.py": {"time"}, "repaint.py": {"time"}}
"""Who may look at the clock: for the summary's seconds."""
UNSEEDED = {"random", "secrets", "time", "datetime", "uuid"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def numpy_random(path: Path) -> set[str]:
    """What is used of `np.random`, but for the type of a generator."""
    used = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random"):
            used.add(node.attr)
    return used - {"Generator"}


def modules_after(code: str) -> set[str]:
    """The packages that a fresh interpreter holds after running some code."""
    program = f"import sys, json\n{code}\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}


def test_the_scan_sees_what_it_looks_for(tmp_path: Path):
    bad = tmp_path / "bad.py"
    bad.write_text("import random\nfrom uuid import uuid4\ndef f():\n    import time\n    np.random.seed(0)\n")
    assert set(imports(bad)) == {"random", "uuid", "time"}
    assert numpy_random(bad) == {"seed"}
    assert len(DRAWING) > 25


@pytest.mark.parametrize("path", DRAWING, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_determines_pixels_knows_no_clock_and_no_chance(path: Path):
    assert set(imports(path)) & UNSEEDED <= CLOCKS.get(path.name, set())
    assert path.name == "seeds.py" or not numpy_random(path)


def test_numpys_global_generator_is_used_nowhere():
    found = {
        str(path.relative_to(PACKAGE)): used
        for path in PACKAGE.rglob("*.py")
        if path.name != "seeds.py" and (used := numpy_random(path))
    }
    assert found == {}


def test_no_module_takes_the_name_of_hugging_faces_datasets():
    assert not (PACKAGE.parent / "datasets" / "__init__.py").exists()


def test_help_imports_nothing_heavy():
    held = modules_after("from synthem.cli import run\nassert run(['--help']) == 0")
    heavy = {
        "numpy",
        "numba",
        "pydantic",
        "torch",
        "datasets",
        "pandas",
        "pyarrow",
        "cv2",
        "scipy",
        "yaml",
        "matplotlib",
    }
    assert "typer" in held
    assert not held & heavy


def test_generating_imports_no_network_and_no_datasets(tmp_path: Path):
    out = str(tmp_path / "tiles")
    held = modules_after(
        f"from synthem.cli import run\nassert run(['generate', '--size', '64', '--n', '2', '--out', {out!r}]) == 0"
    )
    assert {"numba", "pyarrow"} <= held
    assert not held & {"torch", "segmentation_models_pytorch", "datasets", "matplotlib", "skimage"}


def test_reading_a_dataset_needs_neither_recipes_nor_kernels():
    held = modules_after("import synthem.tiles.dataset")
    assert not held & {"pydantic", "numba", "noise", "shapely", "torch", "datasets"}
