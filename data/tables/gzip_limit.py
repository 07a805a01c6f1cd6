"""Decompress gzip with a limit: bytes are counted while decompressing, whatever the file declares."""

from __future__ import annotations

import zlib

from suture.data.errors import Refused

MAX_BYTES = 2**30
CHUNK = 2**20


def gunzip(content: bytes, name: str, *, limit: int = MAX_BYTES) -> bytes:
    """The decompressed bytes. `Refused` if they are damaged or more than `limit`."""
    try:
        return _inflate(content, name, limit)
    except zlib.error as error:
        raise Refused("table_corrupt", f"{name!r} is not readable gzip: {error}. Copy it again.") from error


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
                raise Refused("table_too_large", f"{name!r} decompresses to more than {limit:,} bytes.")
        if not stream.eof:
            raise Refused("table_corrupt", f"{name!r} is truncated. Copy it again.")
        content = stream.unused_data  # gzip can have several members
    return b"".join(parts)
