"""A model in one file: safetensors, with its specification and its classes as JSON in the header."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from synthem.classes import Classes
from synthem.errors import SynthemError
from synthem.models.build import build_model
from synthem.models.files import write_through
from synthem.models.spec import ModelSpec


@dataclass(frozen=True)
class StoredModel:
    """What a model's file holds."""

    model: nn.Module
    spec: ModelSpec
    channels: int
    classes: Classes
    extra: Mapping[str, Any]
    """What its writer added: how images are prepared, the run it is from."""
    first: StoredModel | None = None
    """The trained model that it is built on; part of `model`."""

    def about(self) -> dict[str, Any]:
        """All but the weights, as JSON values."""
        return {
            "model": self.spec.to_json(),
            "channels": self.channels,
            "classes": self.classes.to_json(),
            "extra": dict(self.extra),
            "first": self.first and self.first.about(),
        }


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write tensors and a JSON description into one safetensors file, under a temporary name that is then renamed."""
    from safetensors.torch import save

    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data = save(flat, metadata={"synthem": json.dumps(about)})
    write_through(path, lambda temporary: temporary.write_bytes(data))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and description of a file of `write_tensors`.

    Raises:
        SynthemError: no such file, a damaged one, or one that something else wrote.
    """
    with _opened(path) as (file, about):
        return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118 (not a mapping)


def read_about(path: Path) -> dict[str, Any]:
    """Only the description of a file of `write_tensors`; see `read_tensors`."""
    with _opened(path) as (_, about):
        return about


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            about = (file.metadata() or {}).get("synthem")
            if about is None:
                raise SynthemError(f"{path}: isn't a file of synthem; name one that `synthem train` wrote")
            yield file, json.loads(about)
    except FileNotFoundError:
        raise SynthemError(f"{path}: there is no such file; name one that `synthem train` wrote") from None
    except (SafetensorError, OSError, RuntimeError, json.JSONDecodeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise SynthemError(f"{path}: is damaged ({reason}); delete it and train again") from None


def save_model(
    path: Path,
    model: nn.Module,
    spec: ModelSpec,
    channels: int,
    classes: Classes,
    extra: Mapping[str, Any],
    first: StoredModel | None = None,
) -> None:
    """Write a model's weights with all that is needed to build it again, its first model's too; see `load_model`."""
    write_model(path, StoredModel(model, spec, channels, classes, extra, first))


def write_model(path: Path, stored: StoredModel) -> None:
    """`save_model` of the same in one."""
    write_tensors(path, stored.model.state_dict(), stored.about())


def load_model(path: str | Path, device: torch.device | str = "cpu") -> StoredModel:
    """Read a model's file; the model is in evaluation mode.

    Raises:
        SynthemError: no such file, or one that is damaged or isn't a model's.
    """
    path = Path(path)
    tensors, about = read_tensors(path)
    if "model" not in about:
        raise SynthemError(f"{path}: holds no model; name a run's model.safetensors")
    stored = _built(about)
    try:
        stored.model.load_state_dict(tensors)
    except RuntimeError:
        raise SynthemError(f"{path}: its weights don't fit {stored.spec}; delete it and train again") from None
    stored.model.to(device).eval()
    return stored


def _built(about: Mapping[str, Any]) -> StoredModel:
    """A model as its file describes it, with weights that mean nothing yet."""
    spec, classes = ModelSpec.parse(about["model"]), Classes.from_json(about["classes"])
    channels, first = int(about["channels"]), about.get("first") and _built(about["first"])
    model = build_model(spec, channels, len(classes), pretrained=False, first=first)
    return StoredModel(model, spec, channels, classes, about["extra"], first)
