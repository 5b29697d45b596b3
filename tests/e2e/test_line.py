"""The whole pipeline on real layers, as commands: generate → import → mix → train → evaluate."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from synthem import SIX

CHECKOUT = Path(__file__).resolve().parents[2]


def synthem(*arguments: str, cwd: Path) -> dict[str, Any]:
    """Run a command with --json; gives its summary."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "synthem", *arguments, "--json"],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


@pytest.mark.real
def test_from_a_recipe_and_real_layers_to_scores(real_layers: Path, tmp_path: Path) -> None:
    descriptor = str(CHECKOUT / "datasets" / "epfl-itmm.yaml")
    synthem("import", descriptor, "--root", str(real_layers), "--out", "epfl", cwd=tmp_path)
    tiles = synthem("generate", "--axons", "3", "--n", "6", "--out", "tiles", cwd=tmp_path)
    assert tiles["tiles"] == 6
    mixed = ["--real", "epfl", "--real-layers", "1", "--synthetic", "tiles", "--n-synthetic", "6", "--stride", "256"]
    synthem("mix", *mixed, "--out", "mix", cwd=tmp_path)
    model = "tiny-unet:widths=4-4-8-8-16"
    synthem("train", "mix", "--model", model, "--epochs", "2", "--out", "run", cwd=tmp_path)
    synthem("evaluate", "run", "--on", "epfl", "--layers", "training0012", "--out", "scores", cwd=tmp_path)

    result = json.loads((tmp_path / "scores" / "result.json").read_text())
    text = json.dumps(result)
    assert "training0012" in text
    assert all(name in text for name in SIX.names)
