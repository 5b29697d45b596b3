"""What doesn't fit, as one table: the file, what is wrong with it, and what was done about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from synthem.errors import SynthemError

Note = Callable[[str, str], None]
"""Takes what is wrong with some file, and what was done."""


@dataclass(frozen=True, order=True)
class Problem:
    """One row of the table."""

    file: str
    what: str
    """What is wrong; figures of this one file stand at the end, in brackets."""
    done: str

    @property
    def kind(self) -> str:
        """What is wrong, without the figures."""
        return self.what.partition(" (")[0]


class Unfit(ValueError):
    """A layer that can't be used: the file to blame ("" for the layer's own), and what is wrong with it."""

    def __init__(self, file: str, what: str) -> None:
        super().__init__(f"{file}: {what}")
        self.file, self.what = file, what


class Refused(SynthemError):
    """`strict` met problems."""

    def __init__(self, problems: list[Problem]) -> None:
        first = problems[0]
        count = f"problem 1 of {len(problems)}"
        super().__init__(f"{first.file}: {first.what}, {count}; mend the files, or leave out --strict")
        self.problems = problems


class Problems:
    """Collects rows."""

    def __init__(self) -> None:
        self._rows: set[Problem] = set()

    def add(self, file: str, what: str, done: str) -> None:
        """Add a row; the same row twice counts once."""
        self._rows.add(Problem(file, what, done))

    def about(self, file: str) -> Note:
        """A function that adds rows about one file."""
        return lambda what, done: self.add(file, what, done)

    def rows(self) -> list[Problem]:
        """All rows, by file."""
        return sorted(self._rows)


def as_json(rows: list[Problem]) -> list[dict[str, str]]:
    """As `synthem.json` and `--json` hold them."""
    return [asdict(row) for row in rows]


def as_lines(rows: list[Problem], most: int = 8) -> list[str]:
    """The table for a person: of each kind of problem its number and the first files."""
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for row in rows:
        kinds.setdefault((row.kind, row.done), []).append(row)
    lines = []
    for (kind, done), alike in kinds.items():
        lines.append(f"{len(alike)} × {kind} → {done}")
        lines += [f"    {row.file}{row.what.removeprefix(kind)}" for row in alike[:most]]
        if len(alike) > most:
            lines.append(f"    … and {len(alike) - most} more, all of them in synthem.json")
    return lines
