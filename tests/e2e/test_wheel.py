"""The wheel: everything is in it, and it runs from anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `python -m build` does it, with the build tools that are installed."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(CHECKOUT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("synthem-*-py3-none-any.whl"))


def test_it_holds_every_module_the_shipped_files_and_the_type_marker(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    modules = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "synthem").rglob("*.py")}
    shipped = {
        f"synthem/_shipped/{path.relative_to(CHECKOUT).as_posix()}"
        for folder in ("recipes", "datasets")
        for path in (CHECKOUT / folder).rglob("*.yaml")
    }
    assert modules | shipped | {"synthem/py.typed"} <= names
    others = {name.split("/")[0] for name in names} - {"synthem"}
    assert all(name.endswith(".dist-info") for name in others)


def test_it_runs_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    (tmp_path / "empty").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed"), "OMP_NUM_THREADS": "1"}
    code = (
        "import synthem; print(synthem.__file__)\n"
        "from synthem.cli import run\n"
        "assert run(['recipe', 'diff', 'epfl', 'axons']) == 0\n"
        "from synthem.sweep.study import Study; print(Study.load('ratio-axons').name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "empty",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert Path(lines[0]).is_relative_to(tmp_path)
    assert lines[-1] == "ratio-axons"
    assert not list((tmp_path / "empty").iterdir())
