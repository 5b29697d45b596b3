"""What one cell of a study is: data, mix, model, training, test. All that a place in it names is found on reading."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

from synthem.curate.corrupt import Corruption
from synthem.curate.corrupt.objects import Kind
from synthem.errors import SynthemError, unknown_name
from synthem.evaluate import EvaluateConfig
from synthem.models import ModelSpec
from synthem.recipe import Recipe
from synthem.sweep.plan import STARTS
from synthem.sweep.reading import assign, validated
from synthem.train import TrainConfig

BEFORE = "before"
"""In place of a run: the one that the stage before ends with."""

Names = int | str | tuple[str, ...] | None
"""Layers: the first so many of the nested order, a layer or selection, or a list of them; None for all."""


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def beside(value: Any, info: ValidationInfo) -> Any:
    """A place that is named from the study's own folder, if something lies there; else what was given."""
    near = (info.context or {}).get("near")
    if near is None or not isinstance(value, str) or not value:
        return value
    place = Path(near) / value
    return str(place) if place.exists() else value


def _yaml_beside(value: Any, info: ValidationInfo) -> Any:
    return beside(value, info) if isinstance(value, str) and value.endswith((".yaml", ".yml")) else value


Place = Annotated[str, BeforeValidator(beside)]
"""A file or folder, tried from the study's folder first, then from the present one; or a name."""
RecipePlace = Annotated[str, BeforeValidator(_yaml_beside)]
"""A shipped recipe or a .yaml file, tried from the study's folder first."""


class Corrupt(Part):
    """Errors in labels that are learned from; see `synthem.curate.corrupt`. Labels that are scored stay true."""

    kind: Kind
    strength: Annotated[float, Field(ge=0)]
    """px of the layers as they were imported, or a share of the objects, 0 to 1, as the kind has it; 0 for none."""
    scale: Annotated[float, Field(gt=0)] = 1.0
    """What the strength is multiplied by, so that kinds in px and kinds in shares can have one axis of strength."""
    classes: tuple[str, ...] = ()
    systematic: bool = False
    to: str | None = None
    radius_px: int = 2
    seed: int = 0

    @property
    def step(self) -> Corruption:
        """As `synthem.curate.corrupt.corrupt` takes it."""
        size = self.strength * self.scale
        return Corruption(self.kind, size, self.classes, self.systematic, self.to, self.radius_px)


class Subsample(Part):
    """Layers of a split that are drawn for training, validation and test: repeated random sub-sampling.

    With an axis over `real.subsample.seed` that `report.repeats` names, scores are means over the draws with their
    interval. One draw serves every number of training layers: more contain fewer, and the test layers are the same.
    Draws overlap, so the interval is too narrow for other data (Nadeau and Bengio, Machine Learning 52, 2003).
    Neighbouring slices of one volume are all but one observation: drawn apart, they leak from training into test.
    `gap` keeps slices of different parts apart, where the dataset knows their z.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    split: str = "train"
    """Whose layers are drawn."""
    train: Annotated[int, Field(ge=1)]
    """Layers to learn from, in place of `real.layers`."""
    validate_: Annotated[int, Field(ge=0, alias="validate")] = 0
    """Layers to watch the training on, in place of the study's `validation`; with 0 that stays."""
    test: Annotated[int, Field(ge=1)]
    """Layers to score on, in place of the study's `test`."""
    gap: Annotated[int, Field(ge=0)] = 0
    """Slices at most so many z from a layer of another part aren't taken; 0 takes neighbours too."""
    seed: int = 0
    """Of the draw."""


class StandIn(Part):
    """Layers that pass for real ones where there are none: another look than the tiles', and another seed."""

    model_config = ConfigDict(serialize_by_alias=True)

    recipe: RecipePlace
    """A shipped recipe or a .yaml file."""
    set: dict[str, Any] = {}
    """Other values in it, by dotted path."""
    seed: int = 1
    train: Annotated[int, Field(ge=1)] = 10
    """Layers to learn from."""
    validate_: Annotated[int, Field(ge=0, alias="validate")] = 0
    """Layers of the selection `validate`, which no mix takes."""
    test: Annotated[int, Field(ge=1)] = 3
    """Layers of the split `test`."""


class Real(Part):
    """Where real layers come from and how many are mixed in."""

    data: Place | None = "epfl-itmm"
    """A shipped descriptor, a descriptor's .yaml file, or the folder of an imported dataset; null for none, or for what
    stands in."""
    root: Place | None = None
    """Folder of the descriptor's data; else `$SYNTHEM_DATA`, else `../shared/data/NAME` beside a checkout."""
    layers: Names = None
    """See `synthem mix --real-layers`; 0 for none."""
    corrupt: Corrupt | tuple[Corrupt, ...] | None = None
    """Errors put into the labels of the layers that are mixed in, one after the other."""
    subsample: Subsample | None = None
    """Draw the layers for training, validation and test."""
    stand_in: StandIn | None = None
    """What takes the place of real layers where they can't be found; without it that is an error."""


class Synthetic(Part):
    """Tiles that are generated and mixed in."""

    recipe: RecipePlace = "epfl"
    """A shipped recipe or a .yaml file."""
    set: dict[str, Any] = {}
    """Other values in it, by dotted path, as `synthem generate --set` takes them."""
    seed: int = 0
    n: Annotated[int, Field(ge=0)] | None = 0
    """Tiles in the mix, the first of one permutation of the pool; null with `mix.until`, or for the whole pool."""
    pool: Annotated[int, Field(ge=1)] | None = None
    """Tiles that are generated; by default the largest `n` that the grid names for this recipe."""
    corrupt: Corrupt | tuple[Corrupt, ...] | None = None
    """Errors put into the tiles' labels, one after the other."""


