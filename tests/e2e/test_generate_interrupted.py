"""`synthem generate` as a whole: killed, interrupted, on another processor, and for a long time."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import datasets
from synthem.tiles.dataset import TileDataset

N = 120
SMALL_SHARDS = """
import sys
from synthem.recipe import Recipe
from synthem.tiles.generate import generate
recipe = Recipe.load("dense").with_values({"size": 96, "organelles.axon.radius_nm": "80..120"})
generate(recipe, int(sys.argv[1]), sys.argv[2], workers=int(sys.argv[3]), shard_bytes=60_000)
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    """Python in a process group of its own."""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *arguments], text=True, stdout=pipe, stderr=pipe, start_new_session=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def small_shards(folder: Path, workers: int = 1) -> subprocess.Popen[str]:
    """Draws N tiles into many shards."""
    return start("-c", SMALL_SHARDS, str(N), str(folder), str(workers))


COMMAND = """
import signal, sys
import synthem.tiles.generate
from synthem.cli import run
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
synthem.tiles.generate.generate.__kwdefaults__["shard_bytes"] = 60_000
sys.exit(run(sys.argv[1:]))
"""
"""The command, with shards so small that they show how far it is."""


def command(folder: Path, n: int, workers: int) -> subprocess.Popen[str]:
    """The command on small tiles."""
    return start("-c", COMMAND, "generate", "--size", "64", f"--n={n}", f"--workers={workers}", f"--out={folder}")


def files(folder: Path) -> dict[str, bytes]:
    """All that the folder holds."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def wait_for(folder: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    while not list(folder.glob(pattern)):
        assert process.poll() is None, finish(process)
        time.sleep(0.002)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "tiles"
    assert finish(small_shards(folder)) == (0, "", "")
    return folder


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_again_and_again_it_ends_with_the_files_of_one_go(whole: Path, tmp_path: Path, workers: int):
    folder = tmp_path / "tiles"
    for shards in ("*1.arrow", "*4.arrow"):
        process = small_shards(folder, workers)
        wait_for(folder, f"data-0000{shards}", process)
        os.killpg(process.pid, signal.SIGKILL)
        assert finish(process)[0] == -signal.SIGKILL
        loaded = datasets.load_from_disk(str(folder))
        assert 0 < len(loaded) < N
        assert loaded["index"][:] == list(range(len(loaded)))
    assert finish(small_shards(folder, workers)) == (0, "", "")
    assert files(folder) == files(whole)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_keeps_what_was_finished(tmp_path: Path, workers: int):
    folder = tmp_path / "tiles"
    process = command(folder, 100_000, workers)
    wait_for(folder, "data-00003.arrow", process)
    os.killpg(process.pid, signal.SIGINT)
    code, out, err = finish(process)
    assert (code, out) == (130, ""), err
    assert err.startswith("interrupted: ")
    assert err.count("\n") == 1
    assert not list(folder.glob(".*"))
    kept = len(TileDataset.open(folder))
    assert kept > 10
    assert finish(command(folder, kept + 5, 1))[0] == 0
    goes_on = TileDataset.open(folder)
    assert goes_on.column("index") == list(range(kept + 5))


MASKS = """
import hashlib, json
from synthem.recipe import Recipe
from synthem.tiles.generate import make_tile
prints = {}
for name in ("dense", "axons-psds-vesicles", "ac4"):
    digest = hashlib.sha256()
    for index in range(4):
        tile = make_tile(Recipe.load(name), 11, index)[1]
        digest.update(tile.stored.tobytes() + tile.instances.tobytes())
    prints[name] = digest.hexdigest()
print(json.dumps(prints))
"""


def masks(**environment: str) -> dict[str, str]:
    """Digests of some masks, drawn in a process of its own."""
    settings = {**os.environ, **environment}
    done = subprocess.run([sys.executable, "-c", MASKS], env=settings, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the features are those of x86-64")
def test_the_processors_features_change_no_mask(tmp_path: Path):
    """As drawn by the oldest x86-64: numpy, OpenCV and numba without what newer processors have."""
    import cv2
    import numpy

    features = numpy._core._multiarray_umath.__cpu_dispatch__
    by_opencv = [f.strip("*") for f in cv2.getCPUFeaturesLine().split() if f.startswith("*")]
    plain = masks(
        NPY_DISABLE_CPU_FEATURES=" ".join(features),
        OPENCV_CPU_DISABLE=",".join(by_opencv),
        NUMBA_CPU_NAME="generic",
        NUMBA_CPU_FEATURES="",
        NUMBA_ENABLE_AVX="0",
        NUMBA_CACHE_DIR=str(tmp_path),
    )
    assert plain == masks()


PEAK = """
import re, sys
from pathlib import Path
from synthem.recipe import Recipe
from synthem.tiles.generate import generate
recipe = Recipe.load("dense").with_values({"size": 64})
generate(recipe, int(sys.argv[1]), sys.argv[2], workers=1, shard_bytes=500_000)
# not getrusage: its peak is inherited from the process that started this one
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def peak_mb(n: int, folder: Path) -> float:
    """Most memory that a process took to draw n tiles, MB."""
    done = subprocess.run([sys.executable, "-c", PEAK, str(n), str(folder)], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_tiles(tmp_path: Path):
    peak_mb(60, tmp_path / "first")  # compiles what no test before has compiled, which takes memory of its own
    few, many = peak_mb(240, tmp_path / "few"), peak_mb(960, tmp_path / "many")
    assert many < few + 25
    assert many < 600
