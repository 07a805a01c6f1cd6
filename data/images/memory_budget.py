"""Large pictures wait for each other while they are decoded, so that none fails for want of memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

AT_ONCE = 50_000_000  # pixels; at up to 50 bytes each while they are decoded, of the reader's 3 GB


class Crowd:
    """Lets in as many at once as have `most` pixels together; one alone may have more."""

    def __init__(self, most: int = AT_ONCE) -> None:
        self._most, self._inside = most, 0
        self._changed = threading.Condition()

    @contextmanager
    def joined(self, pixels: int) -> Iterator[None]:
        """Waits until there is room for a picture of so many pixels, and holds it."""
        with self._changed:
            self._changed.wait_for(lambda: not self._inside or self._inside + pixels <= self._most)
            self._inside += pixels
        try:
            yield
        finally:
            with self._changed:
                self._inside -= pixels
                self._changed.notify_all()


CROWD = Crowd()
