"""A member of a ZIP, piece by piece, however much it grows: who asks counts, and stops.

zipfile unpacks deflate in steps, but bzip2 and LZMA as far as they go; here these have steps too.
"""

from __future__ import annotations

import bz2
import copy
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from suture.data import limits

CHUNK = 2**16
LZMA_HEAD = struct.Struct("<2xH")  # a version, and the length of the properties: always 5
LZMA_MARKED = 2  # the flag of a member whose end is marked in its content
UNKNOWN = 2**64 - 1


def unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """What the member holds, as far as it goes; what zipfile, zlib, lzma or bz2 raise if it is damaged."""
    if member.compress_type in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield from _in_steps(archive, member)
        return
    boundless = copy.copy(member)  # zipfile would stop at the declared size, and not tell
    boundless.file_size = limits.current().member_bytes + 1
    with archive.open(boundless) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _in_steps(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    packed = copy.copy(member)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, member.compress_size
    packed.CRC = None  # type: ignore[assignment]  # it is that of the content, which is checked below
    check = 0
    with archive.open(packed) as stream:
        unpacker, rest = _unpacker(stream, member)
        while not unpacker.eof:
            if unpacker.needs_input and not (rest := rest or stream.read(CHUNK)):
                break
            chunk, rest = unpacker.decompress(rest, CHUNK), b""
            check = zlib.crc32(chunk, check)
            yield chunk
    if check != member.CRC:
        raise zipfile.BadZipFile("The content is not that of which the checksum was taken.")


def _unpacker(
    stream: IO[bytes], member: zipfile.ZipInfo
) -> tuple[bz2.BZ2Decompressor | lzma.LZMADecompressor, bytes]:
    """(what unpacks the member, what to give it first)."""
    if member.compress_type == zipfile.ZIP_BZIP2:
        return bz2.BZ2Decompressor(), b""
    (length,) = LZMA_HEAD.unpack(stream.read(LZMA_HEAD.size))
    size = UNKNOWN if member.flag_bits & LZMA_MARKED else member.file_size
    head = stream.read(length) + struct.pack("<Q", size)  # as in a file of LZMA alone
    most = limits.current().member_bytes  # a dictionary is never larger than its content has to be
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=most), head
