"""Evaluations in a folder: what they hold, their faults, overlays, other resolutions."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learnable import TWO, discs
from PIL import Image
from pyarrow import parquet
from torch import Tensor, nn

from synthem.classes import Classes
from synthem.errors import SynthemError
from synthem.evaluate import (
    Counts,
    EvaluateConfig,
    Evaluation,
    counts_at,
    evaluate,
    overlay,
    predict_layers,
    score_tables,
    segment_confusion,
)
from synthem.models.machine import Machine
from synthem.tiles.samples import Samples
from synthem.train import Run, train

CPU = Machine(torch.device("cpu"), bfloat16=False)
SMALL = EvaluateConfig(window=32, precision="float32")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    config = {"epochs": 40, "batch": 4, "lr": 1e-2, "loss": "dice+bce", "precision": "float32"}
    folder = tmp_path_factory.mktemp("evaluate") / "run"
    return train(discs(8), None, "tiny-unet:widths=8-16-16,dropout=0", config, folder)


def layers(n: int = 3, seed: int = 5) -> Samples:
    return discs(n, 64, seed=seed, width=96)


def test_counts_and_scores_are_those_of_the_stitched_prediction(run: Run, tmp_path: Path) -> None:
    samples = layers()
    done = evaluate(run, samples, tmp_path / "out", SMALL, overlays=["dark"])
    found = np.stack(list(predict_layers(run.load().model, samples, window=32, machine=CPU))) >= 0.5
    true = samples.masks.astype(bool)
    counts = done.counts
    assert counts.layers == tuple(samples.groups)
    assert counts.classes == TWO.names
    assert np.array_equal(counts.tp, (found & true).sum((2, 3)))
    assert np.array_equal(counts.fp, (found & ~true).sum((2, 3)))
    assert np.array_equal(counts.fn, (~found & true).sum((2, 3)))
    assert np.array_equal(counts.tn, (~found & ~true).sum((2, 3)))
    dark = 2 * (found & true)[:, 1].sum() / (found[:, 1].sum() + true[:, 1].sum())
    assert done.result["pooled"]["dark"]["dice"] == pytest.approx(dark)
    assert done.result["confusion"][0][1] == (found[:, 0] & true[:, 1]).sum()
    assert dark > 0.8
    table = parquet.read_table(tmp_path / "out" / "metrics.parquet").to_pylist()
    assert len(table) == 6
    assert table[3]["layer"] == "layer0001"
    assert table[3]["class"] == "dark"
    assert table[3]["tp"] == counts.tp[1, 1]
    with Image.open(tmp_path / "out" / "overlays" / "layer0002-dark.png") as picture:
        assert np.array_equal(np.asarray(picture), overlay(samples.images[2, 0], found[2, 1], true[2, 1]))
    assert {p.name for p in (tmp_path / "out" / "overlays").iterdir()} == {f"layer000{i}-dark.png" for i in range(3)}


def test_a_class_that_is_absent_and_not_predicted_has_no_score(run: Run, tmp_path: Path) -> None:
    samples = layers(1)
    blank = replace(samples, images=np.full_like(samples.images, 128), stored=np.zeros_like(samples.stored))
    done = evaluate(run, blank, tmp_path / "out", replace(SMALL, threshold=0.999))
    assert done.result["pooled"]["dark"] == {
        "dice": None, "iou": None, "precision": None, "recall": None, "f1": None, "accuracy": 1.0,
    }  # fmt: skip
    assert done.result["mean"]["dark"]["dice"] is None


def test_thresholds_are_chosen_on_validation_layers_only(run: Run, tmp_path: Path) -> None:
    val, test = layers(2, seed=7), layers(2, seed=8)
    done = evaluate(run, test, tmp_path / "out", SMALL, val=val)
    chosen = done.result["thresholds"]
    assert all(0 < value < 1 for value in chosen.values())
    other = evaluate(run, layers(1, seed=9), tmp_path / "other", SMALL, val=val)
    assert other.result["thresholds"] == chosen
    best = evaluate(run, val, tmp_path / "best", SMALL)
    at = {name: evaluate(run, val, tmp_path / name, replace(SMALL, threshold=t)) for name, t in chosen.items()}
    for name in TWO.names:
        assert at[name].result["pooled"][name]["dice"] >= best.result["pooled"][name]["dice"]
    both = replace(test, images=np.concatenate([test.images[:1], val.images[1:]]))
    with pytest.raises(SynthemError, match="layer layer0001 is also scored; choose thresholds on other layers"):
        evaluate(run, both, tmp_path / "leak", SMALL, val=val)


def test_a_finished_evaluation_is_found_done_and_another_refused(run: Run, tmp_path: Path) -> None:
    first = evaluate(run, layers(), tmp_path / "out", SMALL)
    seen: list[int] = []
    again = evaluate(run.folder, layers(), tmp_path / "out", replace(SMALL, batch=2), advance=seen.append)
    assert again.result == first.result
    assert seen == []
    with pytest.raises(SynthemError, match="holds another evaluation"):
        evaluate(run, layers(seed=6), tmp_path / "out", SMALL)
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "thesis.txt").write_text("mine")
    with pytest.raises(SynthemError, match="holds something else"):
        evaluate(run, layers(), tmp_path / "else", SMALL)


CODE = """
import sys
sys.path.insert(0, sys.argv[3])
from learnable import discs
from synthem.evaluate import EvaluateConfig, evaluate
config = EvaluateConfig(window=32, precision="float32")
evaluate(sys.argv[1], discs(3, 64, seed=5, width=96), sys.argv[2], config, overlays=["all"],
         advance=lambda n: print("layer", flush=True))
