"""Settings of plain types, checked where they are given rather than where they are used."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin, get_type_hints

from synthem.errors import SynthemError, unknown_name

_KINDS: dict[Any, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number; in YAML 5.0e-3, not 5e-3"),
    str: ((str,), "text"),
}


def check_types(config: object, what: str) -> None:
    """Refuse settings of plain types that hold something else, and choices that there aren't.

    Args:
        config: a dataclass.
        what: begins the text of an error.

    Raises:
        SynthemError: names the setting and what it takes.
    """
    for name, hint in get_type_hints(type(config)).items():
        value, options = getattr(config, name), get_args(hint)
        if get_origin(hint) is Literal:
            if value not in options:
                raise unknown_name(f"{what}: {name}", str(value), options)
            continue
        kind = options[0] if type(None) in options else hint
        if kind not in _KINDS or (value is None and kind is not hint):
            continue
        types, wanted = _KINDS[kind]
        if not isinstance(value, types) or (isinstance(value, bool) and kind is not bool):
            raise SynthemError(f"{what}: {name}={value!r}: must be {wanted}")
