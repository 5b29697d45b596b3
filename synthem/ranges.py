"""A parameter is a number or a range. Drawing collapses the ranges of a model to points.

Each ranged field takes exactly one uniform number from its model's stream, also where the recipe fixes it, and turns it
into a value by the inverse of its distribution function. So fixing one parameter changes no other.

In YAML and on the command line a range is written `20..35` (uniform), `{normal: [155, 24]}` (mean, standard deviation),
`{lognormal: [8, 0.3]}` (median, standard deviation of the logarithm) or `{choice: [a, b], weights: [1, 3]}`. Normal and
log-normal take `low` and `high`, where draws are clipped.
"""

from __future__ import annotations

import math
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

_STANDARD = NormalDist()
_TINY = 2.0**-54
_WRITTEN = r"^[-+.\de ]+\.\.[-+.\de ]+$"
"""A uniform range as text."""
MOST = 1_000_000
"""Largest count: a tile has no room for more, and looking for it would take minutes."""


def _unsaid(schema: dict[str, Any]) -> None:
    """Leave out a default that JSON has no number for."""
    del schema["default"]


class _Range(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    def at(self, u: float) -> Any:
        """The value below which a share `u` (0 ≤ u < 1) of the draws lie."""
        raise AssertionError("each range has its own")


class Uniform(_Range):
    """Every value between two bounds alike."""

    low: float
    """Lower bound, included."""
    high: float
    """Upper bound."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_order(self.low, self.high)
        return self

    def at(self, u: float) -> float:
        return self.low + u * (self.high - self.low)

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value that can come out."""
        return self.low, self.high


class Normal(_Range):
    """Normal distribution, clipped to `low..high`."""

    normal: tuple[float, Annotated[float, Field(ge=0)]]
    """Mean and standard deviation."""
    low: float = Field(default=-math.inf, json_schema_extra=_unsaid)
    """Smaller draws become this."""
    high: float = Field(default=math.inf, json_schema_extra=_unsaid)
    """Larger draws become this."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_order(self.low, self.high)
        return self

    def at(self, u: float) -> float:
        mean, deviation = self.normal
        return min(max(mean + deviation * _STANDARD.inv_cdf(max(u, _TINY)), self.low), self.high)

    @property
    def bounds(self) -> tuple[float, float]:
        """The clip, or four standard deviations where there is none."""
        mean, deviation = self.normal
        return max(self.low, mean - 4 * deviation), min(self.high, mean + 4 * deviation)


class LogNormal(_Range):
    """Log-normal distribution, clipped to `low..high`: for sizes and areas, whose ratios vary."""

    lognormal: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(ge=0)]]
    """Median, and standard deviation of the natural logarithm."""
    low: float = 0.0
    """Smaller draws become this."""
    high: float = Field(default=math.inf, json_schema_extra=_unsaid)
    """Larger draws become this."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_order(self.low, self.high)
        return self

    def at(self, u: float) -> float:
        median, sigma = self.lognormal
        return min(max(median * math.exp(sigma * _STANDARD.inv_cdf(max(u, _TINY))), self.low), self.high)

    @property
    def bounds(self) -> tuple[float, float]:
        """The clip, or four standard deviations where there is none."""
        median, sigma = self.lognormal
        return max(self.low, median * math.exp(-4 * sigma)), min(self.high, median * math.exp(4 * sigma))


class Choice(_Range):
    """One of a few values."""

    choice: tuple[float | str, ...] = Field(min_length=1)
    """The values."""
    weights: tuple[Annotated[float, Field(ge=0)], ...] = ()
    """How often each comes, relative to the others; all alike where left out."""

    @model_validator(mode="after")
    def _weighted(self) -> Self:
        if self.weights and len(self.weights) != len(self.choice):
            raise ValueError(f"{len(self.weights)} weights for {len(self.choice)} values; give one for each")
        if self.weights and not sum(self.weights) > 0:
            raise ValueError("all weights are 0; raise one")
        return self

    def at(self, u: float) -> float | str:
        weights = self.weights or (1.0,) * len(self.choice)
        left = u * sum(weights)
        for value, weight in zip(self.choice, weights, strict=True):
            left -= weight
            if left < 0:
                return value
        return self.choice[-1]

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest of the numbers."""
        numbers = [v for v in self.choice if not isinstance(v, str)] or [0.0]
        return min(numbers), max(numbers)


class Whole(_Range):
    """Every whole number between two bounds alike, both included."""

    low: int
    """Smallest."""
    high: int
    """Largest."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_order(self.low, self.high)
        return self

    def at(self, u: float) -> int:
        return self.low + int(u * (self.high - self.low + 1))

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest."""
        return self.low, self.high


class Poisson(_Range):
    """Whole numbers around a mean that needn't be whole: independent events."""

    poisson: float = Field(ge=0, le=100_000)
    """Mean."""
    high: int = MOST
    """Larger draws become this."""

    def at(self, u: float) -> int:
        if self.poisson > 200:  # the normal approximation is within 1 % there, and the sum below would underflow
            drawn = self.poisson + math.sqrt(self.poisson) * _STANDARD.inv_cdf(max(u, _TINY))
            return min(max(round(drawn), 0), self.high)
        k, probability = 0, math.exp(-self.poisson)
        left = min(u, 1 - 1e-12) - probability  # the sum of all probabilities is 1 to within 1e-14
        while left >= 0 and k < self.high:
            k += 1
            probability *= self.poisson / k
            left -= probability
        return k

    @property
    def bounds(self) -> tuple[float, float]:
        """None, and the largest."""
        return 0, self.high if self.poisson else 0


def _check_order(low: float, high: float) -> None:
    if low > high:
        raise ValueError(f"low ({low:g}) is above high ({high:g}); swap them")


def _written(value: Any) -> Any:
    """`3..8` as the mapping that it stands for; a number in a text as that number."""
    if isinstance(value, str) and ".." in value:
        low, _, high = value.partition("..")
        try:
            return {"low": float(low), "high": float(high)}
        except ValueError:
            raise ValueError(f"{value!r} is no range; write it as 3..8") from None
    return value


def _short(value: Any) -> Any:
    """How a range is written: `3..8`, a number, or its mapping without what is default."""
    if isinstance(value, Uniform | Whole):
        return f"{_plain(value.low)}..{_plain(value.high)}"
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_defaults=True, mode="json")
    return _plain(value)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def bounds(value: Any) -> tuple[float, float]:
    """Smallest and largest value that a number or a range can give."""
    return value.bounds if isinstance(value, BaseModel) else (value, value)  # type: ignore[attr-defined]