class MixRule(Part):
    """How windows are cut and mixed; see `synthem.curate.mix.mix`."""

    window: Annotated[int, Field(ge=1)] = 256
    stride: Annotated[int, Field(ge=1)] = 64
    edge: Literal["drop", "shift", "pad"] = "drop"
    nm_per_px: Annotated[float, Field(gt=0)] | None = None
    mode: Literal["fixed-real", "fixed-total"] = "fixed-real"
    total: int | None = None
    until: dict[str, int] | None = None
    balance: str | dict[str, float] = "equal"
    seed: int = 0


class Layers(Part):
    """Whole layers to score a model on."""

    data: Place | None = None
    """As `real.data`; by default the study's real layers."""
    split: str | None = None
    """All layers of a split, such as `test`."""
    layers: str | tuple[str, ...] | None = None
    """A layer or selection, or a list of them, instead of a split."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.split is None) == (self.layers is None):
            raise ValueError("name either a split or layers")
        return self


class Validation(Layers):
    """Layers to watch a training on."""

    thresholds: bool = False
    """Choose each class's threshold on them; otherwise it is `evaluation.threshold`."""


def _model(value: Any, info: ValidationInfo) -> dict[str, Any]:
    def place(weights: str) -> str:
        found = beside(weights, info)
        return str(found) if Path(found).is_file() else weights

    return ModelSpec.parse(value).placed(place).to_json()


def _training(value: Any, info: ValidationInfo) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("a mapping of settings is wanted, such as {epochs: 100}")
    placed = {name: beside(value[name], info) for name in STARTS if name in value}
    return TrainConfig.parse({**value, **placed}).to_json()


def _evaluation(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("a mapping of settings is wanted, such as {window: 256}")
    known = [f.name for f in fields(EvaluateConfig)]
    for name in value:
        if name not in known:
            raise unknown_name("evaluation: setting", str(name), known)
    try:
        config = EvaluateConfig(**value)
        return asdict(config) | {"resolutions": [list(pair) for pair in config.resolutions]}
    except TypeError as error:
        raise ValueError(f"a value has the wrong type ({error})") from None


def _recipe_known(part: Synthetic | StandIn | None) -> Synthetic | StandIn | None:
    if part is not None:
        built_recipe(part)
    return part


class Setup(Part):
    """One cell of a study: everything that determines a mix, a training and its score."""

    stages: tuple[dict[str, Any], ...] = ()
    """Trainings in their order, each as changes of the rest, by dotted path: `[{synthetic.n: 300, real.layers: 0}, {}]`
    learns from tiles, then from what the rest says. Each starts from the weights that the one before ended with,
    unless it names its own `training.init`, or takes the run before as its `training.first` by the word `before`. The
    last one is the cell's; stages that several cells have in common are trained once. None: one training."""

    real: Real = Real()
    synthetic: Annotated[Synthetic, AfterValidator(_recipe_known)] = Synthetic()
    mix: MixRule = MixRule()
    model: Annotated[dict[str, Any], BeforeValidator(_model)] = Field(default="tiny-unet", validate_default=True)
    """See `synthem.models.ModelSpec`."""
    training: Annotated[dict[str, Any], BeforeValidator(_training)] = Field(default={}, validate_default=True)
    """See `synthem.train.TrainConfig`."""
    validation: Validation | None = None
    test: Layers = Layers(split="test")
    also: tuple[Literal["training", "validation"], ...] = ()
    """What the trained model is scored on beside the test layers: the windows that it learned from, as they are without
    augmentation, or the layers that it was watched on."""
    evaluation: Annotated[dict[str, Any], BeforeValidator(_evaluation)] = Field(default={}, validate_default=True)
    """See `synthem.evaluate.EvaluateConfig`."""


def stages_of(setup: Setup, place: str, near: str | Path | None = None) -> list[Setup]:
    """The trainings of a cell, the last one its own; see `Setup.stages`. `BEFORE` stands for the run before.

    Raises:
        SynthemError: a stage that isn't valid.
    """
    rest = setup.model_dump(mode="json") | {"stages": ()}
    found: list[Setup] = []
    for i, changes in enumerate(setup.stages or ({},), start=1):
        where = f"{place}: stage {i}" if setup.stages else place
        content = copy.deepcopy(rest)
        for path, value in changes.items():
            assign(content, path, value, where)
        if not found and BEFORE in [content["training"][name] for name in STARTS]:
            raise SynthemError(f"{where}: there is no stage before the first; name a run, or leave {BEFORE!r} out")
        if found and not any(path.startswith(f"training.{name}") for path in changes for name in STARTS):
            content["training"]["init"] = BEFORE
        found.append(validated(Setup, content, where, near))
    return found


def as_steps(errors: Corrupt | tuple[Corrupt, ...] | None) -> list[Corrupt]:
    """Errors one after the other, without those that change nothing."""
    listed = (errors,) if isinstance(errors, Corrupt) else errors or ()
    return [error for error in listed if error.strength]


def built_recipe(part: Synthetic | StandIn) -> Recipe:
    """The recipe of some tiles with their changes.

    Raises:
        SynthemError: no such recipe, parameter, or value.
    """
    key = (part.recipe, repr(sorted(part.set.items())))
    if key not in _recipes:
        recipe = Recipe.load(part.recipe)
        _recipes[key] = recipe.with_values(part.set) if part.set else recipe
    return _recipes[key]


_recipes: dict[tuple[str, str], Recipe] = {}
