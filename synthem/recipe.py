"""The recipe: everything that determines a dataset but its seed and its length."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self, TypeGuard

import yaml
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializeAsAny,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from synthem.classes import SIX, Classes
from synthem.errors import SynthemError
from synthem.microscope import Artefacts, Cytoplasm, Optics
from synthem.organelles.base import Organelle
from synthem.organelles.membranes import Membranes
from synthem.organelles.registry import kinds, organelle
from synthem.ranges import Drawable
from synthem.shipped import find_yaml

MIN_PX, MAX_PX = 64, 4096


def _as_size(value: Any) -> Any:
    pair = _pair(value)
    if isinstance(pair, tuple) and not all(MIN_PX <= side <= MAX_PX for side in pair):
        raise ValueError(f"{value!r}: height and width lie between {MIN_PX} and {MAX_PX} px")
    return pair


def _pair(value: Any) -> Any:
    if isinstance(value, int):
        return value, value
    if isinstance(value, str):
        parts = value.lower().replace("×", "x").split("x")
        if len(parts) in (1, 2) and all(p.strip().isdigit() for p in parts):
            return int(parts[0]), int(parts[-1])
        raise ValueError(f"{value!r} is no size; write 256 or 768x1024 (height × width)")
    return value


def _as_organelle(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if "kind" not in value:
        raise ValueError(f"kind: missing; there are {', '.join(kinds())}")
    try:
        cls = organelle(str(value["kind"]))
    except SynthemError as error:
        raise ValueError(f"kind: {error}") from None
    return cls.model_validate(value)


Side = Annotated[int, Field(ge=MIN_PX, le=MAX_PX)]
Size = Annotated[
    tuple[Side, Side],
    BeforeValidator(_as_size),
    PlainSerializer(lambda s: s[0] if s[0] == s[1] else f"{s[0]}x{s[1]}", when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": MIN_PX, "maximum": MAX_PX},
                {"type": "string", "pattern": r"^\d+([x×]\d+)?$"},
                {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
            ]
        }
    ),
]
AnyOrganelle = Annotated[SerializeAsAny[Organelle], BeforeValidator(_as_organelle), WithJsonSchema({"type": "object"})]


class Recipe(Drawable):
    """A recipe. Reading one from YAML: `Recipe.load("epfl")`; every field has a default, so `Recipe()` is one too."""

    model_config = ConfigDict(ignored_types=(cached_property,))

    name: str = "recipe"
    """What summaries and cards call it."""
    description: str = ""
    """What it is for, in a sentence."""
    size: Size = (256, 256)
    """Height and width of a tile, px: one number, or `768x1024`; 64 to 4096."""
    nm_per_px: Annotated[float, Field(ge=0.5, le=100)] = 5.0
    """Pixel size, nm."""
    organelles: tuple[AnyOrganelle, ...] = ()
    """What is placed, in this order within its setting: cells, then ridges, then what lies free."""
    membranes: Membranes | None = Membranes()
    """The cells; null for none."""
    cytoplasm: Cytoplasm = Cytoplasm()
    """What fills them."""
    optics: Optics = Optics()
    """Point spread and noise."""
    artefacts: Artefacts = Artefacts()
    """What goes wrong."""

    @model_validator(mode="after")
    def _one_name_each(self) -> Self:
        labels = [o.label for o in self.organelles]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(f"two organelles are called {label!r}; give one of them another `name`")
        return self

    @classmethod
    def load(cls, source: str | Path) -> Self:
        """Read a recipe: a path, or the name of a shipped one (`epfl`, `dense`, …), with what it extends.

        Raises:
            SynthemError: no such recipe, or one that isn't valid; names the file, the key and the remedy.
        """
        path = find(source)
        return cls.build(resolve(path), str(source))

    @classmethod
    def build(cls, content: Mapping[str, Any], place: str = "recipe") -> Self:
        """A recipe from a mapping as YAML gives it.

        Raises:
            SynthemError: it isn't valid; names the key and the remedy.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise SynthemError(explain(error, place)) from None

    @cached_property
    def classes(self) -> Classes:
        """The six, and whatever classes the organelles of other packages add."""
        names = list(SIX.names)
        for item in self.organelles:
            names += [name for name in item.classes if name not in names]
        if len(names) == len(SIX.names):
            return SIX
        extra = Classes(tuple(names[len(SIX.names) :]))
        return Classes(tuple(names), SIX.colours + extra.colours)

    @cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits of everything that determines the tiles: not of name and description."""
        content = self.to_json()
        content.pop("name"), content.pop("description")
        return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Every parameter with its value, as JSON."""
        return dict(self.model_dump(mode="json"))

    def to_yaml(self) -> str:
        """Every parameter with its value, as YAML that `load` reads again."""
        return yaml.safe_dump(self.to_json(), sort_keys=False, allow_unicode=True, width=100)

    def __repr__(self) -> str:
        height, width = self.size
        held = ", ".join(organelle.label for organelle in self.organelles) or "no organelles"
        return f"Recipe({self.name!r}, {height}x{width} px of {self.nm_per_px:g} nm: {held})"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """Every parameter as a table, for notebooks."""
        from synthem.show import html_table

        content = self.to_json()
        title = f"{content.pop('name')}: {content.pop('description')}".rstrip(": ")
        return html_table(title, ("parameter", "value"), flat(content))

    def with_values(self, changes: Mapping[str, Any]) -> Self:
        """A recipe with other values at dotted paths, such as `organelles.axon.radius_nm` or `optics.psf_nm`.

        Raises:
            SynthemError: no such parameter, or a value that it can't have.
        """
        content = self.to_json()
        for path, value in changes.items():
            _assign(content, path, value)
        return type(self).build(content, self.name)


