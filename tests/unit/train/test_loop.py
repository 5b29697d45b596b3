"""The training loop: it learns, repeats itself, goes on, starts from other weights, and refuses what can't work."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learnable import TWO, discs
from safetensors.torch import save_file

from synthem.classes import SIX, Classes
from synthem.errors import SynthemError
from synthem.models import build_model
from synthem.models.store import read_tensors
from synthem.tiles.samples import Samples
from synthem.train import Run, train, train_stages
from synthem.train.data import Resident, digest

TINY = "tiny-unet:widths=4-8-8,dropout=0.2"
QUICK = {"epochs": 3, "batch": 4, "lr": 1e-2}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def weights(run: Run) -> dict[str, torch.Tensor]:
    return read_tensors(run.folder / "model.safetensors")[0]


def same(a: Run, b: Run) -> bool:
    pairs = zip(weights(a).items(), weights(b).items(), strict=True)
    return a.history == b.history and all(m == n and torch.equal(x, y) for (m, x), (n, y) in pairs)


@pytest.mark.parametrize(
    ("loss", "epochs", "precision"), [("dice", 250, "float32"), ("dice+bce", 100, "bfloat16"), ("bce+iou", 100, "auto")]
)
def test_a_tiny_set_is_overfitted(tmp_path: Path, loss: str, epochs: int, precision: str) -> None:
    samples = discs(4)
    config = {"epochs": epochs, "loss": loss, "precision": precision, "augment": "none", "schedule": "cosine"}
    run = train(samples, samples, "tiny-unet:widths=8-16-16,dropout=0", QUICK | config, tmp_path / "run")
    assert min(run.history[-1]["validation_dice"].values()) > 0.98
    assert run.history[-1]["train_loss"] < 0.25 * run.history[0]["train_loss"]


def test_the_same_run_twice_and_another_seed(tmp_path: Path) -> None:
    samples, val = discs(9), discs(2, seed=1)
    config = QUICK | {"augment": "study,noise=0.05"}
    a, b = (train(samples, val, TINY, config, tmp_path / name) for name in "ab")
    assert same(a, b)
    c = train(samples, val, TINY, config | {"seed": 1}, tmp_path / "c")
    assert a.history[0]["train_loss"] != c.history[0]["train_loss"]


def test_boxes_of_other_samples_are_trained_on(tmp_path: Path) -> None:
    samples = discs(4)
    samples.known[2:, 1] = False
    pixels = []
    for augment in ("none", "none,cutmix=1"):
        run = train(samples, None, TINY, QUICK | {"epochs": 1, "augment": augment}, tmp_path / augment)
        tp, fp, fn, tn = run.history[0]["train_counts"]["dark"]
        pixels.append((tp + fn, tp + fp + fn + tn))
    (held, known), (held_mixed, known_mixed) = pixels
    assert (held, known) == (int(samples.classes.unpack(samples.stored[:2])[1].sum()), 2 * 48 * 48)
    assert held_mixed != held
    assert known_mixed < known


def test_training_leaves_torchs_random_state_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    train(discs(4), None, TINY, QUICK | {"epochs": 1}, tmp_path / "run")
    assert torch.equal(before, torch.get_rng_state())


def test_the_folder_holds_what_it_says(tmp_path: Path) -> None:
    run = train(discs(9), discs(2, 40, seed=1), TINY, QUICK, tmp_path / "run")
    names = {
        "run.json",
        "training.json",
        "model.safetensors",
        "curves.parquet",
        "curves.csv",
        "curves.png",
        "curves.svg",
    }
    assert {p.name for p in run.folder.iterdir()} == {*names, ".lock"}
    with (run.folder / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert float(rows[2]["validation_dice_dark"]) == pytest.approx(run.history[2]["validation_dice"]["dark"])
    tp, fp, fn, tn = run.history[2]["validation_counts"]["dark"]
    assert tp + fp + fn + tn == 2 * 40 * 40
    assert float(rows[2]["validation_iou_dark"]) == pytest.approx(tp / (tp + fp + fn))
    assert float(rows[1]["train_accuracy_dark"]) == pytest.approx(
        1 - sum(run.history[1]["train_counts"]["dark"][1:3]) / (8 * 48 * 48)
    )
    scores = run.summary["scores"]["validation"]["dark"]
    assert list(scores) == ["dice", "iou", "precision", "recall", "f1", "accuracy"]
    assert scores["recall"] == pytest.approx(tp / (tp + fn))
    assert (run.folder / "curves.svg").read_text().count("validation") >= 1
    assert (run.summary["epochs"], run.summary["steps"], run.summary["samples"]) == (3, 6, 9)
    stored = run.load()
    assert (stored.classes, stored.channels, stored.model.training) == (TWO, 1, False)


def test_a_finished_run_is_found_done(tmp_path: Path) -> None:
    run = train(discs(4), None, TINY, QUICK, tmp_path / "run")
    written = (run.folder / "model.safetensors").stat().st_mtime_ns
    steps: list[int] = []
    again = train(discs(4), None, TINY, QUICK | {"device": "cpu"}, tmp_path / "run", advance=steps.append)
    assert again.summary == run.summary
    assert steps == []
    assert (run.folder / "model.safetensors").stat().st_mtime_ns == written


@pytest.mark.parametrize("keep", ["last", "best"])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(tmp_path: Path, keep: str) -> None:
    samples, val = discs(9), discs(2, seed=1)
    config = QUICK | {"epochs": 4, "schedule": "plateau", "plateau_patience": 1, "keep": keep, "precision": "float32"}
    whole = train(samples, val, TINY, config, tmp_path / "whole")
    for stop in (1, 5, 7):
        seen = 0

        def advance(n: int, stop: int = stop) -> None:
            nonlocal seen
            seen += n
            if seen >= stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(samples, val, TINY, config, tmp_path / "cut", advance=advance)
        with pytest.raises(SynthemError, match="isn't finished"):
            Run.open(tmp_path / "cut")
    assert same(whole, train(samples, val, TINY, config, tmp_path / "cut"))


CODE = """
import json, sys
sys.path.insert(0, sys.argv[2])
from learnable import discs
from synthem.train import train
config = {"epochs": 5, "batch": 4, "lr": 1e-2, "augment": "study,noise=0.05", "snapshots": [0, 0.3, 0.6]}
run = train(discs(16), discs(2, seed=1), "tiny-unet:widths=4-8-8,dropout=0.2", config, sys.argv[1],
            advance=lambda n: print("step", flush=True))
