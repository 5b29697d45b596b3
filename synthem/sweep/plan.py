"""The plan of a sweep: which runs there are, what determines each, and where things lie.

`sweep.json` holds the plan and nothing that changes while runs are done, so a sweep goes on from its folder alone, on
another machine too. Whether a run is done, its own folder tells.

    sweep.json        the plan
    data/, mixes/     prepared datasets and mixes, named by what determines them
    weights/          what trainings begin with that no run of the sweep made
    runs/ID/          one training and its evaluation; see `synthem.sweep.runs`
    results.parquet   one row for each point, class and pooling; see `synthem.sweep.table`
    table.csv         scores of each cell with their intervals

`data`, `mixes`, `weights` and `runs` lie in the sweep's folder, or in a store that several sweeps share.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synthem.errors import SynthemError
from synthem.models import ModelSpec
from synthem.models.files import write_json

FILE = "sweep.json"
RUN_VERSION = 1
"""Raised whenever the same mix, settings and seed give another score: older runs are then no longer taken for new."""

STARTS = ("init", "first")
"""Settings of a training that name a run or a model to begin with."""
RUNS, WEIGHTS = "runs", "weights"
"""Folders of the store: of runs, and of weights that runs begin with."""
TRAINING = "training"
"""Folder of the training in a run's."""

_WHERE = ("device", "compile", "batch")
_LATER = ("classes", "first", "snapshots", "resolutions", "segments")
"""Settings that count only where they are used, so that runs from before they were there keep their names."""


@dataclass(frozen=True)
class LayerSet:
    """Whole layers of one dataset."""

    folder: str
    """Of the dataset, relative to the store."""
    names: tuple[str, ...]
    nm_per_px: float | None
    """Pixel size that they are brought to."""
    pixels: int
    """Of all of them, at that size; for the estimate of time."""
    fingerprint: str
    """Of the dataset's pixels."""

    def identity(self) -> dict[str, Any]:
        """What counts of it: not where it lies."""
        return {k: v for k, v in asdict(self).items() if k not in ("folder", "pixels")}


@dataclass(frozen=True)
class Item:
    """One run: all that a machine needs to train and score it."""

    mix: str
    """Folder of the mix, relative to the store."""
    mix_fingerprint: str
    windows: int
    """In the mix."""
    window: int
    """Side of a window, px."""
    model: Mapping[str, Any]
    training: Mapping[str, Any]
    validation: LayerSet | None
    choose_thresholds: bool
    """On the validation layers."""
    test: LayerSet
    evaluation: Mapping[str, Any]
    stand_in: bool
    """Whether the layers are synthetic ones that stand in for real ones."""
    also: tuple[str, ...] = ()
    """What is scored beside the test layers: `training`, `validation`."""

    @property
    def id(self) -> str:
        """16 hexadecimal digits of everything that determines the result; the same wherever the folders lie."""
        training = {k: v for k, v in self.training.items() if k not in _WHERE[:2]}
        for name in STARTS:
            training[name] = Path(training.get(name, "")).name  # a run's id, or the fingerprint of weights
        content = {
            "version": RUN_VERSION,
            "mix": self.mix_fingerprint,
            "model": dict(self.model),
            "training": _used(training),
            "validation": self.validation and self.validation.identity(),
            "choose_thresholds": self.choose_thresholds,
            "test": self.test.identity(),
            **({"also": sorted(self.also)} if self.also else {}),
            "evaluation": _used({k: v for k, v in self.evaluation.items() if k not in _WHERE}),
        }
        return digest(content)

    @property
    def after(self) -> list[str]:
        """Ids of the runs that it begins with; they come before it."""
        starts = [Path(self.training.get(name, "")) for name in STARTS]
        return [start.name for start in starts if start.parent == Path(RUNS)]

    def settings(self, store: Path) -> dict[str, Any]:
        """Of its training, with the places of what it begins with."""
        found = dict(self.training)
        for name in STARTS:
            start = Path(found.get(name, ""))
            if start.name:
                found[name] = str(store / start / TRAINING if start.parent == Path(RUNS) else store / start)
        return found

    def built(self, store: Path) -> ModelSpec:
        """Its model, with the place of the weights that its encoder begins with."""

        def place(weights: str) -> str:
            return str(store / weights) if weights.startswith(f"{WEIGHTS}/") else weights

        return ModelSpec.parse(self.model).placed(place)

    def to_json(self) -> dict[str, Any]:
        """`from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Item:
        """An item as `to_json` wrote it."""

        def layers(part: Mapping[str, Any]) -> LayerSet:
            return LayerSet(**{**part, "names": tuple(part["names"])})

        validation = content["validation"] and layers(content["validation"])
        parts = {"validation": validation, "test": layers(content["test"]), "also": tuple(content.get("also", ()))}
        return cls(**{**content, **parts})


def _used(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value or name not in _LATER}


@dataclass(frozen=True)
class Entry:
    """One point of the grid."""

    at: Mapping[str, Any]
    """Label by axis."""
    run: str | None
    """Id of its run; several points may share one. None where it can't be trained."""
    reason: str = ""
    """Why it can't be."""

    def __str__(self) -> str:
        return " ".join(f"{name}={'none' if label is None else label}" for name, label in self.at.items())


