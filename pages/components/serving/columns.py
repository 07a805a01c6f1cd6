"""Arrays for the browser over plain HTTP: /column/<key>.bin, fetched once and cached by the browser.

The key is a keyed hash of the content, so other content has another address; only a visitor who was shown
it may fetch it. Columns are held in memory, not on disk: beyond `LIMIT` the least recently used ones are
dropped, and the next run of a page adds its own again.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from hashlib import blake2b
from threading import Lock

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from suture.pages.components import access

LIMIT = 512 * 1024**2  # bytes, for all visitors together
LOOSE = {"Content-Encoding": "identity"}  # coordinates do not compress: gzip costs seconds, saves nothing
HEADERS = {
    "Cache-Control": "private, max-age=86400, immutable",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Columns:
    """Bytes by key, the most recently used last; at most `limit` bytes, but always the newest one."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._secret = secrets.token_bytes(32)
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def put(self, array: np.ndarray) -> str:
        """Store an array's bytes, little-endian and row by row; returns their address."""
        content = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
        key = blake2b(content, key=self._secret, digest_size=16).hexdigest()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = content
                self._size += len(content)
            self._kept.move_to_end(key)
            while self._size > self._limit and len(self._kept) > 1:
                self._size -= len(self._kept.popitem(last=False)[1])
        return f"/column/{key}.bin"

    def get(self, key: str) -> bytes | None:
        """The bytes of a key, or None if they were dropped."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)


KEPT = Columns()


def address(array: np.ndarray) -> str:
    """The address of this array, readable by the visitor for whom the script runs."""
    found = KEPT.put(array)
    access.VISITORS.give(access.visitor(), found)
    return found


def routes() -> list[Route]:
    """The route that serves columns."""
    return [Route("/column/{key:str}.bin", _column)]


def _column(request: Request) -> Response:
    content = KEPT.get(request.path_params["key"])
    if content is None:
        return Response(status_code=404)
    return Response(content, media_type="application/octet-stream", headers={**HEADERS, **LOOSE})