"""


def test_a_killed_evaluation_is_done_again(run: Run, tmp_path: Path) -> None:
    tests = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", CODE, str(run.folder), str(tmp_path / "out"), tests]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={"OMP_NUM_THREADS": "1"})
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with pytest.raises(SynthemError, match="holds no finished evaluation"):
        Evaluation.open(tmp_path / "out")
    done = evaluate(run, layers(), tmp_path / "out", SMALL, overlays=["all"])
    fresh = evaluate(run, layers(), tmp_path / "fresh", SMALL, overlays=["all"])
    assert done.result == fresh.result
    names = {p.relative_to(tmp_path / "fresh") for p in (tmp_path / "fresh").rglob("*")}
    assert {p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*")} == names


def test_a_table_that_cannot_be_written_leaves_no_result(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parquet, "write_table", full)
    with pytest.raises(OSError, match="No space left"):
        evaluate(run, layers(), tmp_path / "out", SMALL)
    assert list((tmp_path / "out").iterdir()) == []
    monkeypatch.undo()
    assert evaluate(run, layers(), tmp_path / "out", SMALL).result["layers"]


def test_damaged_results_are_one_line(run: Run, tmp_path: Path) -> None:
    done = evaluate(run, layers(1), tmp_path / "out", SMALL)
    (tmp_path / "out" / "metrics.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(SynthemError, match=r"metrics\.parquet: is damaged or missing"):
        _ = done.counts
    (tmp_path / "out" / "result.json").write_text("{")
    with pytest.raises(SynthemError, match=r"result\.json: is damaged"):
        Evaluation.open(tmp_path / "out")


def test_classes_are_matched_by_name(run: Run, tmp_path: Path) -> None:
    samples = layers(2)
    whole = evaluate(run, samples, tmp_path / "whole", SMALL)
    other = Classes(("nucleus", "dark"), storage="index")
    masks = np.stack([np.zeros_like(samples.masks[:, 1]), samples.masks[:, 1]], 1)
    renamed = Samples(samples.images, np.stack([other.pack(m) for m in masks]), other, samples.known, samples.groups)
    done = evaluate(run, renamed, tmp_path / "renamed", SMALL)
    assert done.result["pooled"]["dark"] == whole.result["pooled"]["dark"]
    assert not done.counts.known[:, 0].any()
    assert done.result["pooled"]["bright"]["accuracy"] is None
    assert done.result["confusion"][0] == [0, 0]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"window": 100}, "window 100: larger than the layers of 64x96 px"),
        ({"threshold": 1.0}, "threshold=1.0: must be between 0 and 1"),
        ({"batch": 0}, "batch=0: must be 1 or more"),
        ({"window": 32.0}, "window=32.0: must be a whole number"),
        ({"window": 32, "stride": 48}, "stride=48: larger than the window of 32x32 px leaves gaps"),
        ({"blend": "smoth"}, "did you mean 'smooth'"),
        ({"precision": "fp16"}, "precision 'fp16': there is none"),
    ],
)
def test_bad_settings_are_one_line_and_leave_no_folder(
    run: Run, tmp_path: Path, settings: dict[str, Any], line: str
) -> None:
    with pytest.raises(SynthemError, match=line):
        evaluate(run, layers(1), tmp_path / "out", EvaluateConfig(**settings))
    assert not (tmp_path / "out").exists()


def test_layers_that_do_not_fit_the_model_are_one_line(run: Run, tmp_path: Path) -> None:
    samples = layers(1)
    nothing = replace(samples, images=samples.images[:0], stored=samples.stored[:0], known=samples.known[:0])
    colour = replace(samples, images=samples.images.repeat(3, axis=1))
    strange = replace(samples, classes=Classes(("a", "b")))
    cases = ((nothing, "no layers"), (colour, "3 channels for a model of 1"), (strange, "the model knows bright, dark"))
    for given, line in cases:
        with pytest.raises(SynthemError, match=line):
            evaluate(run, given, tmp_path / "out", SMALL)
    with pytest.raises(SynthemError, match="class 'axon': there is none"):
        evaluate(run, samples, tmp_path / "out", SMALL, overlays=["axon"])
    with pytest.raises(SynthemError, match="holds no training"):
        evaluate(tmp_path, samples, tmp_path / "out", SMALL)


def test_overlay_colours() -> None:
    image = np.full((1, 4), 100, np.uint8)
    predicted, true = np.array([[True, True, False, False]]), np.array([[True, False, True, False]])
    found = overlay(image, predicted, true)
    assert found.shape == (1, 4, 3)
    assert found[0].argmax(1).tolist()[:3] == [1, 0, 2]
    assert found[0, 3].tolist() == [100, 100, 100]
    assert np.array_equal(overlay(np.stack([image] * 3), predicted, true), found)


def test_json_of_a_result_is_strict(run: Run, tmp_path: Path) -> None:
    done = evaluate(run, layers(1), tmp_path / "out", SMALL)

    def refuse(name: str) -> None:
        raise AssertionError(name)

    assert json.loads((done.folder / "result.json").read_text(), parse_constant=refuse) == done.result


class GreyLevel(nn.Module):
    """One class where it is brighter than the middle grey."""

    def forward(self, images: Tensor) -> Tensor:
        return (images - 0.5) * 50


def test_scores_at_other_resolutions() -> None:
    one = Classes(("a",))
    mask = np.zeros((32, 48), np.uint8)
    mask[8:24, 8:24] = 1
    samples = Samples(mask[None, None] * np.uint8(255), mask[None], one, np.ones((1, 1), bool), ["x"])

    def at(r1: int, r2: int) -> Counts:
        return counts_at(GreyLevel(), samples, r1, r2, machine=CPU)

    assert (at(32, 32).tp.item(), at(32, 32).fp.item(), at(32, 32).fn.item()) == (256, 0, 0)
    assert at(16, 16).tp.item() == 64
    assert at(16, 16).tn.item() == 16 * 24 - 64
    # Twice as high: bilinear interpolation spreads the mask by one pixel on each side, and any value above 0 counts.
    doubled = at(32, 64)
    assert (doubled.tp.item(), doubled.fp.item(), doubled.fn.item()) == (34 * 34, 0, 0)
    half = at(16, 32)
    assert half.tp.item() == 256
    assert half.fp.item() == 18 * 18 - 256


def test_other_resolutions_and_segments_stand_beside_the_scores(run: Run, tmp_path: Path) -> None:
    samples, pairs = layers(2), ((48, 64), (64, 32), (16, 16))
    plain = evaluate(run, samples, tmp_path / "plain", SMALL)
    done = evaluate(run, samples, tmp_path / "out", replace(SMALL, resolutions=pairs, segments=True))
    assert done.counts.tp.tolist() == plain.counts.tp.tolist()
    assert done.result["pooled"] == plain.result["pooled"]
    assert (plain.result["resolutions"], plain.result["segments"]) == ([], None)
    model = run.load().model
    for (r1, r2), held in zip(pairs, done.result["resolutions"], strict=True):
        expected = counts_at(model, samples, r1, r2, machine=CPU, window=32)
        assert (held["r1"], held["r2"]) == (r1, r2)
        assert held["pixels"]["dark"] == [int(n[:, 1].sum()) for n in (expected.tp, expected.fp, expected.fn)]
        assert held["pooled"] == score_tables(expected)["pooled"]
        assert np.array_equal(done.counts_at((r1, r2)).fn, expected.fn)
    found = np.stack(list(predict_layers(model, samples, window=32, machine=CPU))) >= 0.5
    table = sum(segment_confusion(p, t, k) for p, t, k in zip(found, samples.masks > 0, samples.known, strict=True))
    assert done.result["segments"] == {"classes": ["bright", "dark", "none"], "confusion": np.asarray(table).tolist()}
    with pytest.raises(SynthemError, match=r"has no counts at \(1, 2\)"):
        done.counts_at((1, 2))
    for wrong, line in (((0, 5), "must be 1 px or more"), ((5,), "give pairs of px")):
        with pytest.raises(SynthemError, match=line):
            EvaluateConfig(resolutions=(wrong,))  # type: ignore[arg-type]
