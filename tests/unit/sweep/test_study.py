"""Studies: what ships, how settings are put over them, and how faults are told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from synthem.errors import SynthemError
from synthem.models import ModelSpec
from synthem.sweep import Study
from synthem.sweep.planning import NOTHING, _empty
from synthem.sweep.reading import parse_change
from synthem.train import TrainConfig
from synthem.train.schedule import epochs_and_steps


def write(folder: Path, **content: object) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("name", ["ratio-axons", "ratio-axons-psds-vesicles"])
def test_the_ratio_studies_are_160_runs_of_the_studys_protocol(name: str) -> None:
    study = Study.load(name)
    assert len(study.setups) - sum(_empty(setup) for _, setup in study.setups) == 160
    first = study.setups[0][1]
    assert first.synthetic.recipe == name.removeprefix("ratio-")
    assert (first.mix.window, first.mix.stride, first.mix.nm_per_px) == (256, 64, None)
    assert first.model == ModelSpec.parse("tiny-unet").to_json()
    config = TrainConfig.parse(first.training)
    assert (config.epochs, config.steps, config.batch, config.lr, config.loss) == (100, None, 8, 5e-3, "dice")
    assert (config.optimizer, config.schedule) == ("adam", "constant")


def test_the_headline_trains_real_layers_alone_for_as_many_steps_as_the_mix() -> None:
    for quick, tiles in ((False, 300), (True, 210)):
        arms = {point.at["arm"]: setup for point, setup in Study.load("headline", quick=quick).setups}
        assert arms["mixed"].synthetic.n == tiles
        _, _, steps = epochs_and_steps(TrainConfig.parse(arms["mixed"].training), 585 + tiles)
        assert arms["real only, as many steps"].training["steps"] == steps
        assert arms["real only"].training["steps"] is None
        assert arms["real only"].training["epochs"] == arms["mixed"].training["epochs"]


def test_every_shipped_study_chooses_nothing_on_the_test_layers() -> None:
    for name in ("quickstart", "headline", "ratio-axons", "ratio-axons-psds-vesicles"):
        for _, setup in Study.load(name).setups:
            assert setup.test.split == "test"
            assert setup.validation is not None
            assert (setup.validation.layers, setup.validation.thresholds) == ("validate", False)
            assert setup.training["keep"] == "last"


@pytest.mark.parametrize("name", ["capacity", "label-bias", "losses", "skip-paths", "transfer", "two-stage"])
def test_the_other_studies_keep_the_test_layers_for_their_full_size(name: str) -> None:
    assert len(Study.load(name).trainings) > len(Study.load(name, quick=True).trainings)
    for _, stages in Study.load(name, quick=True).trainings:
        for setup in stages:
            drawn = setup.real.subsample is not None and setup.real.subsample.split == "train"
            assert drawn or setup.test.split is None


def test_quick_is_put_over_the_rest_and_changes_over_both(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        training={"epochs": 9, "lr": 0.1},
        quick={"training": {"epochs": 2}, "grid": {"training.seed": [7]}},
        grid={"training.seed": [0, 1], "synthetic.n": [0]},
    )
    assert Study.load(path).training["epochs"] == 9
    quick = Study.load(path, quick=True, changes={"training.lr": 0.2, "grid.synthetic.n": [1, 2]})
    assert (quick.training["epochs"], quick.training["lr"]) == (2, 0.2)
    assert {axis.name: axis.labels for axis in quick.axes} == {"training.seed": (7,), "synthetic.n": (1, 2)}


def test_a_study_extends_another(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("title: base\ntraining: {epochs: 3, lr: 0.1}\n")
    study = Study.load(write(tmp_path, extends="base.yaml", training={"lr": 0.2}))
    assert (study.name, study.title) == ("mine", "base")
    assert (study.training["epochs"], study.training["lr"]) == (3, 0.2)


def test_the_grid_reaches_models_recipes_and_augmentation() -> None:
    axes = {"model": ["tiny-unet"], "model.widths": [[4, 8]], "training.augment.noise": [0.1]}
    recipe = {"synthetic.set.organelles.axon.count": ["2..3"]}
    ((_, setup),) = Study.build({"grid": {**axes, **recipe}}).setups
    assert setup.model["widths"] == [4, 8]
    assert setup.training["augment"]["noise"] == 0.1
    assert setup.synthetic.set == {"organelles.axon.count": "2..3"}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"trainig": {}}, "trainig: no such key; did you mean 'training'?"),
        ({"mix": {"windw": 3}}, "mix.windw: no such key; did you mean 'window'?"),
        ({"training": {"epohcs": 3}}, "training: setting 'epohcs': there is none; did you mean 'epochs'?"),
        ({"training": 3}, "training: a mapping of settings is wanted"),
        ({"evaluation": {"flip": True}}, "evaluation: setting 'flip': there is none; did you mean 'flips'?"),
        ({"evaluation": {"window": "wide"}}, "evaluation: window='wide': must be a whole number"),
        ({"training": {"loss": "dise"}}, "loss 'dise': there is none; did you mean 'dice'?"),
        ({"model": "unet"}, "model 'unet': there is none; did you mean"),
        ({"synthetic": {"recipe": "dens"}}, "synthetic: recipe 'dens': there is none; did you mean 'dense'?"),
        ({"synthetic": {"set": {"organelles.axon.cont": 3}}}, "no parameter 'cont'"),
        ({"test": {"split": "test", "layers": "a"}}, "test: name either a split or layers"),
        ({"report": {"x": "synthetic.n"}, "grid": {"synthetic.seed": [0]}}, "report.x: axis of the grid 'synthetic.n'"),
        ({"grid": {"training.sed": [1]}}, "training: setting 'sed': there is none; did you mean 'seed'?"),
        ({"grid": {"real.stand_in.seed": [1]}}, "real.stand_in: has no settings, so no 'seed'"),
        ({"grid": {"training.lr": [-1]}}, r"grid training.lr=-1: training: lr=-1: must be above 0"),
    ],
)
def test_faults_name_file_and_key(tmp_path: Path, content: dict[str, object], fault: str) -> None:
    with pytest.raises(SynthemError) as caught:
        Study.load(write(tmp_path, **content))
    assert str(caught.value).startswith("mine")
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_studies_list_the_known() -> None:
    with pytest.raises(SynthemError, match="did you mean 'quickstart'"):
        Study.load("quikstart")
    with pytest.raises(SynthemError, match="no such file"):
        Study.load("nowhere/mine.yaml")


def test_quick_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(SynthemError, match="has no quick size"):
        Study.load(write(tmp_path, title="x"), quick=True)


def test_changes_of_the_command_line() -> None:
    assert parse_change("grid.training.seed=[0, 1]") == ("grid.training.seed", [0, 1])
    for text in ("training.lr", "=3", "a=[1"):
        with pytest.raises(SynthemError, match="--set"):
            parse_change(text)


def test_what_cannot_be_trained_is_known_before_anything_is_made() -> None:
    study = Study.build({"grid": {"real.layers": [0, 2], "synthetic.n": [0, 5]}})
    assert [_empty(setup) for _, setup in study.setups] == [True, False, False, False]
    assert "nothing to train on" in NOTHING


def test_places_are_tried_from_the_studys_folder_first(tmp_path: Path) -> None:
    folder = tmp_path / "deep"
    folder.mkdir()
    (folder / "tiles.yaml").write_text("extends: axons\n")
    (folder / "start.safetensors").write_bytes(b"")
    (folder / "dense").mkdir()  # a name is a name, whatever lies there
    path = write(
        folder,
        synthetic={"recipe": "tiles.yaml"},
        training={"init": "start.safetensors"},
        real={"data": "dense"},
        grid={"synthetic.recipe": ["tiles.yaml", "dense"]},
    )
    for (_, setup), recipe in zip(Study.load(path).setups, (str(folder / "tiles.yaml"), "dense"), strict=True):
        assert setup.synthetic.recipe == recipe
        assert setup.training["init"] == str(folder / "start.safetensors")
        assert setup.real.data == str(folder / "dense")