@dataclass(frozen=True)
class Plan:
    """An opened sweep."""

    folder: Path
    about: Mapping[str, Any]
    """`name`, `title`, `description`, `quick`, `axes` (labels by name), `report` (see `study.Page`), `data` (what was
    prepared, with fingerprints), `notes`, and `study`, all settings in full."""
    store: Path
    entries: Sequence[Entry]
    items: Mapping[str, Item]
    """By id; earlier stages before later ones."""

    @classmethod
    def open(cls, folder: str | Path) -> Plan:
        """Open the folder of a sweep.

        Raises:
            SynthemError: there is none, or its plan is damaged.
        """
        folder = Path(folder)
        path = folder / FILE
        if not path.is_file():
            raise SynthemError(f"{folder}: holds no sweep; name a folder that `synthem sweep` wrote")
        try:
            content = json.loads(path.read_text())
            items = {key: Item.from_json(item) for key, item in content.pop("items").items()}
            entries = [Entry(**entry) for entry in content.pop("entries")]
            store = Path(os.path.normpath(folder / content.pop("store")))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SynthemError(f"{path}: is damaged; run `synthem sweep` with the study again") from None
        return cls(folder, content, store, entries, items)

    def write(self) -> None:
        """Write `sweep.json`."""
        store = Path(os.path.relpath(self.store.resolve(), self.folder.resolve())).as_posix()
        entries = [asdict(entry) for entry in self.entries]
        items = {key: item.to_json() for key, item in self.items.items()}
        write_json(self.folder / FILE, {**self.about, "store": store, "entries": entries, "items": items})

    def run_folder(self, run: str) -> Path:
        """Of a run, by its id."""
        return self.store / RUNS / run

    def label(self, run: str) -> str:
        """Of a run: its first point of the grid, or that of what it is an earlier stage of."""
        for entry in self.entries:
            if entry.run == run:
                return str(entry) or str(self.about["name"])
        later = next(key for key, item in self.items.items() if run in item.after)
        return f"before {self.label(later)}"

    @property
    def waves(self) -> list[list[str]]:
        """Ids of the runs: those that begin with no other, those that begin with them, and so on."""
        depth: dict[str, int] = {}
        for key, item in self.items.items():  # in an order in which what is begun with comes first
            depth[key] = 1 + max((depth[other] for other in item.after), default=-1)
        return [[key for key in self.items if depth[key] == d] for d in range(max(depth.values(), default=-1) + 1)]

    @property
    def axes(self) -> dict[str, list[Any]]:
        """Labels by name of the axis."""
        return dict(self.about["axes"])

    @property
    def repeats(self) -> list[str]:
        """Axes whose points repeat one cell."""
        return [name for name in self.axes if name in self.about["report"]["repeats"]]

    def cells(self) -> list[list[Entry]]:
        """Entries that differ in repeats only, in the grid's order."""
        found: dict[tuple[Any, ...], list[Entry]] = {}
        for entry in self.entries:
            found.setdefault(tuple(v for k, v in entry.at.items() if k not in self.repeats), []).append(entry)
        return list(found.values())


def digest(content: Any) -> str:
    """16 hexadecimal digits of a JSON value."""
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).hexdigest()
