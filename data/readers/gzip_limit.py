"""Gzip with a cap: bytes are counted while they are inflated, whatever the file declares."""

from __future__ import annotations

import zlib

from suture.data.errors import Refused

MAX_BYTES = 2**30
CHUNK = 2**20


def gunzip(content: bytes, name: str, *, limit: int = MAX_BYTES) -> bytes:
    """The inflated bytes. `Refused` if they are damaged or more than `limit`."""
    try:
        return _inflate(content, name, limit)
    except zlib.error as error:
        raise Refused("table_corrupt", f"{name!r} is not readable gzip: {error}.") from error


def _inflate(content: bytes, name: str, limit: int) -> bytes:
    parts, total = [], 0
    while content:
        stream = zlib.decompressobj(wbits=31)  # 31: with a gzip header
        while content and not stream.eof:
            part = stream.decompress(content, CHUNK)
            content = stream.unconsumed_tail
            parts.append(part)
            total += len(part)
            if total > limit:
                raise Refused("table_too_large", f"{name!r} inflates to more than {limit:,} bytes.")
        if not stream.eof:
            raise Refused("table_corrupt", f"{name!r} ends in the middle: copy it again.")
        content = stream.unused_data  # a further member
    return b"".join(parts)
