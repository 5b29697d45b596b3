"""From real layers to scores: a few steps, on layers of the training volume."""

from __future__ import annotations

from pathlib import Path

import making
import numpy as np
import pytest

from synthem.curate.mix import mix
from synthem.evaluate import EvaluateConfig, evaluate
from synthem.train import train
from synthem.train.sources import mix_settings, open_layers, open_samples

pytestmark = pytest.mark.real


def test_a_narrow_model_learns_mitochondria_in_a_few_steps(real_layers: Path, tmp_path: Path) -> None:
    names = ["training0047", "training0106", "training0076"]
    making.epfl(real_layers, tmp_path / "real", names)
    mix(tmp_path / "mix", real=tmp_path / "real", real_layers=",".join(names[:2]), window=128, stride=64, nm_per_px=10)
    config = {"steps": 60, "loss": "dice+bce", "schedule": "cosine", **mix_settings(tmp_path / "mix")}
    run = train(open_samples(tmp_path / "mix"), None, "tiny-unet-quarter", config, tmp_path / "run")
    held_out = open_layers(tmp_path / "real", names=names[2:], nm_per_px=10)
    done = evaluate(run, held_out, tmp_path / "out", EvaluateConfig(window=128))
    assert held_out.images.shape == (1, 1, 384, 512)
    scores = {name: row["dice"] for name, row in done.result["pooled"].items()}
    assert scores["membrane"] > 0.5
    assert scores["mitochondrion"] > 0.3
    assert np.array_equal(done.counts.known, np.ones((1, 6), bool))
