"""Engines: one function that does units of work, each of which may be done twice without harm.

An engine is a function `(unit, items, workers)` that yields `(position, outcome)` as items are finished, in any order.
A unit that raises gives a `Failure` for its item and never stops the others.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from synthem.errors import SynthemError, unknown_name
from synthem.tiles.pool import usable_cores

T = TypeVar("T")
R = TypeVar("R")

MOST_WORKERS = 4
"""Processes by default at most: each holds its own data and model."""


@dataclass(frozen=True)
class Failure:
    """What became of an item whose unit raised, or whose process died."""

    line: str


def run(
    unit: Callable[[T], R], items: Sequence[T], *, engine: str = "local", workers: int = 0
) -> Iterator[tuple[int, R | Failure]]:
    """Do a unit for every item; gives position and result, or `Failure`, as they are finished.

    Args:
        unit: what is done; for `process` it and the items must pickle.
        items: what it is done for.
        engine: `local`, one after another in this process; `process`, each in a process of its own.
        workers: processes at a time; 0 for one on every usable core, four at most.

    Raises:
        SynthemError: an unknown engine, or a negative number of workers.
    """
    check_engine(engine, workers)
    return ENGINES[engine](unit, items, worker_count(workers))


def check_engine(engine: str, workers: int = 0) -> None:
    """Raises:
    SynthemError: an unknown engine, or a negative number of workers.
    """
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    worker_count(workers)


def worker_count(workers: int) -> int:
    """As `run` takes it.

    Raises:
        SynthemError: a negative number.
    """
    if workers < 0:
        raise SynthemError(f"workers: {workers}; name 1 or more, or 0 for one on every core")
    return workers or min(usable_cores(), MOST_WORKERS)


def _local(unit: Callable[[T], R], items: Sequence[T], workers: int) -> Iterator[tuple[int, R | Failure]]:
    for i, item in enumerate(items):
        yield i, _attempt(unit, item)


def _process(unit: Callable[[T], R], items: Sequence[T], workers: int) -> Iterator[tuple[int, R | Failure]]:
    context = multiprocessing.get_context("spawn")
    waiting = deque(range(len(items)))
    running: dict[Connection, tuple[int, Any]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                i = waiting.popleft()
                here, there = context.Pipe(duplex=False)
                process = context.Process(target=_child, args=(there, unit, items[i]), daemon=True)
                process.start()
                there.close()  # so that the pipe ends when the process does
                running[here] = i, process
            for pipe in wait(list(running)):
                assert isinstance(pipe, Connection)
                i, process = running.pop(pipe)
                yield i, _received(pipe, process)
    finally:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join()


def _attempt(unit: Callable[[T], R], item: T) -> R | Failure:
    try:
        return unit(item)
    except SynthemError as error:
        return Failure(str(error))
    except Exception as error:  # whatever goes wrong in one unit must not stop the others
        text = " ".join(str(error).split())
        return Failure(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def _child(pipe: Connection, unit: Callable[[Any], Any], item: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent tells its children to stop
    threading.Thread(target=_follow_parent, daemon=True).start()
    pipe.send(_attempt(unit, item))
    pipe.close()


def _follow_parent() -> None:
    """End with the parent, also where it was killed: nobody would take the outcome."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _received(pipe: Connection, process: Any) -> Any:
    try:
        outcome = pipe.recv()
    except (EOFError, OSError):  # it died before it could tell, or while it told
        outcome = None
    process.join()
    pipe.close()
    if outcome is None and process.exitcode != 0:
        how = f"signal {-process.exitcode}" if process.exitcode < 0 else f"exit code {process.exitcode}"
        return Failure(f"its process died ({how}; killed, or out of memory); run the same command again")
    return outcome


ENGINES: dict[str, Callable[..., Iterator[tuple[int, Any]]]] = {"local": _local, "process": _process}
"""Engines by name."""
