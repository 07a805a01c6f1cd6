"""Ordered prefetching with threads: the next batches are prepared while the current one is processed."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")
MAX_WAITING = 4  # results buffered ahead of the consumer
WORKERS = max(2, os.cpu_count() or 2)


def prefetch(tasks: Iterable[Callable[[], Result]], *, most: int = MAX_WAITING) -> Iterator[Result]:
    """Yield the results of tasks in order, with at most `most` of them buffered."""
    with ThreadPoolExecutor(WORKERS) as pool:
        waiting: deque[Future[Result]] = deque()
        for task in tasks:
            waiting.append(pool.submit(task))
            if len(waiting) > most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
