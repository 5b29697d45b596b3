"""One run of a sweep: train, evaluate, write down. It may be killed at any moment and done again.

runs/ID/training/     see `synthem.train.run`
runs/ID/test/         see `synthem.evaluate.evaluation`
runs/ID/snapshots/    the same of each model that was kept on the way: 0.25/, …
runs/ID/also/         the same of what it learned from, `training/`, or was watched on, `validation/`, where asked for
runs/ID/result.json   written last: the run is done; see `perform`
runs/ID/failed.json   instead of it: the line that says why
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from synthem.curate.mix import Mix
from synthem.errors import SynthemError
from synthem.evaluate import EvaluateConfig, Evaluation, evaluate
from synthem.models.files import locked, write_json
from synthem.models.store import read_tensors
from synthem.sweep.plan import RUNS, TRAINING, Item, LayerSet, Plan
from synthem.tiles.samples import Samples
from synthem.train import Run, train
from synthem.train.sources import open_layers
from synthem.version import versions

RESULT, FAILED = "result.json", "failed.json"
TEST, SNAPSHOTS, ALSO = "test", "snapshots", "also"


@dataclass(frozen=True)
class Perform:
    """The unit of a sweep: does one item, or finds it done."""

    store: Path
    device: str = "auto"
    threads: int | None = None
    """Of torch; None leaves them."""
    advance: Callable[[int], object] | None = None
    """Called with the number of training steps done since the last call."""

    def __call__(self, item: Item) -> dict[str, Any]:
        """The run's result."""
        if self.threads is not None:
            import torch

            torch.set_num_threads(self.threads)
        folder = self.store / RUNS / item.id
        with locked(folder / ".lock"):
            done = result(folder)
            return perform(item, self.store, folder, self.device, self.advance) if done is None else done


def perform(
    item: Item, store: Path, folder: Path, device: str = "auto", advance: Callable[[int], object] | None = None
) -> dict[str, Any]:
    """Train and evaluate into a folder, going on where an earlier call was killed; what is damaged is done again.

    Returns:
        What `result.json` holds: `mix` (what is in it), `training` (epochs, steps, seconds, parameters, machine),
        `evaluation` (layers, classes, thresholds, scores `pooled` and `mean`, `confusion`), `pixels` (tp, fp, fn of
        each class over all layers), `snapshots` (the last two with `at`, for each model kept on the way), `also` (the
        same by name, see `Item.also`), `seconds` of training and evaluation in all, `stand_in`, `versions`.

    Raises:
        SynthemError: what training or evaluation raise.
    """
    _discard_damaged(folder)
    (folder / FAILED).unlink(missing_ok=True)
    mix, samples = mixed(store / item.mix)
    if mix.fingerprint != item.mix_fingerprint:
        raise SynthemError(f"{mix.folder}: isn't the mix that was planned; delete it and sweep the study again")
    val = None if item.validation is None else _layers(store, item.validation)
    for before in item.after:
        _check_done(store / RUNS / before)
    settings = item.settings(store) | {"device": device}
    run = train(samples, val, item.built(store), settings, folder / TRAINING, advance=advance)
    began = time.monotonic()
    scored = _told(_evaluate(item, store, run, folder / TEST, device))
    snapshots = [
        {"at": share, **_told(_evaluate(item, store, run.at(share), folder / SNAPSHOTS / f"{share!r}", device))}
        for share in run.snapshots
    ]
    others = {"training": samples, "validation": val}
    also = {
        what: _told(_evaluate(item, store, run, folder / ALSO / what, device, layers=others[what]))
        for what in item.also
    }
    seconds = time.monotonic() - began
    found = {
        "mix": {"windows": len(mix), **mix.summary},
        "training": {k: v for k, v in run.summary.items() if k != "history"},
        **scored,
        "snapshots": snapshots,
        "also": also,
        "seconds": round(run.summary["seconds"] + seconds, 3),
        "stand_in": item.stand_in,
        "versions": {**versions(), "torch": run.summary["torch"]},
    }
    write_json(folder / RESULT, found)
    return found


def _told(evaluation: Evaluation) -> dict[str, Any]:
    counts = evaluation.counts
    pixels = counts.pooled()[:3]
    return {
        "evaluation": {k: v for k, v in evaluation.result.items() if k not in ("identity", "model", "machine")},
        "pixels": {name: [int(n[c]) for n in pixels] for c, name in enumerate(counts.classes)},
    }


