"""What a dataset's descriptor may say: where its pictures lie, how its labels are told, and what else is known.

A place (`images`, the masks of a class, …) is a text relative to the root:

- a folder of pictures, each named after its layer: `slices`
- a folder and a pattern with one `*`, which stands for the layer's name: `imagesTr/*_0000.png`
- a multi-page TIFF, one layer a page: `volume.tif`
- a volume in an HDF5 file, one layer a plane: `volume.h5:/raw`

`{split}` in a place stands for the split's own text: with `splits: {train: Tr, test: Ts}` the place `images{split}` is
`imagesTr` for the layers of `train`. Hidden files (a name that begins with a dot) are passed over.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from synthem.classes import SIX, Classes
from synthem.errors import SynthemError

MAX_DESCRIPTOR_BYTES = 2**20

Place = Annotated[str, Field(min_length=1)]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
"""Red, green and blue in hexadecimal, such as `#1f77b4`."""
Value = Annotated[int, Field(ge=0)] | Colour


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Masks(_Part):
    """One mask picture for each class and layer."""

    kind: Literal["masks"]
    classes: dict[str, Place] = Field(min_length=1)
    """The place of each class's masks."""
    threshold: int | None = Field(default=None, ge=1, le=65535)
    """A pixel belongs to the class at this grey level and above. Without it a mask must hold two values at most, and
    every pixel that isn't 0 belongs to the class."""
    invert: bool = False
    """The classes are dark on a bright ground. Not for masks of two levels without a threshold."""

    @model_validator(mode="after")
    def _inverted_needs_threshold(self) -> Masks:
        if self.invert and self.threshold is None:
            raise ValueError("needs a threshold: what is below it belongs to the class")
        return self


class Labels(_Part):
    """One picture for each layer, whose values or colours are the classes."""

    kind: Literal["labels"]
    at: Place
    """The place of the label pictures: grey, palette (its indices count) or colour."""
    values: dict[str, Value | list[Value]] = Field(min_length=1)
    """A value, a colour, or a list of them for each class; classes that share one overlap there."""
    ignore: list[Value] = [0]
    """Values or colours that mean no class, or none that is named here. Any other value is a problem."""


class Instances(_Part):
    """One map of objects for each class and layer: 0 is none, every other value (or colour) is one object."""

    kind: Literal["instances"]
    classes: dict[str, Place] = Field(min_length=1)


class Lines(_Part):
    """Copies of the pictures with lines drawn on them in colours; a class is where its colour is."""

    kind: Literal["lines"]
    at: Place
    """The place of the drawn copies."""
    colours: dict[str, Colour] = Field(min_length=1)
    """The colour of each class's lines. A pixel belongs to the class whose hue is nearest to its own, within 30°,
    where it has at least half of that colour's chroma (largest minus smallest of red, green and blue): over grey
    that is where the line covers half of the pixel."""

    @field_validator("colours")
    @classmethod
    def _have_a_hue(cls, value: dict[str, str]) -> dict[str, str]:
        for colour in value.values():
            if max(rgb(colour)) - min(rgb(colour)) < 64:
                raise ValueError(f"{colour} has no hue that tells it from grey; draw in a brighter colour")
        return value


class Coco(_Part):
    """Objects as polygons or run lengths in one JSON file in the notation of COCO; CVAT exports it."""

    kind: Literal["coco"]
    at: Place
    classes: dict[str, str] | None = Field(default=None, min_length=1)
    """The category of each class; left out, every category in the order of their ids."""


How = Annotated[Masks | Labels | Instances | Lines | Coco, Field(discriminator="kind")]


class Split(_Part):
    """The layers of one split."""

    at: str = ""
    """What `{split}` stands for in places."""
    layers: list[str] | None = None
    """Names of its layers; left out, all that the places hold."""


class Licences(_Part):
    """Under which terms the data may be passed on; null where none is stated."""

    images: str | None = None
    labels: str | None = None


