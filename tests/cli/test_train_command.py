"""`synthem train` and `synthem evaluate` as commands."""

from __future__ import annotations

import json
from pathlib import Path

import making
import pytest

from synthem.cli import run
from synthem.curate.mix import mix
from synthem.evaluate import Evaluation

QUICK = ["--model", "tiny-unet:widths=4-8", "--epochs", "2", "--batch", "4", "--device", "cpu"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    splits = ["train", "train", "val", "test"]
    making.layers(folder / "real", ("a", "b", "v", "t"), splits=splits)
    making.tiles(folder / "tiles", 6)
    mix(folder / "mix", real=folder / "real", real_layers="a,b", synthetic=folder / "tiles", window=64, stride=64)
    mix(
        folder / "coarse", real=folder / "real", real_layers="a,b", window=32, stride=32, nm_per_px=10, balance="axon=3"
    )
    return folder


def test_from_a_mix_to_scores(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, scored = str(tmp_path / "run"), str(tmp_path / "scored")
    command = ["train", str(folder / "mix"), *QUICK, "--val", str(folder / "real"), "--val-layers", "v", "--out", out]
    assert run(command) == 0
    shown = capsys.readouterr().out
    assert f"{out}: 2 epochs, 6 steps" in shown
    assert "Dice in validation: axon" in shown

    assert run([*command, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["epochs"], summary["samples"], summary["folder"]) == (2, 14, out)
    assert set(summary["last"]["validation_dice"]) >= {"axon", "psd"}

    command = ["evaluate", out, "--on", str(folder / "real"), "--split", "test", "--window", "64", "--out", scored]
    assert run([*command, "--overlays", "axon", "--device", "cpu"]) == 0
    shown = capsys.readouterr().out
    assert f"{scored}: 1 layers" in shown
    assert "membrane" in shown
    assert (tmp_path / "scored" / "overlays" / "t-axon.png").exists()
    assert run([*command, "--overlays", "axon", "--device", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["layers"] == ["t"]


def test_a_run_remembers_pixel_size_and_weights_of_its_mix(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, scored = str(tmp_path / "run"), str(tmp_path / "scored")
    assert run(["train", str(folder / "coarse"), *QUICK, "--val", "val", "--out", out]) == 0
    config = json.loads((tmp_path / "run" / "run.json").read_text())["config"]
    assert config["nm_per_px"] == 10
    assert config["class_weights"]["axon"] == pytest.approx(3 * config["class_weights"]["psd"])
    assert (
        run(["evaluate", out, "--on", str(folder / "real"), "--layers", "v,t", "--window", "32", "--out", scored]) == 0
    )
    capsys.readouterr()
    chosen = ["--thresholds-on", str(folder / "real"), "--thresholds-split", "val", "--split", "test", "--json"]
    on = ["--on", str(folder / "real"), "--window", "32"]
    assert run(["evaluate", out, *on, *chosen, "--out", str(tmp_path / "chosen")]) == 0
    assert json.loads(capsys.readouterr().out)["layers"] == ["t"]
    counts = json.loads((tmp_path / "scored" / "result.json").read_text())
    assert counts["layers"] == ["v", "t"]
    table = Evaluation.open(scored).counts
    assert (table.tp + table.fp + table.fn + table.tn == 64 * 80).all()


def test_models_in_two_stages_on_other_classes_and_kept_on_the_way(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, scored = (str(tmp_path / name) for name in ("first", "second", "scored"))
    mix, real = str(folder / "mix"), str(folder / "real")
    assert run(["train", mix, *QUICK, "--classes", "organelle=axon+psd", "--out", first]) == 0
    two = ["--model", "cascade:second=(tiny-unet:widths=4-8)", "--first", first, "--classes", "axon,psd"]
    assert run(["train", mix, *QUICK, *two, "--snapshots", "0,0.5", "--out", second]) == 0
    on = ["--on", real, "--split", "test", "--window", "64", "--device", "cpu"]
    capsys.readouterr()
    more = ["--at", "0.5", "--resolutions", "32:64,64:64", "--segments"]
    assert run(["evaluate", second, *on, *more, "--out", scored]) == 0
    assert "Dice at (32, 64): axon" in capsys.readouterr().out
    assert run(["evaluate", second, *on, *more, "--out", scored, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["share"], summary["classes"]) == (0.5, ["axon", "psd"])
    assert [(other["r1"], other["r2"]) for other in summary["resolutions"]] == [(32, 64), (64, 64)]
    assert summary["segments"]["classes"] == ["axon", "psd", "none"]
    assert run(["evaluate", second, *on, "--resolutions", "32", "--out", scored]) == 2
    assert "write R1:R2 in px" in capsys.readouterr().err
    assert run(["evaluate", second, *on, "--at", "0.7", "--out", scored]) == 2
    assert "kept are 0, 0.5" in capsys.readouterr().err


def test_a_second_run_starts_from_the_first(folder: Path, tmp_path: Path) -> None:
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    assert run(["train", str(folder / "tiles"), *QUICK, "--out", first]) == 0
    arguments = ["--init", first, "--freeze", "encoder.*", "--augment", "study,noise=0.05", "--loss", "dice+bce"]
    assert (
        run(["train", str(folder / "mix"), *QUICK, *arguments, "--class-weights", "axon=2,psd=3", "--out", second]) == 0
    )
    config = json.loads((tmp_path / "second" / "run.json").read_text())["config"]
    assert config["class_weights"] == {"axon": 2.0, "psd": 3.0}
    assert config["augment"]["noise"] == 0.05


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--model", "tiny-unett"], "did you mean 'tiny-unet'"),
        (["--loss", "dise"], "did you mean 'dice'"),
        (["--augment", "studdy"], "did you mean 'study'"),
        (["--class-weights", "axon"], "write axon=3,psd=2"),
        (["--class-weights", "nerve=1"], "class weight of 'nerve'"),
        (["--val", "holiday"], "no split 'holiday'"),
        (["--val-layers", "v"], "name the dataset that holds them with --val"),
        (["--device", "cuda:99"], "device cuda:99"),
        (["--keep", "best"], "watches the validation loss"),
        (["--init", "nowhere"], "init nowhere: holds no trained model"),
        (["--epochs", "0"], "must be 1 or more"),
        (["--snapshots", "half"], "write 0,0.25,0.5,1"),
        (["--classes", "organelle=nerve"], "classes: class 'nerve': there is none"),
        (["--model", "cascade"], "is built on a trained first model"),
    ],
)
def test_errors_of_train_are_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    assert run(["train", str(folder / "mix"), *QUICK, *arguments, "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_errors_of_evaluate_are_one_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained = str(tmp_path / "run")
    assert run(["train", str(folder / "tiles"), *QUICK, "--out", trained]) == 0
    capsys.readouterr()
    cases = [
        ([trained, "--on", str(folder / "real"), "--window", "999"], "window 999: larger than the layers"),
        ([trained, "--on", str(folder / "real"), "--split", "exam"], "no split 'exam'"),
        ([trained, "--on", str(folder / "gone")], "there is no such folder"),
        ([str(folder), "--on", str(folder / "real")], "holds no training"),
        ([trained, "--on", str(folder / "real"), "--overlays", "nerve"], "class 'nerve'"),
    ]
    for arguments, line in cases:
        assert run(["evaluate", *arguments, "--device", "cpu", "--out", str(tmp_path / "out")]) == 2
        error = capsys.readouterr().err
        assert line in error
        assert error.count("\n") == 1
        assert not (tmp_path / "out").exists()
