"""A model as data: a name and its settings, from text or from YAML, the same text for the same model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from synthem.errors import SynthemError, unknown_name
from synthem.models.tiny_unet import WIDTHS

Setting = tuple[int, ...] | float | str

_SEGMENTS: dict[str, Setting] = {"widths": (16, 32, 64), "side": 64, "least": 8, "threshold": 0.5}

_DEFAULTS: dict[str, dict[str, Setting]] = {
    "tiny-unet": {"widths": WIDTHS, "dropout": 0.5},
    "plain-unet": {"widths": WIDTHS, "dropout": 0.5},
    "wnet": {"widths": WIDTHS, "dropout": 0.5},
    "cascade": {"second": "tiny-unet"},
    "segment-cnn": {**_SEGMENTS, "shots": 0},
    "segment-siamese": {**_SEGMENTS, "shots": 5},
    "smp": {"weights": "none"},
}
_NAMED: dict[str, tuple[int, ...]] = {
    "tiny-unet-600k": (16, 16, 32, 72, 144),
    "tiny-unet-quarter": (8, 8, 16, 32, 64),
    "tiny-unet-55k": (9, 9, 15, 22, 29),
}
"""Tiny U-Nets of other sizes: 606,142, 124,670 and 55,347 parameters with 1 channel in and 6 out."""

_LEAST = {"side": 8, "least": 1, "shots": 0}

NAMES = (
    "tiny-unet",
    *_NAMED,
    "plain-unet",
    "wnet",
    "cascade",
    "segment-cnn",
    "segment-siamese",
    "smp:ARCHITECTURE/ENCODER",
)
"""What a specification may name."""


@dataclass(frozen=True)
class ModelSpec:
    """Which model, with every setting spelled out, so that equal models have equal specifications.

    As text: `tiny-unet`, `tiny-unet:widths=8-8-16-32-64,dropout=0.2`, `smp:Unet/resnet34:weights=imagenet`; as a
    mapping: `{"name": "tiny-unet", "widths": [8, 8, 16, 32, 64]}`. A model within a model stands in brackets where it
    has settings of its own: `cascade:second=(tiny-unet:widths=8-8-16,dropout=0)`.
    """

    name: str
    settings: Mapping[str, Setting]
    """`widths`, channels of the encoder's stages, and `dropout`, 0..1, of `tiny-unet`, `plain-unet` (the same without
    batch norm) and `wnet`; `weights` of `smp:…`: none, a name that the library knows (`imagenet`), or a file with the
    encoder's weights.

    `second` of `cascade`: the network that sees the image and the probabilities of a trained first model.
    `segment-cnn` and `segment-siamese` tell the classes of a first model's segments: `widths`, channels of their
    stages; `side`, px, of the square around a segment; `least`, px, that a segment has; `threshold`, probability from
    which a pixel belongs to one; `shots`, examples of each class to learn from, 0 for all."""

    @classmethod
    def parse(cls, given: ModelSpec | str | Mapping[str, Any]) -> ModelSpec:
        """A specification from its text or mapping.

        Raises:
            SynthemError: unknown model or setting, or a value that a setting can't take.
        """
        if isinstance(given, ModelSpec):
            return given
        if isinstance(given, str):
            name, settings = _split(given)
        else:
            settings = dict(given)
            name = str(settings.pop("name", ""))
        if name in _NAMED:
            settings, name = {"widths": _NAMED[name], **settings}, "tiny-unet"
        family = "smp" if name.startswith("smp:") else name
        if family not in _DEFAULTS or name == "smp":
            raise unknown_name("model", name, NAMES)
        defaults = _DEFAULTS[family]
        for key in settings:
            if key not in defaults:
                raise unknown_name(f"model {name}: setting", key, defaults)
        return cls(name, {k: _typed(name, k, settings.get(k, default)) for k, default in defaults.items()})

    @property
    def needs_first(self) -> bool:
        """Whether it is built on a trained first model."""
        return self.name == "cascade" or self.on_segments

    @property
    def on_segments(self) -> bool:
        """Whether it learns from segments, of which there may be more or fewer than samples."""
        return self.name.startswith("segment-")

    def placed(self, place: Callable[[str], str]) -> ModelSpec:
        """The same with other `weights`, those of a model within it too: for each, what `place` makes of it."""
        changed: dict[str, Setting] = {}
        if "weights" in self.settings:
            changed["weights"] = place(str(self.settings["weights"]))
        if "second" in self.settings:
            changed["second"] = str(ModelSpec.parse(str(self.settings["second"])).placed(place))
        return replace(self, settings={**self.settings, **changed})

    def to_json(self) -> dict[str, Any]:
        """Name and settings in one mapping; `parse` reads it back."""
        settings = {k: list(v) if isinstance(v, tuple) else v for k, v in self.settings.items()}
        return {"name": self.name, **settings}

    def __str__(self) -> str:
        settings = ",".join(f"{k}={_text(v)}" for k, v in self.settings.items())
        return f"{self.name}:{settings}"


def _split(text: str) -> tuple[str, dict[str, Any]]:
    prefix = "smp:" if text.startswith("smp:") else ""
    name, _, rest = text.removeprefix(prefix).partition(":")
    settings: dict[str, Any] = {}
    for part in filter(None, re.split(r",(?![^(]*\))", rest)):
        key, equals, value = part.partition("=")
        if not equals:
            raise SynthemError(f"model {text!r}: {part!r} isn't a setting; write name=value")
        settings[key.strip()] = value.strip()
    return prefix + name, settings


def _typed(name: str, key: str, value: Any) -> Setting:
    place = f"model {name}: {key}={_text(value)}"
    try:
        if key == "widths":
            parts = value.split("-") if isinstance(value, str) else value
            widths = tuple(int(part) for part in parts)
            if len(widths) < 2 or min(widths) < 1:
                raise SynthemError(f"{place}: give at least two widths of 1 or more, such as 8-8-16-32-64")
            return widths
        if key == "second":
            inner = ModelSpec.parse(value.strip("()") if isinstance(value, str) else value)
            if inner.needs_first:
                raise SynthemError(f"{place}: needs a first model itself; name another")
            return str(inner)
        if key in ("dropout", "threshold"):
            share = float(value)
            if not 0 <= share < 1:
                raise SynthemError(f"{place}: must be from 0 to below 1")
            return share
        if key in _LEAST:
            least = 1 if name == "segment-siamese" and key == "shots" else _LEAST[key]
            if isinstance(value, float) or int(value) < least:
                raise SynthemError(f"{place}: must be a whole number of {least} or more")
            return int(value)
    except (TypeError, ValueError) as error:
        if isinstance(error, SynthemError):
            raise
        wanted = "whole numbers joined by '-', such as 8-8-16-32-64" if key == "widths" else "a number"
        raise SynthemError(f"{place}: give {wanted}") from None
    return str(value)


def _text(value: Any) -> str:
    if isinstance(value, str) and "," in value:
        return f"({value})"
    return "-".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
