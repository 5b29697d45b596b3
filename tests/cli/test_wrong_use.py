"""Each command used wrongly, as a new user would: one line with the place and the remedy, exit code 2, nothing left."""

from __future__ import annotations

import shlex
from pathlib import Path

import making
import pytest

from synthem.cli import run
from synthem.curate.mix import Mix, mix
from synthem.train import TrainConfig, train

WRONG = {
    "generate": [
        ("nope", "recipe 'nope': there is none; known are"),
        ("epfll", "did you mean 'epfl'?"),
        ("missing.yaml", "missing.yaml: there is no such file"),
        ("nothing.yaml", "nothing.yaml: holds nothing; write what differs"),
        ("list.yaml", "list.yaml: write a mapping of parameters"),
        ("broken.yaml", "broken.yaml: no valid YAML in line 2"),
        ("--n -3 --out new", "--n: -3 tiles; it can't be below 0"),
        ("--size 12 --out new", "--size: '12': height and width lie between 64 and 4096 px"),
        ("--size wide --out new", "--size: 'wide' is no size; write 256 or 768x1024"),
        ("--nm-per-px 0 --out new", "--nm-per-px: input should be greater than or equal to 0.5"),
        ("--nm-per-px nan --out new", "--nm-per-px: input should be a finite number"),
        ("--axons many --out new", "--axons many: no count; write 3, 0, 3..3 or 0..3"),
        ("--axons 5..2 --out new", "--axons 5..2: low (5) is above high (2); swap them"),
        ("--axons 99999999 --out new", "count: goes up to 1e+08; it can't be above 1e+06"),
        ("--workers -2 --n 1 --out new", "--workers: -2; name 1 or more, or 0 for every usable core"),
        ("--seed 99999999999999999999999 --out new", "--seed: 99999999999999999999999 doesn't fit into 64 bits"),
        ("--set radius --out new", "--set radius: write PATH=VALUE"),
        ("--set optics.psf=9 --out new", "optics.psf: no parameter 'psf'; there are psf_nm"),
        ("--set organelles.axon=3 --out new", "organelles.axon: no parameter 'axon'; see `synthem recipe show`"),
        ("--set optics.psf_nm=-3 --out new", "optics.psf_nm: goes down to -3; it can't be below 0"),
        ("--out file", "file: is a file; name a folder"),
        ("--out file/new --n 1", "file/new: a part of it is a file; name another folder"),
        ("--out other", "other: holds something else (x.txt, …)"),
        ("--out real", "real: its dataset has another"),
    ],
    "preview": [
        ("nope", "recipe 'nope': there is none"),
        ("no/folder", "no/folder: there is no such folder"),
        ("empty", "empty: holds no dataset of synthem; name one that synthem wrote, or hub:me/name"),
        ("tiles --out other", "--out other: is a folder; name a file such as sheet.png"),
        ("tiles --out sheet.jpg", "--out sheet.jpg: is no PNG; name a file such as sheet.png"),
        ("tiles --axons 3", "--axons: is for recipes, and tiles is drawn already; leave it out"),
        ("tiles --set optics.psf_nm=3", "--set: is for recipes"),
        ("hub:me", "hub:me: 'me' is no name on the Hub; write me/name"),
    ],
    "repaint": [
        ("nope --recipe ac4 --out new", "nope: there is no such folder"),
        ("real --recipe ac4 --out new", "real: holds no scenes"),
        ("mix --recipe ac4 --out new", "mix: is a mix; name a dataset"),
        ("tiles --recipe nope --out new", "--recipe 'nope': there is none; known are"),
    ],
    "recipe": [
        ("show nope", "recipe 'nope': there is none"),
        ("show --set a.b=2", "a.b: no 'a'; see `synthem recipe show`"),
        ("schema axn", "no organelle 'axn'; did you mean 'axon'?"),
    ],
    "import": [
        ("nope --out new", "nope: there is no such file or folder"),
        ("file --out new", "file: is no descriptor, folder, stack"),
        ("empty --out new", "empty: holds no folders of pictures"),
        ("list.yaml --out new", "list.yaml: holds no table of keys"),
    ],
    "export": [
        ("nope --format coco --out new", "nope: there is no such folder"),
        ("tiles --format cocoo --out new", "--format 'cocoo': there is none; did you mean 'coco'?"),
        ("tiles --format coco --out other", "other: holds something already"),
        ("mix --format coco --out new", "mix: is a mix; name a dataset, or make the mix with --copy"),
    ],
    "stats": [
        ("file", "file: is a file, not the folder of a dataset"),
        ("tiles --split nope", "tiles: no split 'nope'; it has train"),
        ("tiles --out file", "file: is a file; name a folder"),
    ],
    "check": [
        ("nope", "nope: there is no such folder"),
        ("tiles --gap -1", "--gap -1: 0 or more slices"),
        ("tiles --skip speks", "did you mean 'speck'?"),
    ],
    "split": [
        ("real --out new", "give either --sizes, such as train=0.8,validation=0.2, or --folds"),
        ("real --sizes many --out new", "--sizes 'many': write train=15"),
        ("real --sizes train=20,test=20 --out new", "--sizes: 40 layers asked for, there are"),
        ("real --folds 99 --out new", "--folds 99: from 2 to"),
        ("real --sizes train=1,test=1 --of nope --out new", "no split 'nope' to divide"),
        ("real --sizes train=1,test=1 --out other", "other: holds something already"),
    ],
    "corrupt": [
        ("real --out new", "name at least one error, such as --grow 2"),
        ("real --grow -2 --out new", "--grow -2: 0 to 200 px"),
        ("real --shift 99999 --out new", "--shift 99999: 0 to 200 px"),
        ("real --leave-out 2 --out new", "--leave-out 2: 0 to 1"),
        ("real --grow 2 --classes axn --out new", "class 'axn': there is none; did you mean 'axon'?"),
        ("real --grow 2 --to axon --out new", "--to axon: says what swapped objects are taken for"),
    ],
    "mix": [
        ("--out new", "a mix needs a source; name one with --real or --synthetic"),
        ("--real-layers 3 --out new", "--real-layers 3: there is no real dataset; name one with --real"),
        (
            "--n-synthetic 3 --real real --out new",
            "--n-synthetic 3: there is no synthetic dataset; name one with --synthetic",
        ),
        ("--real nope --out new", "nope: there is no such folder"),
        ("--real real --real-layers 99 --window 64 --out new", "--real-layers 99: real has"),
        ("--real real --real-layers nope --window 64 --out new", "--real-layers nope: no such layer or selection"),
        ("--real real --window 512 --out new", "holds no window of 512 px; take a smaller --window or --edge pad"),
        ("--real real --window 0 --out new", "--window 0: must be at least 1 px each way"),
        ("--real real --window 64 --stride 0 --out new", "--stride 0: must be at least 1 px"),
        ("--synthetic tiles --n-synthetic 99 --window 64 --out new", "--n-synthetic 99: the synthetic datasets hold"),
        ("--real real --window 64 --total 9 --out new", "--total: belongs to --mode fixed-total"),
        ("--real real --window 64 --until axon --out new", "--until axon=: say how many of which class"),
        ("--real real --window 64 --present axn --out new", "class 'axn': there is none; did you mean 'axon'?"),
        ("--real real --window 64 --min-area axon=99999 --out new", "no window of the real layers passes --present"),
        ("--real real --window 64 --balance nope --out new", "--balance 'nope': neither a rule"),
        ("--real real --window 64 --stride 32 --out mix", "mix: holds another mix"),
        ("--real real --window 64 --out tiles", "tiles: holds something else"),
    ],
    "train": [
        ("nope --out new", "nope: there is no such folder"),
        ("mix --model tiny-unt --out new", "--model 'tiny-unt': there is none; did you mean 'tiny-unet'?"),
        ("mix --epochs 0 --out new", "--epochs 0: must be 1 or more"),
        ("mix --lr -1 --out new", "--lr -1.0: must be above 0"),
        ("mix --loss dise --out new", "--loss 'dise': there is none; did you mean 'dice'?"),
        ("mix --init nope --out new", "--init nope: holds no trained model"),
        ("mix --device gpu --out new", "--device 'gpu': there is none"),
        ("mix --val nowhere --steps 1 --out new", "--val nowhere: is no folder, and real: no split 'nowhere'"),
        ("mix --val-layers a --out new", "--val-layers: name the dataset that holds them with --val"),
        ("mix --steps 1 --out other", "other: holds something else"),
    ],
    "evaluate": [
        ("nope --on real --out new", "nope: holds no training; name a folder that `synthem train` wrote"),
        ("mix --on real --out new", "mix: holds no training"),
        ("run --on nope --out new", "nope: there is no such folder"),
        ("run --on real --split nope --out new", "real: no split 'nope'; it has train"),
        ("run --on real --nm-per-px -5 --out new", "--nm-per-px -5: a pixel size is above 0"),
        ("run --on real --window 999 --out new", "--window 999: larger than the layers"),
        ("run --on real --window 64 --stride 99 --out new", "--stride 99: larger than the window of 64x64 px"),
        ("run --on real --threshold 2 --out new", "--threshold 2.0: must be between 0 and 1"),
        ("run --on real --thresholds-split a --out new", "--thresholds-split: name the dataset that has it"),
        ("run --on real --window 64 --overlays axn --out new", "class 'axn': there is none; did you mean 'axon'?"),
    ],
    "sweep": [
        ("quickstrt --out new", "study 'quickstrt': there is none; did you mean 'quickstart'?"),
        ("nothing.yaml --out new", "nothing.yaml: holds nothing; write what differs"),
        ("quickstart", "--out: name the folder of the sweep"),
        ("list.yaml --out new", "list.yaml: write a mapping of parameters"),
        ("quickstart --engine ray --out new", "ray"),
    ],
    "report": [
        ("nope --out page.html", "nope: "),
        ("tiles --out page.html", "tiles: holds no sweep"),
        ("nope --out page.txt", "--out page.txt: is no HTML page; name a file such as report.html"),
        ("empty --out page.html", "empty: holds no sweep"),
    ],
    "publish": [
        ("nope --to me/tiles --dry-run new", "nope: there is no such folder"),
        ("tiles --to tiles --dry-run new", "--to: 'tiles' is no name on the Hub; write me/name"),
        ("tiles --to me/tiles --tag a~b --dry-run new", "--tag 'a~b': is no name of a tag; write v1"),
        ("tiles --to me/tiles --licence nope --dry-run new", "--licence nope: not among those known to allow copies"),
        ("tiles --to me/tiles --dry-run other", "other: holds something"),
    ],
    "doctor": [("--timeout -1", "--timeout -1: ")],
}
CASES = [(f"{command} {line}", told) for command, held in WRONG.items() for line, told in held]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wrong")
    making.layers(place / "real", ("a", "b"))
    making.tiles(place / "tiles", 3)
    mix(place / "mix", real=place / "real", window=64, stride=64)
    train(Mix.open(place / "mix").samples(), None, "tiny-unet:widths=4-8", TrainConfig(steps=1), place / "run")
    (place / "empty").mkdir()
    (place / "other").mkdir()
    (place / "other" / "x.txt").write_text("x")
    (place / "file").write_text("x")
    (place / "nothing.yaml").write_text("")
    (place / "list.yaml").write_text("- 1\n")
    (place / "broken.yaml").write_text("a: [\n")
    return place


@pytest.mark.parametrize(("line", "told"), CASES, ids=[line for line, _ in CASES])
def test_one_line_and_nothing_left(
    line: str, told: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    before = sorted(place.rglob("*"))
    assert run(shlex.split(line)) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    assert told in shown.err
    assert shown.err.count("\n") == 1
    assert not shown.out
    assert sorted(place.rglob("*")) == before
