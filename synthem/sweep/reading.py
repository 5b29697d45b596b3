"""Reading studies: where they lie, values at dotted paths, and faults told in one line."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from synthem.errors import SynthemError, unknown_name
from synthem.shipped import find_yaml

FREE = ("grid", "quick", "synthetic.set", "real.stand_in.set", "mix.until", "training.class_weights")
"""Mappings whose keys are free, so that the rest of a dotted path is one key of theirs."""

T = TypeVar("T", bound=BaseModel)


def find(source: str | Path) -> Path:
    """The file of a study, by its path or by the name of a shipped one.

    Raises:
        SynthemError: there is none.
    """
    return find_yaml(source, "recipes/studies", "study")


def assign(content: dict[str, Any], path: str, value: Any, place: str) -> None:
    """Set one value at a dotted path, such as `training.loss` or `synthetic.set.organelles.axon.count`.

    Raises:
        SynthemError: no such setting.
    """
    free = next((name for name in FREE if path.startswith(name + ".")), None)
    way, last = (free.split("."), path.removeprefix(f"{free}.")) if free else _parted(path)
    here: Any = content
    for depth, key in enumerate(way):
        if not isinstance(here, dict) or key not in here:
            raise _no_setting(place, way[: depth + 1], here)
        if here[key] is None and free:
            here[key] = {}
        here = here[key]
    if not isinstance(here, dict) or (not free and last not in here):
        raise _no_setting(place, [*way, last], here)
    here[last] = copy.deepcopy(value)


def parse_change(text: str) -> tuple[str, Any]:
    """`PATH=VALUE` of the command line; the value is YAML.

    Raises:
        SynthemError: it isn't that.
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise SynthemError(f"--set {text}: write PATH=VALUE, such as training.epochs=20")
    try:
        return path.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        raise SynthemError(f"--set {text}: its value is no valid YAML; quote it") from None


def _parted(path: str) -> tuple[list[str], str]:
    *way, last = path.split(".")
    return way, last


def _no_setting(place: str, way: Sequence[str], here: Any) -> SynthemError:
    *above, name = way
    within = f"{place}: {'.'.join(above)}" if above else place
    if not isinstance(here, dict):
        return SynthemError(f"{within}: has no settings, so no {name!r}; leave it out")
    return unknown_name(f"{within}: setting", name, here)


def validated(kind: type[T], content: Mapping[str, Any], place: str, near: str | Path | None = None) -> T:
    """A model from plain values.

    Args:
        kind: of model.
        content: the values.
        place: begins the text of an error.
        near: folder from which relative places in it are tried first.

    Raises:
        SynthemError: a key or value that it doesn't take; names the place and the key.
    """
    try:
        return kind.model_validate(content, context={"near": near})
    except ValidationError as error:
        raise SynthemError(f"{place}: {_explain(kind, error)}") from None


def _explain(kind: type[BaseModel], error: ValidationError) -> str:
    """The first fault as one line: the key, what is wrong, what would be right."""
    first = error.errors(include_url=False)[0]
    steps = [str(step) for step in first["loc"]]
    names = [step for step in steps if not _is_branch(step)]
    key = ".".join(names)
    if first["type"] == "extra_forbidden":
        known = _keys(kind, names[:-1])
        near = difflib.get_close_matches(names[-1], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
        return f"{key}: no such key; {hint}"
    message = re.sub(r" or instance of \w+$", "", first["msg"].removeprefix("Value error, ")).removeprefix(f"{key}: ")
    return f"{key + ': ' if key else ''}{message[:1].lower()}{message[1:]}"


def _is_branch(step: str) -> bool:
    return step in ("int", "float", "str", "bool") or "[" in step


def _keys(kind: type[BaseModel], way: list[str]) -> list[str]:
    """Keys that a part of a model knows."""
    schema: Any = kind.model_json_schema()
    here = schema
    for step in way:
        here = here.get("properties", {}).get(step, {})
        options = [here, *here.get("anyOf", ())]
        refs = [option["$ref"].rsplit("/", 1)[1] for option in options if "$ref" in option]
        here = schema["$defs"][refs[0]] if refs else here
    return list(here.get("properties", {}))
