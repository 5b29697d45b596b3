"""From a study to a plan: data are prepared, mixes made, and every run named by what determines it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthem.curate.mix import Mix, mix
from synthem.errors import SynthemError, unknown_name
from synthem.models import ModelSpec
from synthem.models.files import locked, write_through
from synthem.sweep.grid import Point
from synthem.sweep.plan import FILE, RUNS, STARTS, WEIGHTS, Entry, Item, LayerSet, Plan, digest
from synthem.sweep.setup import BEFORE, Setup, as_steps, built_recipe
from synthem.sweep.sources import Prepared, Source
from synthem.sweep.study import Study
from synthem.sweep.subsample import subsampled, training_layers
from synthem.train import initial
from synthem.train.groups import parse_groups
from synthem.train.sources import mix_settings

NOTHING = "0 real layers and 0 synthetic tiles: nothing to train on"


def prepare(
    study: Study,
    out: str | Path,
    *,
    store: str | Path | None = None,
    quick: bool = False,
    advance: Callable[[int], object] = lambda n: None,
) -> Plan:
    """Prepare data and mixes, and write the plan; what is there already is found done.

    Args:
        study: what to do.
        out: folder of the sweep.
        store: folder of data, mixes and runs, which sweeps may share; `out` by default.
        quick: recorded: a folder holds a study at its quick or at its full size, not first one, then the other.
        advance: called with the number of layers and tiles made since the last call.

    Raises:
        SynthemError: a study that can't be done as it says, or a folder that holds something else.
    """
    out = Path(out)
    check_folder(out, study.name, quick)
    store = out if store is None else Path(store)
    with locked(store / ".preparing.lock"):  # sweeps that share a store wait for each other here
        return _prepared(study, out, store, quick, advance)


def _prepared(study: Study, out: Path, store: Path, quick: bool, advance: Callable[[int], object]) -> Plan:
    prepared = Prepared(store, advance)
    pools = _pools(study)
    entries: list[Entry] = []
    items: dict[str, Item] = {}
    for point, stages in study.trainings:
        run: str | None = None
        if any(map(_empty, stages)):
            entries.append(Entry(dict(point.at), None, NOTHING))
            continue
        for setup in stages:
            item = _item(subsampled(setup, prepared), point, prepared, pools, run)
            run = item.id
            items.setdefault(run, item)
        entries.append(Entry(dict(point.at), run))
    for item in [items[entry.run] for entry in entries if entry.run is not None][:1]:
        groups = parse_groups(item.training["classes"])
        _check_page(study, [name for name, _ in groups] or Mix.open(store / item.mix).classes.names)
    about: dict[str, Any] = {
        "kind": "sweep",
        "name": study.name,
        "title": study.title or study.name,
        "description": study.description,
        "quick": quick,
        "axes": {axis.name: list(axis.labels) for axis in study.axes},
        "report": study.report.model_dump(mode="json"),
        "data": [source.describe() for source in prepared.sources.values()],
        "notes": prepared.notes,
        "study": study.model_dump(mode="json", exclude={"quick"}),
    }
    out.mkdir(parents=True, exist_ok=True)
    plan = Plan(out, about, store, entries, items)
    plan.write()
    return plan


def check_folder(out: Path, name: str, quick: bool) -> None:
    """Refuse a folder that isn't this study's.

    Raises:
        SynthemError: it holds another study, the same at another size, or something else.
    """
    if out.exists() and not out.is_dir():
        raise SynthemError(f"{out}: is a file; name a folder")
    path = out / FILE
    if path.is_file():
        try:
            held = json.loads(path.read_text())
        except ValueError:
            return  # a damaged plan is made anew
        if (held.get("name"), held.get("quick")) != (name, quick):
            size = "at its quick size" if held.get("quick") else "at full size"
            raise SynthemError(f"{out}: holds a sweep of {held.get('name')} {size}; name another folder or delete it")
        return
    ours = ("data", "mixes", RUNS, WEIGHTS)
    strangers = [p.name for p in out.iterdir() if p.name not in ours and p.name[0] != "."] if out.exists() else []
    if strangers:
        raise SynthemError(f"{out}: holds something else ({sorted(strangers)[0]}, …); name an empty or a new folder")


def _check_page(study: Study, classes: Sequence[str]) -> None:
    """Refuse a report of classes that aren't there before anything is trained."""
    named = [("focus", study.report.focus), *(("confusion", name) for name in study.report.confusion or ())]
    for key, name in named:
        if name is not None and name not in classes:
            raise unknown_name(f"{study.name}: report.{key}: class", name, classes)


def _pools(study: Study) -> dict[tuple[str, int], int]:
    """Tiles to generate, by recipe and seed: as many as the study asks for anywhere."""
    pools: dict[tuple[str, int], int] = {}
    for setup in (setup for _, stages in study.trainings for setup in stages):
        part = setup.synthetic
        if part.n == 0:
            continue
        if part.n is None and part.pool is None:
            raise SynthemError(f"{study.name}: synthetic.n: is null; say with synthetic.pool how many to generate")
        if part.pool is not None and part.n is not None and part.n > part.pool:
            raise SynthemError(f"{study.name}: synthetic.n: {part.n} tiles of a pool of {part.pool}; enlarge the pool")
        key = _pool(setup)
        pools[key] = max(pools.get(key, 0), part.pool or part.n or 0)
    return pools


