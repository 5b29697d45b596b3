"""How long the rest of a sweep takes: from its finished runs where there are any, else from a few steps."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from synthem.errors import SynthemError
from synthem.models import ModelSpec
from synthem.models.machine import Machine
from synthem.sweep.plan import Item, Plan
from synthem.sweep.runs import mixed, result
from synthem.train import TrainConfig, train
from synthem.train.schedule import epochs_and_steps

_FEW, _MORE = 2, 8
"""Steps of the two short trainings whose difference is measured: what happens once a training falls out of it. What
happens once a process falls on a training before them.
"""


_FORWARD = 1 / 3
"""Time of a prediction as a share of a training step on as many pixels."""


def cost(item: Item) -> float:
    """Work of a run: pixels that it trains on, and those that it predicts at their share."""
    epochs, _, total = epochs_and_steps(TrainConfig.parse(item.training), item.windows)
    trained = total * min(item.training["batch"], item.windows) * item.window**2
    window, stride = item.evaluation["window"], item.evaluation["stride"]
    overlap = (window / stride) ** 2 if window and stride else 4.0 if window else 1.0
    times = (1 + len(item.training.get("snapshots", ()))) * (1 + len(item.evaluation.get("resolutions", ())))
    predicted = item.test.pixels * overlap * times * (4 if item.evaluation["flips"] else 1)
    predicted += item.windows * item.window**2 * overlap if "training" in item.also else 0
    if item.validation is not None:
        predicted += item.validation.pixels * overlap if "validation" in item.also else 0
        predicted += item.validation.pixels * epochs / item.training["validate_every"]
    return float(trained + _FORWARD * predicted)


def steps(item: Item) -> int:
    """Training steps of a run that isn't stopped early."""
    return epochs_and_steps(TrainConfig.parse(item.training), item.windows)[2]


def estimate(plan: Plan, todo: Iterable[str], device: str = "auto") -> float:
    """Seconds that some runs take one after the other on this machine.

    For each model the mean of its finished runs on this machine counts; where it has none, a few steps are trained. A
    run that fails even then takes no time: it must not keep the others from being done.

    Raises:
        SynthemError: none of the runs can be trained.
    """
    rates = _rates(plan, device)
    seconds, fault = 0.0, None
    for run in todo:
        item = plan.items[run]
        key = _key(item.model)
        try:
            if key not in rates:
                rates[key] = _measure(plan, _measurable(plan, item), device)
            seconds += rates[key] * cost(item)
        except (SynthemError, RuntimeError) as error:  # torch's, such as out of memory
            fault = fault or error
    if fault and not rates:
        raise fault
    return seconds


def duration(seconds: float) -> str:
    """For a person: `40 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 36 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // (24 * 60)} d {round(minutes / 60) % 24} h"


def _rates(plan: Plan, device: str) -> dict[str, float]:
    """Seconds a pixel of training, by model, from the finished runs on this machine."""
    seconds: dict[str, list[float]] = {}
    for run, item in plan.items.items():
        found = result(plan.run_folder(run))
        machine = str(Machine.pick(device, item.training["precision"]))
        if found is not None and found["training"]["machine"] == machine:
            seconds.setdefault(_key(item.model), []).append(found["seconds"] / cost(item))
    return {key: sum(rates) / len(rates) for key, rates in seconds.items()}


def _measurable(plan: Plan, item: Item) -> Item:
    """The run itself; while the one that its model is built on isn't trained, that one instead."""
    if item.training.get("first") and item.after:
        return _measurable(plan, plan.items[item.after[0]])
    return item


def _measure(plan: Plan, item: Item, device: str) -> float:
    _, samples = mixed(plan.store / item.mix)
    batch = min(item.training["batch"], len(samples))
    few = dataclasses.replace(
        samples,
        images=samples.images[: batch * _MORE],
        stored=samples.stored[: batch * _MORE],
        known=samples.known[: batch * _MORE],
        groups=(),
    )
    settings = {**item.training, "device": device, "schedule": "constant", "keep": "last", "patience": 0}
    settings |= {"init": "", "first": item.settings(plan.store).get("first", ""), "snapshots": ()}
    took: list[float] = []
    pixels = batch * item.window**2
    with tempfile.TemporaryDirectory(prefix="synthem-") as scratch:
        for i, n in enumerate((_FEW, _FEW, _MORE)):
            run = train(few, None, _fresh(item.model), {**settings, "steps": n}, Path(scratch) / str(i))
            took.append(run.summary["seconds"])
    return float(max(took[2] - took[1], 1e-3) / ((_MORE - _FEW) * pixels))


def _fresh(model: Mapping[str, Any]) -> dict[str, Any]:
    """The model without weights from elsewhere: they may be out of reach, and take no time in a step."""
    return ModelSpec.parse(model).placed(lambda weights: "none").to_json()


def _key(model: Mapping[str, Any]) -> str:
    return json.dumps(_fresh(model), sort_keys=True)
