"""Jobs in order on several processes, with a bounded number of results waiting."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

import cv2

from synthem.errors import SynthemError

T = TypeVar("T")


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(job: Callable[[int], T], start: int, stop: int, workers: int, chunk: int) -> Iterator[T]:
    """`job(start)` … `job(stop - 1)`, here (one worker) or on processes that get the job once.

    The first is always done here: kernels that aren't compiled yet are then compiled once, not in every worker.

    Raises:
        SynthemError: a worker died.
    """
    with one_thread():
        if workers == 1 or stop - start < 2:
            yield from map(job, range(start, stop))
            return
        yield job(start)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, _prepare, (job,)) as pool:
            waiting: deque[Future[list[T]]] = deque()
            following = start + 1
            try:
                while waiting or following < stop:
                    while following < stop and len(waiting) < 2 * workers:
                        until = min(following + chunk, stop)
                        waiting.append(pool.submit(_run, following, until))
                        following = until
                    yield from waiting.popleft().result()
            except BrokenProcessPool:
                raise SynthemError(
                    "a worker died (out of memory, or killed); run the same command again to go on"
                ) from None
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenCV to one thread: on images of this size starting threads takes longer than it saves."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


_job: Callable[[int], Any]


def _prepare(job: Callable[[int], Any]) -> None:
    global _job
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent tells its workers to stop
    cv2.setNumThreads(1)
    _job = job


def _run(start: int, stop: int) -> list[Any]:
    return [_job(index) for index in range(start, stop)]
