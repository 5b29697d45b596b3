"""What the machine at hand can do: its devices, its number formats, and how it keeps memory."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
from torch import nn

from synthem.errors import SynthemError

Precision = Literal["auto", "float32", "bfloat16"]
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


@dataclass(frozen=True)
class Machine:
    """Where a model runs, and in which number format its convolutions."""

    device: torch.device
    bfloat16: bool

    @classmethod
    def pick(cls, device: str, precision: Precision = "auto") -> Machine:
        """See `pick_device` and `use_bfloat16`.

        Raises:
            SynthemError: no such device, or one that isn't there.
        """
        keep_freed_memory()
        place = pick_device(device)
        return cls(place, use_bfloat16(precision, place))

    def autocast(self) -> torch.autocast:
        """The context in which a model is called."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    def __str__(self) -> str:
        place = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else str(self.device)
        return f"{place}, {'bfloat16' if self.bfloat16 else 'float32'}"


def pick_device(name: str) -> torch.device:
    """`auto` is a GPU where there is one, else the CPU; other names are torch's, such as `cuda:1`.

    Raises:
        SynthemError: no such device, or one that isn't there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise SynthemError(f"device {name!r}: there is none; name auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise SynthemError(f"device {name}: no GPU can be used here; name auto or cpu")
        if (device.index or 0) >= torch.cuda.device_count():
            raise SynthemError(f"device {name}: there are {torch.cuda.device_count()} GPUs; name one from cuda:0 up")
    elif device.type == "mps" and not torch.backends.mps.is_available():
        raise SynthemError(f"device {name}: no Apple GPU can be used here; name auto or cpu")
    elif device.type not in ("cpu", "mps"):
        raise SynthemError(f"device {name}: not supported; name auto, cpu, cuda or cuda:N")
    return device


def use_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether convolutions run in bfloat16: where it was asked for, and with `auto` where it is faster.

    That is on GPUs of the Ampere generation or later, and on CPUs with AMX. On other CPUs it is slower or, with AVX-512
    BF16, faster (a training step of Tiny U-Net took 0.57 of the time: `benchmarks/training.py --precision bfloat16`),
    and is taken only when asked for: results of CPUs without AMX then differ in the order of sums alone.
    """
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and _has_amx()


def training_layout(model: nn.Module, device: torch.device) -> torch.memory_format:
    """Channels last, except on a CPU for models with a layer of fewer than 16 channels.

    Batch norm's backward pass is not vectorised there for so few; with widths 8-8-16-32-64 a training step was 2.6
    times as long with channels last.
    """
    norms = [m.num_features for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    narrow = device.type == "cpu" and min(norms, default=16) < 16
    return torch.contiguous_format if narrow else torch.channels_last


@cache
def keep_freed_memory() -> None:
    """Let this process keep memory that it has freed, where glibc manages it.

    A step on a CPU frees and takes back a gigabyte in large pieces. By default glibc returns each to the system, which
    then fills it with zeros again; without that a training step of Tiny U-Net took half the time.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_MAX, 0)
            mallopt(_M_TRIM_THRESHOLD, -1)


def _has_amx() -> bool:
    supported = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(supported and supported())