class Descriptor(_Part):
    """A real dataset: what `datasets/*.yaml` declares."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    title: str = ""
    description: str = ""
    where: str = ""
    """Where to get the data."""
    citation: str = ""
    licences: Licences = Licences()
    images: Place
    labels: How
    splits: dict[str, Split] = Field(default={"train": Split()}, min_length=1)
    """By the name of the split, either its `{split}` text alone or a table of `at` and `layers`."""
    nm_per_px: float | None = Field(default=None, gt=0)
    """Pixel size in nanometres; left out, what the files' metadata say, if they say anything."""
    colour: Literal["grey", "keep"] = "grey"
    """`keep` stores the pictures as RGB; otherwise colour becomes grey (ITU-R BT.601 luma)."""
    grey_range: tuple[float, float] | None = None
    """The levels that become 0 and 255; left out, those of the files' own type (65,535 becomes 255)."""
    missing_masks: Literal["leave-out", "empty"] = "leave-out"
    """What becomes of a layer without a mask of some class: left out, or that mask is empty."""
    z: str | Literal[False] | None = None
    """Regular expression whose one group finds a layer's z index in its name; what stands before the group names the
    volume, for z is compared within a volume only. Left out, pages of a stack are neighbours and files of a folder
    aren't; false: no layers are."""
    order: list[str] = []
    """Nested order of the layers outside `test`; the layers that it leaves out follow by rule."""
    selections: dict[str, list[str]] = {}
    """Named lists of layers."""
    unknown_classes: list[str] = []
    """Further classes that this dataset never labelled."""
    colours: dict[str, Colour] = {}
    """Colours of classes in viewers."""
    storage: Literal["bits", "index"] | None = None
    """How masks are packed; left out, bits for up to 16 classes."""
    max_px: int = Field(default=2**28, ge=1)
    """A larger picture is refused before it is decoded, for a small file may unpack to fill the memory."""

    @field_validator("splits", mode="before")
    @classmethod
    def _short_splits(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: {"at": split} if isinstance(split, str) else split for name, split in value.items()}
        return value

    @field_validator("z")
    @classmethod
    def _one_group(cls, value: str | Literal[False] | None) -> str | Literal[False] | None:
        if value:
            try:
                groups = re.compile(value).groups
            except re.error as error:
                raise ValueError(f"is no regular expression ({error})") from None
            if groups != 1:
                raise ValueError(f"has {groups} groups; put the digits of z, and nothing else, in one pair of ()")
        return value

    @field_validator("grey_range")
    @classmethod
    def _rising(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] >= value[1]:
            raise ValueError(f"low ({value[0]:g}) is not below high ({value[1]:g}); swap them")
        return value

    def table(self, named: list[str]) -> Classes:
        """The classes, in the order of the labels, then those that were never labelled.

        Raises:
            SynthemError: more classes than the storage holds, or one that is named twice.
        """
        names = (*named, *self.unknown_classes)
        if names == SIX.names and not self.colours and self.storage in (None, "bits"):
            return SIX
        known = dict(zip(SIX.names, SIX.colours, strict=True))
        table = Classes(names, storage=self.storage or ("bits" if len(names) <= 16 else "index"))
        colours = tuple(
            rgb(self.colours[name]) if name in self.colours else known.get(name, default)
            for name, default in zip(names, table.colours, strict=True)
        )
        return Classes(names, colours, table.storage)

    def fingerprint(self) -> str:
        """32 hexadecimal digits that stand for everything the descriptor says."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of `#rrggbb`."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def load_descriptor(path: str | Path) -> Descriptor:
    """Read a descriptor from YAML.

    Raises:
        SynthemError: no such file, YAML that is broken or asks for Python objects, or a key or value that isn't known;
            the text names the file and the key.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_DESCRIPTOR_BYTES:
            raise SynthemError(f"{path}: larger than {MAX_DESCRIPTOR_BYTES} bytes; a descriptor is a short text")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SynthemError(f"{path}: there is no such file; check the name") from None
    except UnicodeDecodeError:
        raise SynthemError(f"{path}: is no text; name a descriptor in YAML") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SynthemError(f"{path}{line}: not plain YAML ({problem}); mend the file") from None
    if not isinstance(content, dict):
        raise SynthemError(f"{path}: holds no table of keys; see datasets/epfl-itmm.yaml for one")
    return parse(content, str(path))


def parse(content: dict[str, Any], where: str) -> Descriptor:
    """A descriptor from plain values; `where` begins the text of an error.

    Raises:
        SynthemError: a key or value that isn't known.
    """
    try:
        return Descriptor.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise SynthemError(f"{where}: {_explain(first)}") from None


_KINDS: dict[str, type[_Part]] = {
    "masks": Masks, "labels": Labels, "instances": Instances, "lines": Lines, "coco": Coco,
}  # fmt: skip


def _explain(error: Any) -> str:
    """One line: the path of the key, what is wrong, and what would be right."""
    place = [part for i, part in enumerate(error["loc"]) if not (i == 1 and part in _KINDS)]
    path = ".".join(str(part) for part in place) or "the descriptor"
    if error["type"] == "extra_forbidden":
        model: type[BaseModel] = Descriptor
        if error["loc"][0] == "labels":
            model = _KINDS[error["loc"][1]]
        elif error["loc"][0] in ("splits", "licences") and len(error["loc"]) > 1:
            model = Split if error["loc"][0] == "splits" else Licences
        near = difflib.get_close_matches(str(place[-1]), model.model_fields, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(model.model_fields)}"
        return f"{path}: no such key; {hint}"
    if error["type"] == "missing":
        return f"{path}: is missing; add it"
    return f"{path}: {error['msg'].removeprefix('Value error, ')}"
