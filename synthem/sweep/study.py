"""A study as data: what is mixed, trained and scored, and the grid of settings that it is done for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from synthem.errors import SynthemError, unknown_name
from synthem.evaluate import EvaluateConfig
from synthem.models import ModelSpec
from synthem.recipe import Recipe, merge, resolve
from synthem.sweep.grid import Axis, Point, axes_of, points
from synthem.sweep.reading import assign, find, validated
from synthem.train import TrainConfig

Names = int | str | tuple[str, ...] | None
"""Layers: the first so many of the nested order, a layer or selection, or a list of them; None for all."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StandIn(_Part):
    """Layers that pass for real ones where there are none: another look than the tiles', and another seed."""

    model_config = ConfigDict(serialize_by_alias=True)

    recipe: str
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


class Real(_Part):
    """Where real layers come from and how many are mixed in."""

    data: str | None = "epfl-itmm"
    """A shipped descriptor, a descriptor's .yaml file, or the folder of an imported dataset; null for none, or for what
    stands in."""
    root: str | None = None
    """Folder of the descriptor's data; else `$SYNTHEM_DATA`, else `../shared/data/NAME` beside a checkout."""
    layers: Names = None
    """See `synthem mix --real-layers`; 0 for none."""
    stand_in: StandIn | None = None
    """What takes the place of real layers where they can't be found; without it that is an error."""


class Synthetic(_Part):
    """Tiles that are generated and mixed in."""

    recipe: str = "epfl"
    """A shipped recipe or a .yaml file."""
    set: dict[str, Any] = {}
    """Other values in it, by dotted path, as `synthem generate --set` takes them."""
    seed: int = 0
    n: Annotated[int, Field(ge=0)] | None = 0
    """Tiles in the mix, the first of one permutation of the pool; null with `mix.until`, or for the whole pool."""
    pool: Annotated[int, Field(ge=1)] | None = None
    """Tiles that are generated; by default the largest `n` that the grid names for this recipe."""


class MixRule(_Part):
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


class Layers(_Part):
    """Whole layers to score a model on."""

    data: str | None = None
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


class Page(_Part):
    """What the report shows beside the scores of all cells."""

    focus: str | None = None
    """Class of the overlays; the first one by default."""
    x: str | None = None
    """Axis on the x of plots; by default `synthetic.n`, else the first one of numbers, else the first."""
    confusion: tuple[str, str] | None = None
    """Two classes whose confusion is plotted."""
    tolerance: Annotated[float, Field(ge=0, le=1)] = 0.02
    """How far below the best Dice the least synthetic amount may be."""
    repeats: tuple[str, ...] = ("training.seed",)
    """Axes that repeat a cell: scores are averaged over them, with an interval."""


def _model(value: Any) -> dict[str, Any]:
    return ModelSpec.parse(value).to_json()


def _training(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("a mapping of settings is wanted, such as {epochs: 100}")
    return TrainConfig.parse(value).to_json()


def _evaluation(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("a mapping of settings is wanted, such as {window: 256}")
    known = [f.name for f in fields(EvaluateConfig)]
    for name in value:
        if name not in known:
            raise unknown_name("evaluation: setting", str(name), known)
    try:
        return asdict(EvaluateConfig(**value))
    except TypeError as error:
        raise ValueError(f"a value has the wrong type ({error})") from None


def _recipe_known(part: Synthetic | StandIn | None) -> Synthetic | StandIn | None:
    if part is not None:
        built_recipe(part)
    return part


class Setup(_Part):
    """One cell of a study: everything that determines a mix, a training and its score."""

    real: Real = Real()
    synthetic: Annotated[Synthetic, AfterValidator(_recipe_known)] = Synthetic()
    mix: MixRule = MixRule()
    model: Annotated[dict[str, Any], BeforeValidator(_model)] = Field(default="tiny-unet", validate_default=True)
    """See `synthem.models.ModelSpec`."""
    training: Annotated[dict[str, Any], BeforeValidator(_training)] = Field(default={}, validate_default=True)
    """See `synthem.train.TrainConfig`."""
    validation: Validation | None = None
    test: Layers = Layers(split="test")
    evaluation: Annotated[dict[str, Any], BeforeValidator(_evaluation)] = Field(default={}, validate_default=True)
    """See `synthem.evaluate.EvaluateConfig`."""


class Study(Setup):
    """A study. Reading one: `Study.load("quickstart")`.

    In YAML `extends` names another study that it changes: a file beside it, or a shipped one as `studies/quickstart`.
    """

    model_config = ConfigDict(ignored_types=(cached_property,))

    name: str = "study"
    title: str = ""
    description: str = ""
    """What it asks, in a few sentences; the report begins with them."""
    grid: dict[str, list[Any] | dict[str, dict[str, Any] | None] | None] = {}
    """Axes in order, the first one slowest. A dotted path with a list of its values, or a name of one's own with a
    mapping from labels to what each sets: `arm: {real only: {synthetic.n: 0}, mixed: {synthetic.n: 300}}`. An axis or
    a label that is null is left out, so that a study can drop what it extends."""
    quick: dict[str, Any] = {}
    """What `--quick` puts over the rest."""
    report: Page = Page()

    @classmethod
    def load(cls, source: str | Path, *, quick: bool = False, changes: Mapping[str, Any] | None = None) -> Self:
        """Read a study: a path, or the name of a shipped one (`quickstart`, …), with what it extends.

        Args:
            source: path or name.
            quick: apply its `quick` overrides.
            changes: values at dotted paths, put over all else.

        Raises:
            SynthemError: no such study, or one that isn't valid; names the file, the key and the remedy.
        """
        path = find(source)
        content = resolve(path, named=find)
        if quick:
            if not content.get("quick"):
                raise SynthemError(f"{path.name}: quick: this study has no quick size; leave out --quick")
            content = merge(content, content["quick"])
        return cls.build(content, path.name, changes)

    @classmethod
    def build(cls, content: Mapping[str, Any], place: str = "study", changes: Mapping[str, Any] | None = None) -> Self:
        """A study from a mapping as YAML gives it, with values at dotted paths put over it.

        Raises:
            SynthemError: it isn't valid; names the key and the remedy.
        """
        study = validated(cls, content, place)
        for key, value in (changes or {}).items():
            whole = study.model_dump(mode="json")
            assign(whole, key, value, place)
            study = validated(cls, whole, place)
        names = [axis.name for axis in study.axes]
        if study.report.x is not None and study.report.x not in names:
            raise unknown_name(f"{place}: report.x: axis of the grid", study.report.x, names)
        study.setups  # noqa: B018 (a fault of the grid is told now)
        return study

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """Of the grid, in order."""
        return axes_of(self.grid, self.name)

    @cached_property
    def setups(self) -> list[tuple[Point, Setup]]:
        """Every point of the grid with everything that holds there."""
        own = {name for name in type(self).model_fields if name not in Setup.model_fields}
        base = self.model_dump(mode="json", exclude=own)
        found = []
        for point in points(self.axes):
            place, setup = f"{self.name}: grid {point}", Setup.model_validate(base)
            for path, value in point.changes.items():
                content = setup.model_dump(mode="json")
                assign(content, path, value, place)
                setup = validated(Setup, content, place)
            found.append((point, setup))
        return found


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
