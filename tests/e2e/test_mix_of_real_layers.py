"""Mixes with the real layers: the numbers of the ratio study, and how fast they are read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import making
import numpy as np
import pytest

from synthem.curate.mix import Mix, mix
from synthem.curate.mix.index import Index

ORDER = [f"training{z}" for z in ("0024", "0047", "0076", "0106", "0135", "0010", "0055", "0091", "0120", "0163")]
pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def folder(real_layers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("epfl")
    making.epfl(real_layers, folder / "real", ORDER, order=ORDER)
    making.tiles(folder / "tiles", 40, 256)
    return folder


@pytest.mark.parametrize(("layers", "windows", "axons"), [(5, 585, 12), (10, 1170, 28)])
def test_the_study_counts_come_out(folder: Path, layers: int, windows: int, axons: int) -> None:
    made = mix(folder / f"real {layers}", real=folder / "real", real_layers=layers)
    assert made.summary["real"]["windows"] == len(made) == windows
    assert made.summary["real"]["count"]["axon"] == axons


def test_arrays_hold_the_windows(folder: Path) -> None:
    made = mix(folder / "mixed", real=folder / "real", real_layers=5, synthetic=folder / "tiles", n_synthetic=30)
    images, masks = made.arrays()
    assert images.shape == (615, 256, 256)
    assert list(made.summary["total"]["area_px"].values()) == masks.sum(axis=(0, 2, 3), dtype=np.int64).tolist()


def test_a_mix_of_a_million_windows_is_mapped_not_read(folder: Path) -> None:
    made = mix(folder / "small", real=folder / "real")
    n = 1_000_000
    places = np.arange(n) % len(made)
    made.index.take(places).write(made.folder, made.window, made.fingerprint)
    code = (
        "import sys\n"
        "from synthem.curate.mix import Mix\n"
        "mix = Mix.open(sys.argv[1])\n"
        "assert len(mix) == 1_000_000 and mix[999_999].image.shape == (256, 256)\n"
        "status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "print(int(status['VmHWM'].split()[0]) / 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, made.folder], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 300
    assert isinstance(Mix.open(made.folder).index, Index)
