"""`synthem doctor`: what this machine offers, what is missing, and what to do about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from synthem.cli.common import Json, finish
from synthem.errors import SynthemError

GIGABYTE = 10**9
LITTLE_DISK = 2 * GIGABYTE
"""Less free space than this is worth a note: 20,000 tiles take about 1.2 GB."""
INSTRUCTIONS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
"""Of the processor, that make a difference to how fast models train."""
PARTS = (
    "numpy", "scipy", "scikit-image", "shapely", "noise", "numba", "opencv-python-headless", "isal", "xxhash", "pillow",
    "pyarrow", "datasets", "huggingface-hub", "torch", "torchvision", "segmentation-models-pytorch", "safetensors",
    "tifffile", "h5py", "matplotlib", "pydantic", "pyyaml", "rich", "typer",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: Literal["ok", "note", "missing"]
    """`note`: synthem works, but something could be better; `missing`: something that it needs isn't there."""
    found: str
    todo: str = ""
    """What to do about it; empty where all is well."""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(name="doctor")
    def command(
        timeout: Annotated[float, typer.Option(help="Seconds to wait for the Hub.")] = 3.0, as_json: Json = False
    ) -> None:
        """Look over this machine: versions, devices, disk, Hub, data.

        Exits with 1 where something is missing.
        """
        if not timeout > 0:
            raise SynthemError(f"--timeout {timeout:g}: name seconds above 0")
        found = doctor(timeout)
        missing = any(one.state == "missing" for one in found)
        finish({"fine": not missing, "findings": [asdict(one) for one in found]}, as_json=as_json, lines=_lines(found))
        raise typer.Exit(1 if missing else 0)


def doctor(timeout: float = 3.0) -> list[Finding]:
    """Look over this machine.

    Args:
        timeout: seconds to wait for the Hub.
    """
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _versions, _cores, _devices, _kernels, _disk, _data, lambda: _hub(timeout),
    )  # fmt: skip
    return [finding for look in looks for finding in look()]


def _lines(found: list[Finding]) -> list[str]:
    wide = max(len(one.what) for one in found)
    lines = []
    for one in found:
        mark = {"ok": " ", "note": "-", "missing": "!"}[one.state]
        lines.append(f"{mark} {one.what:<{wide}}  {one.found}" + (f"; {one.todo}" if one.todo else ""))
    return lines


def _versions() -> Iterator[Finding]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    import synthem
    from synthem.version import GENERATOR_VERSION

    yield Finding("synthem", "ok", f"{synthem.__version__}, generator {GENERATOR_VERSION}")
    yield Finding("Python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    held, lacking = [], []
    for name in PARTS:
        try:
            held.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lacking.append(name)
    yield Finding("packages", "ok", ", ".join(held))
    if lacking:
        yield Finding("packages", "missing", f"no {', '.join(lacking)}", f"run `pip install {' '.join(lacking)}`")


def _cores() -> Iterator[Finding]:
    from synthem.tiles.pool import usable_cores

    flags = set()
    if Path("/proc/cpuinfo").exists():
        line = next((text for text in Path("/proc/cpuinfo").read_text().splitlines() if text.startswith("flags")), "")
        flags = set(line.partition(":")[2].split())
    fast = [name for name in INSTRUCTIONS if name in flags]
    yield Finding("processor", "ok", f"{usable_cores()} of {os.cpu_count()} cores, {' '.join(fast) or 'plain'}")
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIGABYTE
        yield Finding("memory", "ok", f"{memory:.0f} GB")


def _devices() -> Iterator[Finding]:
    try:
        import torch

        from synthem.models.machine import Machine
    except ImportError:
        return  # `packages` tells what to install
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            machine = Machine.pick(f"cuda:{i}")
            size = torch.cuda.get_device_properties(i).total_memory / GIGABYTE
            yield Finding(f"cuda:{i}", "ok", f"{machine}, {size:.0f} GB")
    elif shutil.which("nvidia-smi"):
        todo = "install the build of torch for this driver's CUDA"
        yield Finding("GPU", "note", f"there is one, and torch {torch.__version__} can't use it", todo)
    else:
        precision = str(Machine.pick("cpu")).partition(", ")[2]
        yield Finding("GPU", "ok", f"none; models train on the processor in {precision}")


def _kernels() -> Iterator[Finding]:
    """Whether compiled kernels can be kept: numba puts them beside the module, else into a folder of the user's."""
    from synthem.scene import scene

    beside = Path(scene.__file__).parent / "__pycache__"
    named = os.environ.get("NUMBA_CACHE_DIR")
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for place in [Path(named)] if named else [beside, users]:
        if _writable(place):
            yield Finding("compiled kernels", "ok", f"kept in {place}")
            return
    todo = "set NUMBA_CACHE_DIR to a folder that can be written, or each command compiles for 15 s"
    yield Finding("compiled kernels", "note", "can't be kept", todo)


def _disk() -> Iterator[Finding]:
    from synthem.tiles.hub import cache_folder

    cache = cache_folder()
    copies = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file()) / GIGABYTE
    if _writable(cache):
        yield Finding("cache", "ok", f"{cache}, {copies:.1f} GB of copies from the Hub")
    else:
        yield Finding("cache", "note", f"{cache} can't be written", "set SYNTHEM_CACHE to a folder that can")
    here = Path.cwd()
    if not _writable(here):
        yield Finding("this folder", "note", f"{here} can't be written", "go elsewhere, or name folders with --out")
    free = shutil.disk_usage(here).free
    if free < LITTLE_DISK:
        yield Finding("free disk", "note", f"{free / GIGABYTE:.1f} GB here", "free some space, or write elsewhere")
    else:
        yield Finding("free disk", "ok", f"{free / GIGABYTE:.0f} GB here")


def _data() -> Iterator[Finding]:
    from synthem.shipped import shipped
    from synthem.sweep.sources import find_root

    for descriptor in sorted(shipped("datasets").glob("*.yaml")):
        name = descriptor.stem
        try:
            root = find_root(name, None)
        except SynthemError as error:
            yield Finding(f"data: {name}", "note", str(error))
            continue
        if root:
            yield Finding(f"data: {name}", "ok", str(root))
        else:
            todo = f"set SYNTHEM_DATA to their folder; {descriptor} says where they are from"
            yield Finding(f"data: {name}", "note", "no real layers found", todo)


def _hub(timeout: float) -> Iterator[Finding]:
    """Ask the Hub who we are: plain HTTP, for the client's own retries would take half a minute."""
    import json
    import urllib.error
    import urllib.request

    from huggingface_hub import constants, get_token

    token = get_token()
    request = urllib.request.Request(f"{constants.ENDPOINT}/api/whoami-v2")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    log_in = "to publish, log in with `hf auth login` or set HF_TOKEN"
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            name = json.loads(answer.read())["name"]
        yield Finding("Hub", "ok", f"{constants.ENDPOINT} answers, logged in as {name}")
    except urllib.error.HTTPError as error:
        if error.code != 401:
            found = f"{constants.ENDPOINT} answers with error {error.code}"
            yield Finding("Hub", "note", found, "try again later; only `publish` and hub:… need it")
        elif token:
            yield Finding("Hub", "note", f"{constants.ENDPOINT} refuses the token", log_in)
        else:
            yield Finding("Hub", "note", f"{constants.ENDPOINT} answers, not logged in", log_in)
    except (OSError, ValueError, KeyError) as error:
        found = f"{constants.ENDPOINT} can't be reached ({getattr(error, 'reason', error)})"
        yield Finding("Hub", "note", found, "only `publish` and hub:… need it")


def _writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or the folder itself where it is missing."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
