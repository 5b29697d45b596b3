"""The one exception that means "the user can mend this": a single line that names the place and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SynthemError(ValueError):
    """A user's error. Its text is one line: where, what, and what to do. Commands print it and exit with 2."""


def unknown_name(what: str, name: str, known: Iterable[str]) -> SynthemError:
    """The error for a name that isn't known: the nearest known one where there is one, and all of them.

    `what` says where and what kind of name, such as "model".
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return SynthemError(f"{what} {name!r}: there is none; {hint}known are {', '.join(names)}")
