"""From a study to a plan: what is prepared, how runs are named and shared, and what is refused."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import sweeping
from safetensors.torch import save_file

from synthem.classes import SIX
from synthem.curate.mix import Mix
from synthem.errors import SynthemError
from synthem.models import ModelSpec, build_model, save_model
from synthem.models.files import locked
from synthem.sweep import Plan, Study, carry_out, prepare
from synthem.sweep import sources as sources_module
from synthem.sweep.planning import NOTHING
from synthem.sweep.setup import Synthetic, built_recipe
from synthem.sweep.sources import find_root
from synthem.tiles.dataset import TileDataset
from synthem.tiles.generate import generate


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sweeping.layers(tmp_path_factory.mktemp("planning") / "real")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def test_every_point_has_a_run_and_those_without_data_a_reason(real: Path, tmp_path: Path) -> None:
    plan = sweeping.plan(real, tmp_path, grid={"real.layers": [0, 1, 2]})
    assert len(plan.entries) == 12
    assert [(str(e), e.reason) for e in plan.entries if e.run is None] == [
        (f"training.seed={seed} synthetic.n=0 real.layers=0", NOTHING) for seed in (0, 1)
    ]
    assert len(plan.items) == len({e.run for e in plan.entries if e.run}) == 10


def test_mixes_hold_what_the_point_says(real: Path, tmp_path: Path) -> None:
    plan = sweeping.plan(real, tmp_path, grid={"real.layers": [0, 2], "synthetic.n": [0, 1, 3], "training.seed": [0]})
    for entry in plan.entries:
        if entry.run is not None:
            held = Mix.open(plan.store / plan.items[entry.run].mix)
            assert held.summary["real"]["layers"] == entry.at["real.layers"]
            assert held.summary["synthetic"]["tiles"] == entry.at["synthetic.n"]
            assert plan.items[entry.run].windows == len(held)


def test_fewer_tiles_are_part_of_more(real: Path, tmp_path: Path) -> None:
    plan = sweeping.plan(real, tmp_path, grid={"synthetic.n": [1, 3], "training.seed": [0], "real.layers": [0]})
    few, more = (Mix.open(plan.store / plan.items[str(e.run)].mix) for e in plan.entries)
    groups = [{few[i].group for i in range(len(few))}, {more[i].group for i in range(len(more))}]
    assert groups[0] < groups[1]


def test_two_studies_share_the_runs_that_they_have_in_common(real: Path, store: Path, tmp_path: Path) -> None:
    one = sweeping.plan(real, tmp_path / "one", store=store)
    other = sweeping.plan(real, tmp_path / "other", store=store, name="other", synthetic={"recipe": "mitochondria"})
    same = {e.run for e in one.entries if e.at["synthetic.n"] == 0}
    assert set(one.items) & set(other.items) == same
    assert len(same) == 2


def test_the_same_study_is_found_planned_without_its_sources(real: Path, tmp_path: Path) -> None:
    moved = tmp_path / "gone" / "real"
    shutil.copytree(real, moved)
    plan = sweeping.plan(moved, tmp_path / "sweep")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "sweep").rglob("*.arrow")}
    shutil.rmtree(moved)
    again = Plan.open(plan.folder)
    assert list(again.items) == list(plan.items)
    second = sweeping.plan(real, tmp_path / "sweep")
    assert list(second.items) == list(plan.items)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "sweep").rglob("*.arrow")}


def test_tiles_that_were_interrupted_are_completed(real: Path, tmp_path: Path) -> None:
    whole = sweeping.plan(real, tmp_path / "whole", grid={"synthetic.n": [0, 3]})
    place = next(p["folder"] for p in whole.about["data"] if p["name"] == "axons")
    recipe = built_recipe(Synthetic(recipe="axons", set={"size": 64}))
    generate(recipe, 1, tmp_path / "again" / place, seed=0, workers=1)
    again = sweeping.plan(real, tmp_path / "again", grid={"synthetic.n": [0, 3]})
    assert list(again.items) == list(whole.items)


def test_class_weights_and_pixel_size_come_from_the_mix(real: Path, tmp_path: Path) -> None:
    plan = sweeping.plan(real, tmp_path, mix={"balance": "psd=3", "nm_per_px": 10, "window": 16, "stride": 16})
    item = next(iter(plan.items.values()))
    assert item.training["nm_per_px"] == item.test.nm_per_px == 10
    assert item.training["class_weights"]["psd"] == 3 * item.training["class_weights"]["axon"]
    assert item.test.names == sweeping.TEST
    assert item.test.pixels == 2 * 32 * 40


def test_a_number_of_organelles_instead_of_tiles(real: Path, tmp_path: Path) -> None:
    grid = {"synthetic.n": None, "training.seed": [0]}
    over = {"synthetic": {"n": None, "pool": 6}, "mix": {"until": {"axon": 9}}, "grid": grid}
    plan = sweeping.plan(real, tmp_path, **over)
    (item,) = plan.items.values()
    assert Mix.open(plan.store / item.mix).summary["total"]["count"]["axon"] >= 9


def test_sweeps_that_share_a_store_prepare_one_after_the_other(real: Path, tmp_path: Path) -> None:
    other = threading.Thread(
        target=sweeping.plan, args=(real, tmp_path / "sweep"), kwargs={"store": tmp_path / "store"}
    )
    with locked(tmp_path / "store" / ".preparing.lock"):
        other.start()
        other.join(0.5)
        assert other.is_alive()
        assert not (tmp_path / "store" / "data").exists()
    other.join()
    assert Plan.open(tmp_path / "sweep").items


def test_initial_weights_are_carried_along(real: Path, tmp_path: Path) -> None:
    spec = ModelSpec.parse("tiny-unet:widths=4-4-8")
    save_model(tmp_path / "start.safetensors", build_model(spec, 1, 6), spec, 1, SIX, {})
    plan = sweeping.plan(real, tmp_path / "sweep", training={"init": str(tmp_path / "start.safetensors")})
    (place,) = {item.training["init"] for item in plan.items.values()}
    assert (plan.store / place).read_bytes() == (tmp_path / "start.safetensors").read_bytes()
    assert not Path(place).is_absolute()


@pytest.mark.parametrize("model", ["{}", "cascade:second=({})"])
def test_weights_of_an_encoder_are_carried_along_and_count_by_their_content(
    real: Path, tmp_path: Path, model: str
) -> None:
    near = tmp_path / "mine.safetensors"
    spec = model.format(f"smp:Unet/mobilenet_v2:weights={near.name}")
    stages = [{"model": "tiny-unet:widths=4-4-8"}, {"model": spec, "training.first": "before"}]
    over = {"stages": stages if "cascade" in model else [{"model": spec}], "grid": {"training.seed": [0]}}
    names = []
    for seed in (0, 1, 0):
        encoder = build_model("smp:Unet/mobilenet_v2", 3, 6, seed=seed).get_submodule("encoder")
        save_file(encoder.state_dict(), near)
        study = Study.build(sweeping.content(real, **over), near=tmp_path)
        plan = prepare(study, tmp_path / f"sweep{len(names)}", store=tmp_path / "store")
        names.append(str(plan.entries[0].run))
    assert (names[0] == names[2], names[0] == names[1]) == (True, False)
    near.unlink()
    (tmp_path / "elsewhere").mkdir()
    for name in ("store", "sweep0"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    (outcome,) = carry_out(Plan.open(tmp_path / "elsewhere" / "sweep0"))[:1]
    assert (outcome.status, outcome.reason) == ("done", "")


@pytest.mark.parametrize(
    ("over", "fault"),
    [
        ({"test": {"split": None, "layers": "a"}}, "test: layer a is also trained on"),
        ({"validation": {"layers": "a"}}, "validation: layer a is also trained on"),
        ({"validation": {"layers": ["s"]}}, "layer s is in test and in validation"),
        ({"test": {"split": "tset"}}, "test.split 'tset': there is none; did you mean 'test'"),
        (
            {"validation": {"layers": ["validat"]}},
            "validation.layers 'validat': there is none; did you mean 'validate'",
        ),
        ({"real": {"layers": 9}}, "--real-layers 9"),
        ({"real": {"data": "epfl-itm"}}, "real.data 'epfl-itm': there is none; did you mean 'epfl-itmm'"),
        ({"real": {"data": None}}, "real.data: is null"),
        ({"synthetic": {"pool": 1}}, "synthetic.n: 2 tiles of a pool of 1"),
        ({"grid": {"synthetic.n": [None]}}, "synthetic.n: is null"),
        ({"mix": {"window": 500}}, "window"),
        ({"evaluation": {"window": 65}}, "evaluation.window: 65 px, but layers of test have 64x80; take a smaller one"),
        ({"report": {"focus": "axn"}}, "tiny: report.focus: class 'axn': there is none; did you mean 'axon'"),
        (
            {"report": {"confusion": ["axon", "pds"]}},
            "report.confusion: class 'pds': there is none; did you mean 'psd'",
        ),
    ],
)
def test_faults(real: Path, store: Path, tmp_path: Path, over: dict[str, Any], fault: str) -> None:
    with pytest.raises(SynthemError) as caught:
        sweeping.plan(real, tmp_path / "sweep", store=store, **over)
    assert fault in str(caught.value)
    assert not (tmp_path / "sweep").exists()


def test_a_folder_of_something_else_is_refused(real: Path, store: Path, tmp_path: Path) -> None:
    sweeping.plan(real, tmp_path / "sweep", store=store)
    with pytest.raises(SynthemError, match="holds a sweep of tiny at full size"):
        sweeping.plan(real, tmp_path / "sweep", store=store, name="other")
    study = Study.build(sweeping.content(real))
    with pytest.raises(SynthemError, match="at full size; name another folder"):
        prepare(study, tmp_path / "sweep", store=store, quick=True)
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "letter.txt").write_text("dear")
    with pytest.raises(SynthemError, match=r"holds something else \(letter.txt"):
        sweeping.plan(real, tmp_path / "strange", store=store)


def test_a_damaged_plan_is_made_anew(real: Path, store: Path, tmp_path: Path) -> None:
    plan = sweeping.plan(real, tmp_path / "sweep", store=store)
    (tmp_path / "sweep" / "sweep.json").write_text("{")
    assert list(sweeping.plan(real, tmp_path / "sweep", store=store).items) == list(plan.items)


STAND_IN = {"recipe": "ac4", "set": {"size": 64}, "train": 2, "validate": 1, "test": 2}


def test_synthetic_layers_stand_in_where_there_are_no_real_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources_module, "find_root", lambda name, root: None)
    over = {"real": {"data": "epfl-itmm", "stand_in": STAND_IN}, "grid": {"real.layers": [1, 2]}}
    plan = sweeping.plan(tmp_path, tmp_path / "sweep", **over)
    (note,) = plan.about["notes"]
    assert note.startswith("No real layers of epfl-itmm were found: synthetic layers of the recipe ac4")
    assert "\n" not in note
    assert all(item.stand_in for item in plan.items.values())
    dataset = TileDataset.open(plan.store / next(d["folder"] for d in plan.about["data"] if d["stand_in"]))
    assert dataset.column("split") == ["train", "train", "validate", "test", "test"]
    assert set(dataset.column("source")) == {"synthetic"}
    assert next(iter(plan.items.values())).test.names == ("stand-in-test-03", "stand-in-test-04")


def test_without_a_stand_in_missing_data_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources_module, "find_root", lambda name, root: None)
    with pytest.raises(SynthemError, match=r"real\.data epfl-itmm: its layers weren't found; set SYNTHEM_DATA"):
        sweeping.plan(tmp_path, tmp_path / "sweep", real={"data": "epfl-itmm"})


def test_where_real_data_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHEM_DATA", str(tmp_path))
    assert find_root("epfl-itmm", None) == tmp_path
    (tmp_path / "own").mkdir()
    assert find_root("epfl-itmm", str(tmp_path / "own")) == tmp_path / "own"
    monkeypatch.setenv("SYNTHEM_DATA", str(tmp_path / "gone"))
    with pytest.raises(SynthemError, match=r"SYNTHEM_DATA=.*gone: there is no such folder"):
        find_root("epfl-itmm", None)
    monkeypatch.delenv("SYNTHEM_DATA")
    assert find_root("no such dataset", None) is None
