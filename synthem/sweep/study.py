"""A study as data: a setup, and the grid of settings that it is done for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, PrivateAttr

from synthem.errors import SynthemError, unknown_name
from synthem.recipe import merge, resolve
from synthem.sweep.grid import Axis, Point, axes_of, points
from synthem.sweep.reading import assign, find, validated
from synthem.sweep.setup import Part, Setup, stages_of

__all__ = ["Page", "Study"]


class Page(Part):
    """What the report shows beside the scores of all cells."""

    focus: str | None = None
    """Class of the overlays; the first one by default."""
    x: str | None = None
    """Axis on the x of plots; by default `synthetic.n`, else the first one of numbers, else the first."""
    score: Literal["dice", "iou", "precision", "recall", "f1", "accuracy"] = "dice"
    """What plots show, and what the best cell is the best by."""
    confusion: tuple[str, str] | None = None
    """Two classes whose confusion is plotted."""
    tolerance: Annotated[float, Field(ge=0, le=1)] = 0.02
    """How far below the best score the least synthetic amount may be."""
    repeats: tuple[str, ...] = ("training.seed",)
    """Axes that repeat a cell: scores are averaged over them, with an interval."""


class Study(Setup):
    """A study. Reading one: `Study.load("quickstart")`.

    In YAML `extends` names another study that it changes: a file beside it, or a shipped one by its name, such as
    `quickstart`.
    """

    model_config = ConfigDict(ignored_types=(cached_property,))

    name: str = "study"
    title: str = ""
    description: str = ""
    """What it asks, in a few sentences; the report begins with them."""
    grid: dict[str, list[Any] | dict[str, dict[str, Any] | None] | None] = Field(default={})
    """Axes in order, the first one slowest. A dotted path with a list of its values, or a name of one's own with a
    mapping from labels to what each sets: `arm: {real only: {synthetic.n: 0}, mixed: {synthetic.n: 300}}`. An axis or
    a label that is null is left out, so that a study can drop what it extends."""
    quick: dict[str, Any] = Field(default={})
    """What `--quick` puts over the rest."""
    report: Page = Page()
    _near: Path | None = PrivateAttr(default=None)

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
        return cls.build(content, path.name, changes, near=path.parent)

    @classmethod
    def build(
        cls,
        content: Mapping[str, Any],
        place: str = "study",
        changes: Mapping[str, Any] | None = None,
        *,
        near: Path | None = None,
    ) -> Self:
        """A study from a mapping as YAML gives it, with values at dotted paths put over it.

        Files and folders that it names are tried from the folder `near` first, then from the present one.

        Raises:
            SynthemError: it isn't valid; names the key and the remedy.
        """
        study = validated(cls, content, place, near)
        for key, value in (changes or {}).items():
            whole = study.model_dump(mode="json")
            assign(whole, key, value, place)
            study = validated(cls, whole, place, near)
        study._near = near
        names = [axis.name for axis in study.axes]
        if study.report.x is not None and study.report.x not in names:
            raise unknown_name(f"{place}: report.x: axis of the grid", study.report.x, names)
        study.trainings  # noqa: B018 (a fault of the grid is told now)
        return study

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """Of the grid, in order."""
        return axes_of(self.grid, self.name)

    @cached_property
    def trainings(self) -> list[tuple[Point, list[Setup]]]:
        """Every point of the grid with everything that holds there, stage by stage; see `Setup.stages`."""
        own = {name for name in type(self).model_fields if name not in Setup.model_fields}
        base = self.model_dump(mode="json", exclude=own)
        found = []
        for point in points(self.axes):
            place, setup = f"{self.name}: grid {point}", Setup.model_validate(base)
            for path, value in point.changes.items():
                content = setup.model_dump(mode="json")
                assign(content, path, value, place)
                setup = validated(Setup, content, place, self._near)
            found.append((point, stages_of(setup, place, self._near)))
        return found

    @property
    def setups(self) -> list[tuple[Point, Setup]]:
        """Every point of the grid with its last stage."""
        return [(point, stages[-1]) for point, stages in self.trainings]