def _check_done(before: Path) -> None:
    """Refuse a stage before that isn't there to begin with; one that is damaged is no longer done."""
    try:
        if result(before) is not None:
            read_tensors(before / TRAINING / "model.safetensors")
            return
        why = failure(before) or "it isn't done; sweep the study again"
    except SynthemError:
        (before / RESULT).unlink(missing_ok=True)
        why = "its model is damaged; sweep the study again"
    raise SynthemError(f"the stage before, run {before.name}: {why}")


def draw_overlays(item: Item, store: Path, folder: Path, name: str, layers: tuple[str, ...], device: str) -> None:
    """Overlays of one class on some of the test layers, into `pictures/CLASS` of a finished run."""
    shown = dataclasses.replace(item, test=dataclasses.replace(item.test, names=layers))
    place = folder / "pictures" / name
    with locked(folder / ".lock"):  # another sweep of the store may draw the same
        run = Run.open(folder / TRAINING)
        try:
            _evaluate(shown, store, run, place, device, (name,))
        except SynthemError:  # drawn for other layers, or damaged
            shutil.rmtree(place, ignore_errors=True)
            _evaluate(shown, store, run, place, device, (name,))


def result(folder: Path) -> dict[str, Any] | None:
    """The result of a run; None where it isn't done, or its result is damaged."""
    found = _read(folder / RESULT)
    return (
        found if found is not None and {"mix", "training", "evaluation", "pixels", "seconds"} <= found.keys() else None
    )


def failure(folder: Path) -> str:
    """Why a run failed; empty where it didn't."""
    found = _read(folder / FAILED)
    return "" if found is None else str(found.get("line", "unknown"))


def fail(folder: Path, line: str) -> None:
    """Write down that a run failed; a full disk isn't a second failure."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / FAILED, {"line": line})
    except OSError:
        return


def history(plan: Plan, run: str) -> list[dict[str, Any]]:
    """Learning curves of a finished run; see `synthem.train.run`."""
    return Run.open(plan.run_folder(run) / TRAINING).history


def _evaluate(
    item: Item,
    store: Path,
    run: Run,
    out: Path,
    device: str,
    overlays: tuple[str, ...] = (),
    layers: Samples | None = None,
) -> Evaluation:
    """On the test layers, or on others: then without other resolutions, and with the thresholds as they are given."""
    settings = {**item.evaluation, "device": device}
    if layers is not None:
        settings.pop("resolutions", None)
        narrow = (settings["window"] or 0) > min(layers.images.shape[-2:])
        return evaluate(run, layers, out, EvaluateConfig(**settings | ({"window": None} if narrow else {})))
    config = EvaluateConfig(**settings)
    val = _layers(store, item.validation) if item.choose_thresholds and item.validation is not None else None
    return evaluate(run, _layers(store, item.test), out, config, val=val, overlays=overlays)


@lru_cache(maxsize=1)
def mixed(folder: Path) -> tuple[Mix, Samples]:
    """A mix and its windows; the last one is kept, for neighbouring runs share it."""
    mix = Mix.open(folder)
    return mix, mix.samples()


@lru_cache(maxsize=4)
def _layers(store: Path, layers: LayerSet) -> Samples:
    return open_layers(store / layers.folder, None, layers.names, layers.nm_per_px)


def _discard_damaged(folder: Path) -> None:
    """Delete what can't be read, so that it is done again: all files appear whole, so damage came from outside."""
    training, tests = folder / TRAINING, [folder / TEST, *(folder / SNAPSHOTS).glob("*"), *(folder / ALSO).glob("*")]
    try:
        for path in training.rglob("*.safetensors"):
            read_tensors(path)
        if (training / "training.json").exists():
            Run.open(training).load()
        elif (training / "run.json").exists():
            json.loads((training / "run.json").read_text())
    except (SynthemError, ValueError, OSError):
        shutil.rmtree(training)
    if not (training / "training.json").exists():
        for test in tests:
            shutil.rmtree(test, ignore_errors=True)  # of weights that are gone
    for test in tests:
        try:
            if (test / "result.json").exists():
                Evaluation.open(test).counts  # noqa: B018 (reading it is the check)
        except (SynthemError, KeyError, TypeError):
            shutil.rmtree(test)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
