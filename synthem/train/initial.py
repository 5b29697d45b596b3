"""Where weights come from and which of them stay as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from torch import nn

from synthem.errors import SynthemError
from synthem.models.store import read_tensors
from synthem.train.config import InitPart


def load(network: nn.Module, source: str, part: InitPart) -> None:
    """Fill a network, or its encoder, with the weights of a run or of a model's file.

    Raises:
        SynthemError: no such file, or weights that don't fit.
    """
    path = weights_file(source)
    held, _ = read_tensors(path)
    wanted = network.state_dict()
    if part == "encoder":
        held = {name: tensor for name, tensor in held.items() if "encoder" in name.split(".")}
        wanted = {name: tensor for name, tensor in wanted.items() if "encoder" in name.split(".")}
        if not wanted:
            raise SynthemError(f"init {source}: this model has no encoder; take the whole model")
    different = [n for n in {**held, **wanted} if n not in held or n not in wanted or held[n].shape != wanted[n].shape]
    if different:
        raise SynthemError(f"init {source}: {different[0]} doesn't fit this model; name a run of the same {part} model")
    network.load_state_dict(held, strict=False)


def fingerprint(source: str, setting: str = "init") -> str:
    """Of the weights, so that a run is the same wherever they lie.

    Raises:
        SynthemError: no such file; names the setting.
    """
    return hashlib.blake2b(weights_file(source, setting).read_bytes(), digest_size=16).hexdigest()


def freeze(network: nn.Module, patterns: Sequence[str]) -> list[nn.Module]:
    """Stop training the parameters whose names match a pattern; gives the modules that have no other parameters.

    Raises:
        SynthemError: a pattern that matches nothing, or nothing left to train.
    """
    names = dict(network.named_parameters())
    for pattern in patterns:
        matched = [name for name in names if fnmatchcase(name, pattern)]
        if not matched:
            start = sorted({name.split(".")[0] for name in names})
            raise SynthemError(f"freeze {pattern!r}: no parameter matches; names begin with {', '.join(start)}")
        for name in matched:
            names[name].requires_grad_(False)
    if not any(p.requires_grad for p in names.values()):
        raise SynthemError(f"freeze {', '.join(patterns)}: nothing is left to train; freeze less")
    frozen = []
    for module in network.modules():
        own = list(module.parameters(recurse=False))
        if own and not any(p.requires_grad for p in own):
            frozen.append(module)
    return frozen


def weights_file(source: str, setting: str = "init") -> Path:
    """The model's file of a run's folder, or the file itself.

    Raises:
        SynthemError: no such file; names the setting.
    """
    path = Path(source)
    path = path / "model.safetensors" if path.is_dir() else path
    if not path.is_file():
        raise SynthemError(f"{setting} {source}: holds no trained model; name a run's folder or a model.safetensors")
    return path
