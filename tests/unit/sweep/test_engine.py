"""Engines: the same outcomes from each, and a failure stops nobody."""

from __future__ import annotations

import os
import signal

import pytest

from synthem.errors import SynthemError
from synthem.sweep.engine import Failure, check_engine, run, worker_count


def unit(item: int) -> int:
    """Squares; 2 is a user's error, 3 a bug, 4 is killed."""
    if item == 2:
        raise SynthemError("two: isn't allowed; name another")
    if item == 3:
        raise RuntimeError("first line\nsecond line")
    if item == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return item * item


def test_local_goes_on_after_a_failure() -> None:
    outcomes = dict(run(unit, [1, 2, 3, 5]))
    assert outcomes == {
        0: 1,
        1: Failure("two: isn't allowed; name another"),
        2: Failure("RuntimeError: first line second line"),
        3: 25,
    }


def test_process_gives_the_same_and_survives_a_killed_process() -> None:
    outcomes = dict(run(unit, [1, 2, 3, 4, 5], engine="process", workers=3))
    assert {i: outcomes[i] for i in (0, 1, 2, 4)} == {
        0: 1,
        1: Failure("two: isn't allowed; name another"),
        2: Failure("RuntimeError: first line second line"),
        4: 25,
    }
    assert "its process died (signal 9" in outcomes[3].line


def test_no_items_are_no_work() -> None:
    for engine in ("local", "process"):
        assert list(run(unit, [], engine=engine)) == []


def test_faults() -> None:
    with pytest.raises(SynthemError, match="engine 'proces': there is none; did you mean 'process'"):
        check_engine("proces")
    with pytest.raises(SynthemError, match="workers: -1"):
        run(unit, [1], workers=-1)
    assert worker_count(3) == 3
    assert 1 <= worker_count(0) <= 4