def _pool(setup: Setup) -> tuple[str, int]:
    return built_recipe(setup.synthetic).fingerprint, setup.synthetic.seed


def _empty(setup: Setup) -> bool:
    return not _has_real(setup) and setup.synthetic.n == 0


def _has_real(setup: Setup) -> bool:
    return (setup.real.data, setup.real.stand_in) != (None, None) and setup.real.layers not in (0, ())


def _item(
    setup: Setup, point: Point, prepared: Prepared, pools: Mapping[tuple[str, int], int], before: str | None
) -> Item:
    """The run of one stage, after that of the stage before."""
    nm, window = setup.mix.nm_per_px, setup.evaluation["window"]
    test, stand_in = prepared.layers(setup.test, setup.real, nm, "test", window)
    validation = None
    if setup.validation is not None:
        fitting = window if setup.validation.thresholds else None
        validation, _ = prepared.layers(setup.validation, setup.real, nm, "validation", fitting)
        both = sorted(set(validation.names) & set(test.names)) if validation.folder == test.folder else []
        if both:
            raise SynthemError(f"{point}: layer {both[0]} is in test and in validation; keep them apart")
    if "validation" in setup.also and validation is None:
        raise SynthemError(f"{point}: also: there are no validation layers to score; name some, or leave them out")
    made = _mix(setup, prepared, pools)
    for what, layers in (("test", test), ("validation", validation)):
        if layers is not None:
            _check_apart(made, layers, f"{point}: {what}")
    training = {**setup.training, **_from_mix(made, setup.training)}
    for name in STARTS:
        if training[name] == BEFORE and before is not None:
            training[name] = f"{RUNS}/{before}"
        elif training[name]:
            training[name] = _stored_weights(training[name], prepared.store)
    return Item(
        mix=made.folder.relative_to(prepared.store).as_posix(),
        mix_fingerprint=made.fingerprint,
        windows=len(made),
        window=made.window,
        model=_stored_model(setup.model, prepared.store),
        training=training,
        validation=validation,
        choose_thresholds=setup.validation is not None and setup.validation.thresholds,
        test=test,
        evaluation=setup.evaluation,
        stand_in=stand_in,
        also=setup.also,
    )


def _mix(setup: Setup, prepared: Prepared, pools: Mapping[tuple[str, int], int]) -> Mix:
    """The mix of a cell; a source that gives nothing is left out, so that a cell without tiles is the same anywhere."""
    real: list[Source] = []
    synthetic: list[Source] = []
    layers = setup.real.model_dump(mode="json")["layers"]
    if _has_real(setup):
        clean = prepared.real(setup.real)
        errors = as_steps(setup.real.corrupt)
        if errors:
            layers = training_layers(clean, layers, setup.mix.seed)
        real.append(prepared.corrupted(clean, errors, layers))
    if setup.synthetic.n != 0:
        tiles = prepared.tiles(setup.synthetic, pools[_pool(setup)])
        synthetic.append(prepared.corrupted(tiles, as_steps(setup.synthetic.corrupt)))
    wanted = {
        **setup.mix.model_dump(mode="json"),
        "real_layers": layers if real else None,
        "n_synthetic": setup.synthetic.n if synthetic and not setup.mix.until else None,
    }
    key = digest([wanted, [(source.folder, source.dataset.fingerprint) for source in (*real, *synthetic)]])
    return mix(
        prepared.store / "mixes" / key,
        real=[source.dataset.folder for source in real],
        synthetic=[source.dataset.folder for source in synthetic],
        **wanted,
    )


def _check_apart(made: Mix, scored: LayerSet, what: str) -> None:
    """Refuse to score a model on layers that it learned from, whatever was done to their labels."""
    for source in made.sources:
        true = (source.dataset.meta.get("corruption") or {}).get("of", source.dataset.fingerprint)
        if source.kind == "real" and true == scored.fingerprint:
            both = sorted(set(scored.names) & set(made.meta["request"]["real_layers"]))
            if both:
                raise SynthemError(f"{what}: layer {both[0]} is also trained on; name other layers")


def _from_mix(made: Mix, training: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that follow from a mix, as `synthem train` takes them."""
    settings = mix_settings(made.folder, parse_groups(training["classes"]))
    if training["class_weights"]:
        settings.pop("class_weights")
    return settings


def _stored_weights(source: str, store: Path) -> str:
    """Weights to begin with, copied into the store under their fingerprint; the place relative to it."""
    path = initial.weights_file(source)
    place = f"{WEIGHTS}/{initial.fingerprint(source)}{path.suffix}"
    if not (store / place).is_file():
        (store / WEIGHTS).mkdir(parents=True, exist_ok=True)
        write_through(store / place, lambda temporary: shutil.copyfile(path, temporary))
    return place


def _stored_model(model: Mapping[str, Any], store: Path) -> dict[str, Any]:
    """A model with the weights of its encoder, where a file holds them, as `_stored_weights` places them."""

    def place(weights: str) -> str:
        return _stored_weights(weights, store) if Path(weights).is_file() else weights

    return ModelSpec.parse(model).placed(place).to_json()