print(json.dumps(run.history))
"""


def test_a_run_killed_in_the_middle_of_an_epoch_ends_with_the_same_metrics(tmp_path: Path) -> None:
    def start(folder: str) -> subprocess.Popen[str]:
        tests = str(Path(__file__).parents[2])
        command = [sys.executable, "-c", CODE, str(tmp_path / folder), tests]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"OMP_NUM_THREADS": "1"})

    def finish(folder: str) -> list[Any]:
        out, _ = start(folder).communicate(timeout=120)
        return list(json.loads(out.splitlines()[-1]))

    expected = finish("whole")
    for _ in range(2):
        process = start("killed")
        assert process.stdout is not None
        for i, _line in enumerate(process.stdout):
            if i == 7:  # the eighth line: past an epoch of 4 steps, inside another
                process.send_signal(signal.SIGKILL)
                break
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert (tmp_path / "killed" / "checkpoint.safetensors").exists()
    assert finish("killed") == expected
    pair = [read_tensors(tmp_path / name / "model.safetensors")[0] for name in ("whole", "killed")]
    assert all(torch.equal(pair[0][name], pair[1][name]) for name in pair[0])
    whole, killed = (Run.open(tmp_path / name) for name in ("whole", "killed"))
    for share in (0, 0.3, 0.6):
        assert whole.at(share).weights.read_bytes() == killed.at(share).weights.read_bytes()


def test_a_budget_in_steps_ends_inside_an_epoch(tmp_path: Path) -> None:
    run = train(discs(9), discs(2), TINY, QUICK | {"steps": 5}, tmp_path / "run")
    assert [row["step"] for row in run.history] == [2, 4, 5]
    assert run.history[-1]["validation_loss"] is not None


def test_early_stopping_and_the_best_epoch(tmp_path: Path) -> None:
    samples = discs(4)
    inverted = replace(samples, stored=samples.stored ^ 3)  # learning makes this validation worse
    config = QUICK | {"epochs": 60, "patience": 3, "keep": "best", "lr": 3e-2}
    run = train(samples, inverted, TINY, config, tmp_path / "run")
    losses = [row["validation_loss"] for row in run.history]
    assert len(losses) < 60
    assert run.summary["kept_epoch"] == int(np.argmin(losses)) + 1 == len(losses) - 3


def test_validation_takes_whole_layers_of_any_size(tmp_path: Path) -> None:
    run = train(discs(4), discs(3, 50, width=70, seed=1), TINY, QUICK | {"validate_every": 2}, tmp_path / "run")
    assert [row["validation_loss"] is None for row in run.history] == [True, False, False]


def test_stages_start_where_the_one_before_ended(tmp_path: Path) -> None:
    first, second = QUICK | {"epochs": 2}, QUICK | {"epochs": 1, "lr": 1e-12, "augment": "none"}
    run = train_stages([(discs(4), first), (discs(4, seed=1), second)], None, TINY, tmp_path)
    assert run.folder == tmp_path / "stage-2"
    before = weights(Run.open(tmp_path / "stage-1"))
    trained = [name for name in before if name.endswith(("weight", "bias"))]
    assert all(torch.allclose(before[name], weights(run)[name], atol=1e-8) for name in trained)
    with pytest.raises(SynthemError, match="there are no stages"):
        train_stages([], None, TINY, tmp_path)


def test_init_takes_the_whole_model_or_its_encoder(tmp_path: Path) -> None:
    source = weights(train(discs(4), None, TINY, QUICK, tmp_path / "source"))
    still = {"epochs": 1, "lr": 1e-12, "batch": 4, "init": str(tmp_path / "source"), "seed": 9}
    found = weights(train(discs(4), None, TINY, still | {"init_part": "encoder"}, tmp_path / "encoder"))
    fresh = build_model(TINY, 1, 2, seed=9).state_dict()
    name = "encoder.1.0.weight"
    assert torch.allclose(found[name], source[name], atol=1e-8)
    assert not torch.allclose(fresh[name], source[name])
    assert torch.allclose(found["head.weight"], fresh["head.weight"], atol=1e-8)
    with pytest.raises(SynthemError, match=r"doesn't fit this model"):
        train(discs(4), None, "tiny-unet:widths=4-8-16", still, tmp_path / "other")
    with pytest.raises(SynthemError, match="holds no trained model"):
        train(discs(4), None, TINY, still | {"init": str(tmp_path / "gone")}, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_frozen_parts_stay_as_they_were(tmp_path: Path) -> None:
    run = train(discs(4), None, TINY, QUICK | {"freeze": ["encoder.*"]}, tmp_path / "run")
    fresh, found = build_model(TINY, 1, 2).state_dict(), weights(run)
    moved = {name.split(".")[0] for name in fresh if not torch.equal(fresh[name], found[name])}
    assert moved == {"up", "decoder", "head"}
    for pattern, line in ((["encodr.*"], "names begin with decoder, encoder"), (["*"], "nothing is left to train")):
        with pytest.raises(SynthemError, match=line):
            train(discs(4), None, TINY, QUICK | {"freeze": pattern}, tmp_path / "other")


def test_a_loss_that_is_not_finite_names_its_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Resident.batch

    def poisoned(self: Resident, index: torch.Tensor) -> Any:
        images, masks, known = original(self, index)
        images[index == 5] = float("nan")
        return images, masks, known

    monkeypatch.setattr(Resident, "batch", poisoned)
    with pytest.raises(SynthemError, match=r"the loss is nan in epoch 1, step \d, on samples .*\b5\b") as caught:
        train(discs(8), None, TINY, QUICK, tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()


@pytest.mark.parametrize("harm", [b"", b"\xff" * 300, None])
def test_a_corrupted_checkpoint_is_one_line(tmp_path: Path, harm: bytes | None) -> None:
    def stop(n: int) -> None:
        if (tmp_path / "run" / "checkpoint.safetensors").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(discs(4), None, TINY, QUICK, tmp_path / "run", advance=stop)
    checkpoint = tmp_path / "run" / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100] if harm is None else harm)
    with pytest.raises(
        SynthemError, match=r"checkpoint\.safetensors: is damaged .*; delete it and train again"
    ) as caught:
        train(discs(4), None, TINY, QUICK, tmp_path / "run")
    assert "\n" not in str(caught.value)
    checkpoint.unlink()
    assert train(discs(4), None, TINY, QUICK, tmp_path / "run").summary["epochs"] == 3


def test_another_run_or_something_else_in_the_folder_is_refused(tmp_path: Path) -> None:
    train(discs(4), None, TINY, QUICK, tmp_path / "run")
    for other, line in (({"lr": 0.5}, "another config.lr"), ({"augment": "none"}, "another config.augment.flip_x")):
        with pytest.raises(SynthemError, match=line):
            train(discs(4), None, TINY, QUICK | other, tmp_path / "run")
    with pytest.raises(SynthemError, match="another samples"):
        train(discs(4, seed=3), None, TINY, QUICK, tmp_path / "run")
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "thesis.txt").write_text("mine")
    with pytest.raises(SynthemError, match="holds something else"):
        train(discs(4), None, TINY, QUICK, tmp_path / "else")
    (tmp_path / "run" / "training.json").write_text("{")
    with pytest.raises(SynthemError, match=r"training\.json: is damaged"):
        Run.open(tmp_path / "run")


def test_two_processes_do_not_train_into_one_folder(tmp_path: Path) -> None:
    tests = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", CODE, str(tmp_path / "run"), tests]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"OMP_NUM_THREADS": "1"})
    assert process.stdout is not None
    process.stdout.readline()
    config = {"epochs": 5, "batch": 4, "lr": 1e-2, "augment": "study,noise=0.05", "snapshots": [0, 0.3, 0.6]}
    try:
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(SynthemError, match="run: another process trains into it; wait for it, or name another"):
            train(discs(16), discs(2, seed=1), TINY, config, tmp_path / "run")
    finally:
        process.send_signal(signal.SIGCONT)
    process.communicate(timeout=120)
    assert train(discs(16), discs(2, seed=1), TINY, config, tmp_path / "run").summary["epochs"] == 5


def test_samples_that_do_not_fit_are_one_line(tmp_path: Path) -> None:
    samples = discs(4)
    none = replace(samples, images=samples.images[:0], stored=samples.stored[:0], known=samples.known[:0])
    colour = replace(samples, images=samples.images.repeat(3, axis=1))
    cases: list[tuple[Samples, Samples | None, dict[str, Any], str]] = [
        (none, None, {}, "training: there are no samples"),
        (samples, none, {}, "validation: there are no samples"),
        (samples, discs(2, classes=Classes(("a", "b"))), {}, "classes are a, b, those of training bright, dark"),
        (samples, colour, {}, "3 channels, in training 1"),
        (samples, None, {"keep": "best"}, "keep=best watches the validation loss"),
        (samples, None, {"patience": 3}, "patience watches"),
        (samples, None, {"class_weights": {"axon": 1}}, "class weight of 'axon'"),
        (samples, None, {"augment": "study,crop=64"}, "crop=64: larger"),
    ]
    for given, val, config, line in cases:
        with pytest.raises(SynthemError, match=line) as caught:
            train(given, val, TINY, QUICK | config, tmp_path / "run")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_unknown_classes_are_not_taught(tmp_path: Path) -> None:
    samples = discs(4)
    known = np.array([[True, False]] * 4)
    wrong = replace(samples, stored=samples.stored & 1, known=known)
    right = replace(samples, known=known)
    a = train(wrong, None, TINY, QUICK, tmp_path / "a")
    b = train(right, None, TINY, QUICK, tmp_path / "b")
    assert all(torch.equal(x, weights(b)[name]) for name, x in weights(a).items())
    assert a.history[-1]["train_dice"]["dark"] is None


def test_w_net_and_colour_train(tmp_path: Path) -> None:
    samples = discs(4)
    colour = replace(samples, images=samples.images.repeat(3, axis=1))
    config = QUICK | {"epochs": 60, "loss": "bce"}
    run = train(colour, colour, "wnet:widths=4-8,dropout=0", config, tmp_path / "run")
    assert run.load().channels == 3
    assert run.history[-1]["validation_loss"] < 0.5 * run.history[0]["validation_loss"]


def test_the_model_is_compiled_where_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def compiled(model: torch.nn.Module, mode: str) -> Any:
        asked.append(mode)
        return lambda images: model(images)

    monkeypatch.setattr(torch, "compile", compiled)
    a = train(discs(4), None, TINY, QUICK | {"compile": True, "device": "cpu"}, tmp_path / "a")
    b = train(discs(4), None, TINY, QUICK, tmp_path / "b")
    assert asked == ["default"]
    assert same(a, b)


def test_deterministic_mode_is_put_back(tmp_path: Path) -> None:
    train(discs(4), None, TINY, QUICK | {"deterministic": True}, tmp_path / "run")
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("classes", [SIX, Classes(SIX.names, storage="index"), Classes(tuple("abcdefghij"))])
def test_batches_on_the_device_are_the_samples(classes: Classes) -> None:
    masks = np.zeros((5, len(classes), 8, 9), bool)
    planes = np.random.default_rng(0).integers(0, len(classes) + 1, (5, 8, 9))
    for c in range(len(classes)):
        masks[:, c] = planes == c
    images = np.random.default_rng(1).integers(0, 256, (5, 1, 8, 9), dtype=np.uint8)
    known = np.random.default_rng(2).random((5, len(classes))) < 0.5
    samples = Samples(images, np.stack([classes.pack(m) for m in masks]), classes, known)
    data = Resident(samples, torch.device("cpu"))
    x, y, k = data.batch(torch.tensor([3, 1]))
    assert torch.equal(x, torch.from_numpy(images[[3, 1]] / np.float32(255)))
    assert torch.equal(y, torch.from_numpy(masks[[3, 1]].astype(np.float32)))
    assert torch.equal(k, torch.from_numpy(known[[3, 1]].astype(np.float32)))
    assert (len(data), data.pixels) == (5, 72)
    assert digest(samples) != digest(replace(samples, known=~known))


def test_windows_of_any_size_train(tmp_path: Path) -> None:
    run = train(discs(4, 42), None, "wnet:widths=4-4-8", {"steps": 2, "batch": 2}, tmp_path / "odd")
    (row,) = run.history
    assert sum(row["train_counts"]["bright"]) == 4 * 42 * 42  # what was added at the edge isn't learned from


def test_a_batch_too_small_for_batch_norm_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SynthemError, match=r"training: Expected more than 1 value .*; take larger windows"):
        train(discs(2, 20), None, "tiny-unet", {"steps": 1, "batch": 1, "augment": "none,crop=16"}, tmp_path / "one")


def test_weights_of_an_encoder_count_by_their_content_wherever_they_lie(tmp_path: Path) -> None:
    encoder = build_model("smp:Unet/mobilenet_v2", 3, 2).get_submodule("encoder").state_dict()
    for name in ("here", "there"):
        save_file(encoder, tmp_path / f"{name}.safetensors")
    out, settings = tmp_path / "run", {"steps": 1, "batch": 2}
    done = train(discs(2, 32), None, f"smp:Unet/mobilenet_v2:weights={tmp_path}/here.safetensors", settings, out)
    moved = train(discs(2, 32), None, f"smp:Unet/mobilenet_v2:weights={tmp_path}/there.safetensors", settings, out)
    assert moved.summary == done.summary


def test_a_last_step_that_breaks_the_weights_is_told(tmp_path: Path) -> None:
    settings = {"steps": 1, "batch": 2, "lr": 3e20, "weight_decay": 1e18, "optimizer": "adamw"}
    with pytest.raises(SynthemError, match=r"weights are no longer finite after epoch 1, step 1, on samples \d, \d;"):
        train(discs(2, 32), None, TINY, settings, tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()
