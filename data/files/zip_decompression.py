"""Decompress a ZIP member in chunks, without a size limit: the caller counts the bytes and stops.

zipfile decompresses deflate in steps, but bzip2 and LZMA without bound; here those are in steps too.
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
LZMA_HEAD = struct.Struct("<2xH")  # a version, then the length of the properties, always 5
LZMA_END_MARKER = 2  # the flag of a member whose end is marked in its content
UNKNOWN_SIZE = 2**64 - 1


def decompress(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The member's bytes in chunks. Raises what zipfile, zlib, lzma or bz2 raise if it is damaged."""
    if member.compress_type in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield from _decompress_in_steps(archive, member)
        return
    unbounded = copy.copy(member)  # zipfile would stop silently at the declared size
    unbounded.file_size = limits.current().member_bytes + 1
    with archive.open(unbounded) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _decompress_in_steps(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    packed = copy.copy(member)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, member.compress_size
    packed.CRC = None  # type: ignore[assignment]  # the CRC is of the decompressed content, checked below
    check = 0
    with archive.open(packed) as stream:
        unpacker, rest = _decompressor(stream, member)
        while not unpacker.eof:
            if unpacker.needs_input and not (rest := rest or stream.read(CHUNK)):
                break
            chunk, rest = unpacker.decompress(rest, CHUNK), b""
            check = zlib.crc32(chunk, check)
            yield chunk
    if check != member.CRC:
        raise zipfile.BadZipFile("The checksum does not match the content.")


def _decompressor(
    stream: IO[bytes], member: zipfile.ZipInfo
) -> tuple[bz2.BZ2Decompressor | lzma.LZMADecompressor, bytes]:
    """(decompressor, the bytes to feed it first)."""
    if member.compress_type == zipfile.ZIP_BZIP2:
        return bz2.BZ2Decompressor(), b""
    (length,) = LZMA_HEAD.unpack(stream.read(LZMA_HEAD.size))
    size = UNKNOWN_SIZE if member.flag_bits & LZMA_END_MARKER else member.file_size
    head = stream.read(length) + struct.pack("<Q", size)  # the header of a standalone .lzma file
    most = limits.current().member_bytes  # a dictionary need not be larger than the content
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=most), head