def within(least: float, most: float = math.inf) -> AfterValidator:
    """For `Annotated`: every value that a number or a range can give lies in `least..most`."""

    def check(value: Any) -> Any:
        low, high = bounds(value)
        if low < least:
            raise ValueError(f"goes down to {low:g}; it can't be below {least:g}")
        if high > most:
            raise ValueError(f"goes up to {high:g}; it can't be above {most:g}")
        return value

    return AfterValidator(check)


def one_of(*words: str) -> AfterValidator:
    """For `Annotated`: a text is one of some words, and so is every value of a choice among them."""

    def check(value: Any) -> Any:
        for word in value.choice if isinstance(value, Choice) else (value,):
            if word not in words:
                raise ValueError(f"there is no {word!r}; there are {', '.join(words)}")
        return value

    return AfterValidator(check)


def _numbers(value: Any) -> Any:
    for number in value.choice if isinstance(value, Choice) else ():
        if isinstance(number, str):
            raise ValueError(f"{number!r} is no number; a choice here is among numbers")
    return value


def _whole(value: Any) -> Any:
    for number in value.choice if isinstance(value, Choice) else ():
        if isinstance(number, str) or not number.is_integer():
            raise ValueError(f"{number!r} isn't whole; a choice here is among whole numbers")
    return value