def json_schema() -> dict[str, Any]:
    """The JSON schema of a recipe, with the parameters of every registered organelle."""
    content = Recipe.model_json_schema()
    described = [cls.model_json_schema() for cls in kinds().values()]
    for schema in described:
        content["$defs"] |= schema.pop("$defs", {})
    content["$defs"]["organelle"] = {"anyOf": described}
    content["properties"]["organelles"]["items"] = {"$ref": "#/$defs/organelle"}
    content["properties"]["extends"] = {"type": "string", "description": "The recipe that this one changes."}
    return content


def find(source: str | Path) -> Path:
    """The file of a recipe, by its path or by the name of a shipped one.

    Raises:
        SynthemError: there is none.
    """
    return find_yaml(source, "recipes", "recipe")


def resolve(path: Path, seen: tuple[Path, ...] = (), named: Callable[[str], Path] = find) -> dict[str, Any]:
    """A recipe's YAML with everything that it extends merged in, the nearer file winning.

    What it extends is a file beside it, else what `named` finds by that name.
    """
    path = path.resolve()
    if path in seen:
        raise SynthemError(f"{path.name}: extends itself by way of {seen[-1].name}; break the circle")
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SynthemError(f"{path.name}: no valid YAML{line} ({problem}); mend it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SynthemError(f"{path.name}: can't be read ({error})") from None
    if content is None:
        raise SynthemError(f"{path.name}: holds nothing; write what differs, such as `extends: epfl` and a parameter")
    if not isinstance(content, dict):
        raise SynthemError(
            f"{path.name}: write a mapping of parameters, such as `name: mine`; this is a {type(content).__name__}"
        )
    base = content.pop("extends", None)
    content.setdefault("name", path.stem)
    if base is None:
        return content
    beside = path.parent / str(base)
    return merge(resolve(beside if beside.is_file() else named(str(base)), (*seen, path), named), content)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`: mappings key by key, organelles by name (or kind), anything else replaced."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        if key == "organelles" and _are_organelles(value) and _are_organelles(old):
            merged = {_label(item): item for item in old}
            for item in value:
                merged[_label(item)] = merge(merged.get(_label(item), {}), item)
            result[key] = list(merged.values())
        elif isinstance(old, Mapping) and isinstance(value, Mapping) and not _is_range(value):
            result[key] = merge(old, value)
        else:
            result[key] = value
    return result


def _label(item: Mapping[str, Any]) -> Any:
    return item.get("name") or item.get("kind")


def _are_organelles(value: Any) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    """Whether a list is of what has a name or a kind; anything else is left to the validation, which says why not."""
    return isinstance(value, Sequence) and all(isinstance(v, Mapping) and isinstance(_label(v), str) for v in value)


def _is_range(value: Mapping[str, Any]) -> bool:
    return bool({"low", "normal", "lognormal", "choice", "poisson"} & value.keys())


def _assign(content: dict[str, Any], path: str, value: Any) -> None:
    """Set one value at a dotted path; organelles are reached by name."""
    here: Any = content
    *way, last = path.split(".")
    for depth, key in enumerate(way):
        if isinstance(here, list):
            found = [item for item in here if _label(item) == key]
            if not found:
                names = ", ".join(str(_label(item)) for item in here) or "none"
                raise SynthemError(f"{path}: no organelle {key!r} in this recipe; it has {names}")
            here = found[0]
        elif isinstance(here, dict) and key in here:
            here = here[key]
        else:
            raise SynthemError(f"{path}: no {'.'.join(way[: depth + 1])!r}; see `synthem recipe show`")
    if not isinstance(here, dict) or last not in here:
        hint = f"there are {', '.join(here)}" if isinstance(here, dict) else "see `synthem recipe show`"
        raise SynthemError(f"{path}: no parameter {last!r}; {hint}")
    here[last] = value


def flat(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of every parameter of a recipe's `to_json`; organelles by name, ranges whole."""
    if isinstance(content, dict) and not {"normal", "lognormal", "choice", "poisson"} & content.keys():
        for key, value in content.items():
            yield from flat(value, f"{path}.{key}" if path else key)
    elif isinstance(content, list) and content and isinstance(content[0], dict):
        for item in content:
            yield from flat(item, f"{path}.{_label(item)}")
    else:
        yield path, content


def explain(error: ValidationError, place: str) -> str:
    """The first fault of a validation as one line: place, key, what is wrong."""
    faults = [(_key(fault["loc"]), fault) for fault in error.errors()]
    key = faults[0][0]
    # a range is a union: of the faults at one key, the one that names the key's own rule says most
    same = [fault for k, fault in faults if k.startswith(key)]
    told = next((fault for fault in same if fault["type"] == "value_error"), None)
    if told is not None:
        message = told["msg"].removeprefix("Value error, ")
    elif same[0]["type"] == "extra_forbidden":
        message = "no such parameter; check its spelling with `synthem recipe schema`"
    elif len(same) > 1 and key:
        message = f"{same[0]['input']!r} is neither a number nor a range; write 3, 3..8 or {{normal: [mean, spread]}}"
    else:
        message = same[0]["msg"].lower()
    path = ".".join(part for part in (key, *_kind(message)) if part)
    return f"{place}: {path + ': ' if path else ''}{message.removeprefix('kind: ')}"


def _key(steps: tuple[int | str, ...]) -> str:
    kept = (step for step in steps if not _is_branch(step))
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in kept).lstrip(".")


def _kind(message: str) -> tuple[str, ...]:
    return ("kind",) if message.startswith("kind: ") else ()


def _is_branch(step: int | str) -> bool:
    """Whether a step of pydantic's path names the branch of a union that was tried, not a key."""
    return isinstance(step, str) and (
        step in ("float", "int", "str", "Uniform", "Normal", "LogNormal", "Choice", "Whole", "Poisson")
        or step.startswith("function-")
        or "[" in step
    )
