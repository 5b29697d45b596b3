"""What every command shares: errors as one line, `--json`, and progress that keeps quiet where there is no terminal."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Protocol

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one machine-readable summary on standard output.")]
Seed = Annotated[int, typer.Option("--seed", help="Root seed; 0 is a seed like any other.")]


def say(text: str) -> None:
    """A line for a person, on standard error so that standard output stays free for results."""
    print(text, file=sys.stderr, flush=True)


def finish(summary: dict[str, Any], *, as_json: bool, lines: list[str]) -> None:
    """End of a command: the JSON summary on standard output, or the same as lines for a person."""
    if as_json:
        print(json.dumps(_finite(summary), ensure_ascii=False, allow_nan=False, default=str))
    else:
        print("\n".join(lines))


def _finite(value: Any) -> Any:
    """The same with null for every number that JSON has no word for, such as the score of a class that isn't there."""
    if isinstance(value, dict):
        return {key: _finite(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(held) for held in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Advance(Protocol):
    """Call it with how many items were finished since the last call."""

    def __call__(self, n: int = 1) -> None: ...


@contextmanager
def progress(what: str, total: int | None, unit: str = "tiles", *, quiet: bool = False) -> Iterator[Advance]:
    """A bar with items a second on a terminal; elsewhere a plain line at most every ten seconds."""
    if sys.stderr.isatty() and not quiet:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=total, rate="")

            def advance(n: int = 1) -> None:
                bar.advance(task, n)
                speed = bar.tasks[task].speed
                if speed:
                    bar.update(task, rate=f"{speed:.1f} {unit}/s")

            yield advance
        return
    yield _PlainLines(what, total, unit, quiet)


class _PlainLines:
    def __init__(self, what: str, total: int | None, unit: str, quiet: bool) -> None:
        import time

        self._what, self._total, self._unit, self._quiet = what, total, unit, quiet
        self._clock = time.monotonic
        self._start = self._said = self._clock()
        self._done = 0

    def __call__(self, n: int = 1) -> None:
        self._done += n
        now = self._clock()
        if self._quiet or now - self._said < 10:
            return
        self._said = now
        of = "" if self._total is None else f"/{self._total}"
        say(f"{self._what}: {self._done}{of} {self._unit}, {self._done / (now - self._start):.1f} {self._unit}/s")
