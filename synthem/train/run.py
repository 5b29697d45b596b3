"""The folder of a training: what identifies it, its checkpoint, and what it ends with.

    run.json                what determines the result; a folder with another one is refused
    checkpoint.safetensors  weights, the optimizer's state and the history after the last finished epoch
    best.safetensors        weights of the best epoch so far, where those are kept
    snapshots/0.25.safetensors  the model after a quarter of the planned steps, for each share that was asked for
    model.safetensors       the weights that the run ended with; `synthem.models.load_model` reads them
    curves.parquet, .csv    learning curves, one row an epoch; the same as plots in curves.png, .svg
    training.json           written last: the run is finished

No state of a random generator is stored: every epoch draws from streams of its own number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from synthem.errors import SynthemError
from synthem.models import StoredModel, load_model
from synthem.models.files import locked, write_json
from synthem.models.store import read_tensors, write_tensors

SNAPSHOTS = "snapshots"


@dataclass(frozen=True)
class Run:
    """A finished training."""

    folder: Path
    identity: Mapping[str, Any]
    """Of `run.json`: model, channels, classes, configuration, fingerprints of the samples."""
    summary: Mapping[str, Any]
    """Of `training.json`: epochs, steps, seconds, where and with what it was computed, the history, and `scores`: every
    score of each class in `train` and `validation` at the epoch that was kept."""
    share: float | None = None
    """Share of the planned steps after which `load` takes the model; None: the model that the run ended with."""

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """Open the folder of a finished training.

        Raises:
            SynthemError: no such folder, no training in it, or an unfinished one.
        """
        folder = Path(folder)
        if not (folder / "run.json").is_file():
            raise SynthemError(f"{folder}: holds no training; name a folder that `synthem train` wrote")
        if not (folder / "training.json").is_file():
            raise SynthemError(f"{folder}: its training isn't finished; run the same `synthem train` again")
        return cls(folder, _read(folder / "run.json"), _read(folder / "training.json"))

    @property
    def history(self) -> list[dict[str, Any]]:
        """One row for each epoch: loss, and Dice and counts (tp, fp, fn, tn) of each class, in training and
        validation."""
        return list(self.summary["history"])

    @property
    def snapshots(self) -> tuple[float, ...]:
        """Shares of the planned steps after which the model was kept, in order."""
        asked = self.identity["config"].get("snapshots", ())
        return tuple(share for share in asked if snapshot_file(self.folder, share).is_file())

    def at(self, share: float) -> Run:
        """The same run as it was after a share of the planned steps.

        Raises:
            SynthemError: the model of that moment wasn't kept.
        """
        if share not in self.snapshots:
            kept = ", ".join(f"{s:g}" for s in self.snapshots) or "none"
            raise SynthemError(f"{self.folder}: keeps no model at {share:g} of the steps; kept are {kept}")
        return replace(self, share=share)

    @property
    def weights(self) -> Path:
        """The file of the model."""
        return self.folder / "model.safetensors" if self.share is None else snapshot_file(self.folder, self.share)

    def load(self, device: torch.device | str = "cpu") -> StoredModel:
        """The model, in evaluation mode."""
        return load_model(self.weights, device)


def snapshot_file(folder: Path, share: float) -> Path:
    """Of the model of a run's folder after a share of the planned steps."""
    return folder / SNAPSHOTS / f"{float(share)!r}.safetensors"


def check_folder(folder: Path, identity: Mapping[str, Any]) -> None:
    """Refuse a folder that isn't this run's.

    Raises:
        SynthemError: it holds another run or something else.
    """
    declared = folder / "run.json"
    if declared.is_file():
        different = _difference(_read(declared), json.loads(json.dumps(identity)))
        if different:
            raise SynthemError(f"{folder}: holds a run with another {different}; name another folder or delete it")
    elif folder.exists() and (not folder.is_dir() or any(not p.name.startswith(".") for p in folder.iterdir())):
        raise SynthemError(f"{folder}: holds something else; name an empty or a new folder")


@contextmanager
def claimed(folder: Path, identity: Mapping[str, Any]) -> Iterator[None]:
    """Make a checked folder this run's, and keep other processes of this machine out of it meanwhile.

    Raises:
        SynthemError: another process is in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".lock", f"{folder}: another process trains into it; wait for it, or name another folder"):
        write_json(folder / "run.json", identity)
        yield


@dataclass
class Progress:
    """How far a run has come: what a checkpoint holds beside the tensors."""

    history: list[dict[str, Any]]
    seconds: float = 0.0


def save_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
    """Write all that is needed to go on after the last epoch of `progress`."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for i, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{i}.{key}": tensor for key, tensor in state.items()}
    write_tensors(path, tensors, {"history": progress.history, "seconds": progress.seconds})


def load_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
    """Fill model and optimizer from a checkpoint.

    Raises:
        SynthemError: it is damaged.
    """
    tensors, about = read_tensors(path)
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, i, key = name.split(".", 2)
            states.setdefault(int(i), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    try:
        model.load_state_dict({n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")})
        optimizer.load_state_dict({"state": states, "param_groups": groups})
        return Progress(about["history"], about["seconds"])
    except (RuntimeError, ValueError, KeyError):
        raise SynthemError(f"{path}: doesn't fit this run; delete it and train again") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (ValueError, OSError):
        raise SynthemError(f"{path}: is damaged; delete its folder and train again") from None


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any], place: str = "") -> str:
    """The first key that differs, as a dotted path; empty where none does."""
    for key in sorted({*found, *wanted}):
        a, b = found.get(key), wanted.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            inner = _difference(a, b, f"{place}{key}.")
            if inner:
                return inner
        elif a != b:
            return f"{place}{key}"
    return ""