def _share(value: Any) -> Any:
    low, high = bounds(value)
    if low < 0 or high > 1:
        raise ValueError(f"spans {low:g}..{high:g}; a share lies in 0..1")
    return value


if TYPE_CHECKING:
    # A field holds a range in a recipe and a point once it is drawn; which of them, no annotation can say.
    from typing import TypeAlias

    Range: TypeAlias = Any
    Length: TypeAlias = Any
    Share: TypeAlias = Any
    Count: TypeAlias = Any
    Text: TypeAlias = Any
else:
    Range = Annotated[
        float | Uniform | Normal | LogNormal | Choice,
        BeforeValidator(_written),
        AfterValidator(_numbers),
        PlainSerializer(_short, when_used="json"),
    ]
    """A real number, or a range of them."""

    Length = Annotated[Range, within(0)]
    """A size, a width or a strength: not below 0."""

    Share = Annotated[Range, AfterValidator(_share)]
    """A share or a probability: 0..1."""

    Count = Annotated[
        int | Whole | Poisson | Choice,
        BeforeValidator(_written),
        AfterValidator(_whole),
        within(0, MOST),
        PlainSerializer(_short, when_used="json"),
    ]
    """A whole number up to `MOST`, or a range of them."""

    Text = Annotated[str | Choice, PlainSerializer(_short, when_used="json")]
    """One of a few words, or a choice among them."""


class Drawable(BaseModel):
    """A frozen model whose ranges can be drawn: a drawn model is again a valid one."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True, protected_namespaces=()
    )
    ranged: ClassVar[tuple[str, ...]] = ()
    """Fields that take a number from the stream, in order: those declared as a range."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.ranged = tuple(name for name, field in cls.model_fields.items() if _is_range(field))

    @cached_property
    def _plan(self) -> tuple[dict[str, Any], list[tuple[str, int, float, float]], list[tuple[str, int, Any]]]:
        """What stays; uniform fields with their place in the stream, low and span; others with their inverse."""
        fixed = {name: getattr(self, name) for name in type(self).model_fields}
        uniform, other = [], []
        for place, name in enumerate(self.ranged):
            value = fixed[name]
            if isinstance(value, Uniform):
                uniform.append((name, place, value.low, value.high - value.low))
            elif isinstance(value, _Range):
                other.append((name, place, value.at))
        return fixed, uniform, other

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> Any:
        """The schema, with ranges also as they are written, and with what a base class says of a field."""
        schema = handler(core)
        for name, told in handler.resolve_ref_schema(schema)["properties"].items():
            if any("$ref" in branch for branch in told.get("anyOf", ())) and name in cls.ranged:
                told["anyOf"].append({"type": "string", "pattern": _WRITTEN})
            fields = (base.model_fields.get(name) for base in cls.__mro__ if issubclass(base, BaseModel))
            about = next((field.description for field in fields if field and field.description), None)
            if about:
                told["description"] = about
        return schema

    def __copy__(self) -> Self:
        """A copy that works out for itself what it derives from its fields, which `model_copy` may then change."""
        copied = super().__copy__()
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied

    def draw(self, rng: np.random.Generator) -> Self:
        """This model with every range collapsed to a point. Models inside it are left alone: they have their own."""
        fixed, uniform, other = self._plan
        u = rng.random(len(self.ranged)).tolist()
        values = fixed.copy()
        for name, place, low, span in uniform:
            values[name] = low + u[place] * span
        for name, place, at in other:
            values[name] = at(u[place])
        # what `model_construct` does, at a seventh of its time: the values are valid by construction
        point = object.__new__(type(self))
        object.__setattr__(point, "__dict__", values)
        object.__setattr__(point, "__pydantic_fields_set__", self.__pydantic_fields_set__)
        object.__setattr__(point, "__pydantic_extra__", None)
        object.__setattr__(point, "__pydantic_private__", None)
        return point


def _is_range(field: Any) -> bool:
    return any(isinstance(item, BeforeValidator | PlainSerializer) for item in field.metadata)
