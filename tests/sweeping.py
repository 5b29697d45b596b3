"""Tiny studies for tests: drawn layers that pass for real ones, axon tiles, a model of a few weights, a few steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import making

from synthem.evaluate import EvaluateConfig
from synthem.models import ModelSpec
from synthem.recipe import merge
from synthem.sweep import Plan, Study, prepare
from synthem.sweep.plan import Item, LayerSet
from synthem.train import TrainConfig

TRAIN, VALIDATE, TEST = ("a", "b"), ("v",), ("s", "t")


_LAYERS = LayerSet("data/real", ("s", "t"), 10.0, 1000, "f1")
ITEM = Item(
    mix="mixes/m",
    mix_fingerprint="f2",
    windows=10,
    window=32,
    model=ModelSpec.parse("tiny-unet").to_json(),
    training=TrainConfig().to_json(),
    validation=replace(_LAYERS, names=("v",)),
    choose_thresholds=False,
    test=_LAYERS,
    evaluation={**vars(EvaluateConfig()), "resolutions": []},
    stand_in=False,
)
"""A run as a plan describes it; what it names needn't exist."""


def layers(folder: Path) -> Path:
    """A dataset of five drawn layers: two to train on, one to validate on, two to test on."""
    making.layers(
        folder,
        (*TRAIN, *VALIDATE, *TEST),
        (64, 80),
        splits=["train"] * 3 + ["test"] * 2,
        order=list(TRAIN),
        selections={"validate": list(VALIDATE)},
    )
    return folder


def content(layers_at: Path, **over: Any) -> dict[str, Any]:
    """A study as YAML gives it, with other values merged over it."""
    tiny: dict[str, Any] = {
        "name": "tiny",
        "real": {"data": str(layers_at), "layers": 1},
        "synthetic": {"recipe": "axons", "set": {"size": 64}},
        "mix": {"window": 32, "stride": 32},
        "model": "tiny-unet:widths=4-4-8",
        "training": {"steps": 4, "batch": 2, "precision": "float32"},
        "validation": {"layers": "validate"},
        "evaluation": {"window": 32, "precision": "float32"},
        "grid": {"training.seed": [0, 1], "synthetic.n": [0, 2]},
    }
    return merge(tiny, over)


def plan(layers_at: Path, out: Path, *, store: Path | None = None, **over: Any) -> Plan:
    """A prepared study; see `content`."""
    return prepare(Study.build(content(layers_at, **over)), out, store=store)
