"""Limits the pixels that are decoded at the same time, so that large images do not run out of memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

MAX_PIXELS = 50_000_000  # a pixel takes up to 50 bytes while decoded; the reader may use 3 GB


class MemoryBudget:
    """Admits images while they have at most `most` pixels together; a single image may have more."""

    def __init__(self, most: int = MAX_PIXELS) -> None:
        self._most, self._inside = most, 0
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, pixels: int) -> Iterator[None]:
        """Wait until there is room for an image of so many pixels, and hold that room in the block."""
        with self._changed:
            self._changed.wait_for(lambda: not self._inside or self._inside + pixels <= self._most)
            self._inside += pixels
        try:
            yield
        finally:
            with self._changed:
                self._inside -= pixels
                self._changed.notify_all()


DECODING_BUDGET = MemoryBudget()
