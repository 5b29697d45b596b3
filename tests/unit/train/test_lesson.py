"""Training in two stages: a cascade, and classifiers of the segments that a first model finds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learnable import discs

from synthem.errors import SynthemError
from synthem.evaluate import EvaluateConfig, evaluate
from synthem.models import load_model
from synthem.models.machine import Machine
from synthem.models.segments import SegmentClassifier
from synthem.models.store import read_tensors
from synthem.train import Run, train
from synthem.train.lesson import squares_of

QUICK: dict[str, Any] = {"epochs": 3, "batch": 8, "lr": 1e-2, "precision": "float32", "device": "cpu"}
CNN, SIAMESE = "segment-cnn:widths=8-16,side=24", "segment-siamese:widths=8-16,side=24,shots=3"
CPU = Machine(torch.device("cpu"), bfloat16=False)
SCORED = EvaluateConfig(window=32, precision="float32", device="cpu")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One class for both kinds of disc."""
    config = {**QUICK, "epochs": 60, "batch": 4, "loss": "dice+bce", "classes": {"disc": ["bright", "dark"]}}
    model = "tiny-unet:widths=8-16,dropout=0"
    return train(discs(8), None, model, config, tmp_path_factory.mktemp("first") / "run")


@pytest.mark.parametrize("model", [CNN, SIAMESE])
def test_segments_are_told_apart_and_scored_as_pixels(model: str, first: Run, tmp_path: Path) -> None:
    config = {**QUICK, "epochs": 40, "loss": "bce", "first": str(first.folder), "augment": "study"}
    run = train(discs(16), discs(4, 64, seed=3), model, config, tmp_path / "run")
    assert min(run.history[-1]["validation_dice"].values()) > 0.9
    done = evaluate(run, discs(3, 64, seed=5, width=96), tmp_path / "out", SCORED)
    assert min(done.result["pooled"][name]["dice"] for name in ("bright", "dark")) > 0.6
    table = np.array(done.result["segments"]["confusion"])
    assert table.shape == (3, 3)
    assert np.diag(table)[:2].sum() > 0.8 * table.sum()
    expected = evaluate(first, discs(3, 64, seed=5, width=96), tmp_path / "first", SCORED).counts
    assert (done.counts.tp + done.counts.fp).sum() <= (expected.tp + expected.fp).sum()


def test_squares_are_the_segments_with_the_class_of_most_of_their_pixels(first: Run, tmp_path: Path) -> None:
    run = train(discs(4), None, CNN, {**QUICK, "first": str(first.folder)}, tmp_path / "run")
    model = run.load().model
    assert isinstance(model, SegmentClassifier)
    samples = discs(5, 64, seed=4)
    squares, true = squares_of(model, samples, "none", CPU)
    assert run.summary["samples"] == len(squares_of(model, discs(4), "none", CPU)[0])
    assert squares.images.shape == (len(true), 2, 24, 24)
    assert set(true.tolist()) >= {0, 1}
    for image, mask, c in zip(squares.images, squares.masks, true, strict=True):
        assert mask.sum() == (24 * 24 if c < 2 else 0)
        assert c == 2 or mask[c].all()
        grey = image[0][image[1] == 255].mean()
        assert c == 2 or (grey > 128) == (c == 0)
    unknown = replace(samples, known=np.array([[True, False]] * 5), stored=samples.stored & 1)
    assert 2 not in squares_of(model, unknown, "none", CPU)[1]


@pytest.mark.parametrize("model", ["cascade:second=(tiny-unet:widths=4-8,dropout=0.2)", CNN, SIAMESE])
def test_an_interrupted_run_in_two_stages_ends_the_same(model: str, first: Run, tmp_path: Path) -> None:
    config = {**QUICK, "batch": 2, "first": str(first.folder), "snapshots": [0, 0.5], "keep": "best"}
    samples, val = discs(5), discs(2, seed=1)
    whole = train(samples, val, model, config, tmp_path / "whole")
    seen = 0

    def advance(n: int) -> None:
        nonlocal seen
        seen += n
        if seen >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(samples, val, model, config, tmp_path / "cut", advance=advance)
    cut = train(samples, val, model, config, tmp_path / "cut")
    assert whole.history == cut.history
    assert whole.weights.read_bytes() == cut.weights.read_bytes()
    assert whole.at(0.5).weights.read_bytes() == cut.at(0.5).weights.read_bytes()


def test_a_run_in_two_stages_needs_its_first_run_no_more(first: Run, tmp_path: Path) -> None:
    copy = tmp_path / "first.safetensors"
    copy.write_bytes(first.weights.read_bytes())
    model = "cascade:second=(tiny-unet:widths=4-8)"
    run = train(discs(4), None, model, {**QUICK, "first": str(copy)}, tmp_path / "run")
    copy.unlink()
    held, before = read_tensors(run.weights)[0], read_tensors(first.weights)[0]
    assert all(torch.equal(tensor, held[f"first.{name}"]) for name, tensor in before.items())
    assert evaluate(run, discs(2), tmp_path / "out", SCORED).result["classes"] == ["bright", "dark"]
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    assert load_model(moved / "model.safetensors").first is not None
    again = train(discs(4), None, model, {**QUICK, "first": str(first.folder)}, moved)
    assert again.summary == run.summary


def test_a_first_run_that_can_not_serve_is_one_line(first: Run, tmp_path: Path) -> None:
    colour = replace(discs(4), images=discs(4).images.repeat(3, axis=1))
    blank = replace(discs(2), images=np.full_like(discs(2).images, 128))
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (discs(4), {"first": ""}, "is built on a trained first model"),
        (discs(4), {"first": str(tmp_path / "gone")}, "first .*gone: holds no trained model"),
        (discs(4), {"contrast": "clahe"}, "was trained with contrast=none, not clahe"),
        (discs(4), {"nm_per_px": 10.0}, "was trained with nm_per_px=None, not 10"),
        (colour, {}, "first sees 1 channels, not 3"),
        (blank, {}, "the first model finds no segments"),
    ]
    for samples, changes, line in cases:
        with pytest.raises(SynthemError, match=line) as caught:
            train(samples, None, CNN, {**QUICK, "first": str(first.folder), **changes}, tmp_path / "run")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "run").exists()
