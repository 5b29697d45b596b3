"""Engines: the same outcomes from each, and a failure stops nobody."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from synthem.errors import SynthemError
from synthem.sweep.engine import Failure, _received, check_engine, run, worker_count


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


def test_a_process_that_dies_while_it_tells_is_a_failure() -> None:
    here, there = multiprocessing.Pipe(duplex=False)
    os.write(there.fileno(), (100).to_bytes(4, "big") + b"cut")  # 100 bytes are announced
    there.close()
    process = multiprocessing.get_context("spawn").Process(target=os._exit, args=(1,))
    process.start()
    assert "its process died (exit code 1" in _received(here, process).line


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


def linger(place: str) -> None:
    """Say who does it, and take long."""
    Path(place).write_text(str(os.getpid()))
    time.sleep(120)


def test_workers_end_with_a_killed_sweep(tmp_path: Path) -> None:
    place = tmp_path / "pid"
    code = (
        f"from test_engine import *\nif __name__ == '__main__': list(run(linger, [{str(place)!r}], engine='process'))"
    )
    (tmp_path / "sweep.py").write_text(code)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    parent = subprocess.Popen([sys.executable, str(tmp_path / "sweep.py")], env=environment)
    wait_for(lambda: place.exists() and place.read_text())
    child = int(place.read_text())
    assert alive(child)
    parent.kill()
    parent.wait()
    wait_for(lambda: not alive(child))


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def wait_for(holds: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
