"""The regular files of a tar archive by their place in it. Nothing is unpacked, and no header is trusted.

Only what archives of data sets need: ustar, GNU's long names and pax paths. Sizes are checked against the
bytes that are there before anything is read; links, devices and paths that lead out are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from suture.data import limits
from suture.data.errors import Refused, Skipped
from suture.data.files.names import (
    DEVICES,
    check_member_name,
    is_system_file,
    leads_out,
    printable_id,
    quoted,
)
from suture.data.files.read_issues import ReadIssues

BLOCK = 512
REGULAR, FOLDER, LONG_NAME, LONG_LINK, PAX, GLOBAL = (b"0", b"\0", b"7"), b"5", b"L", b"K", b"x", b"g"
MAX_HEADER = 2**20  # bytes of a long name or of pax headers
PAX_PATH = re.compile(rb"(?:^|\n)\d+ path=([^\n]*)\n")


@dataclass(frozen=True)
class TarMember:
    """A file in an archive: its name, where its bytes begin and how many they are."""

    name: str
    start: int
    size: int


def tar_members(stream: BinaryIO, name: str, issues: ReadIssues) -> Iterator[TarMember]:
    """The regular files in order. `issues` gets those that are skipped, and where a damaged archive ends."""
    most, count = limits.current(), 0
    try:
        for kind, member in _entries(stream, name):
            count += 1
            if count > most.members:
                message = f"{quoted(name)} has more than {most.members:,} files, the limit. Split it."
                raise Refused("too_many_files", message)
            try:
                _check(kind, member)
            except Skipped as error:
                issues.skip(printable_id(f"{name}/{member.name}"), error)
                continue
            if kind != FOLDER and not is_system_file(member.name):
                yield member
    except Skipped as error:
        issues.skip(name, error)


def _check(kind: bytes, member: TarMember) -> None:
    """`Skipped` for what is not a plain file inside the archive."""
    if leads_out(member.name) and not member.name.startswith(DEVICES):
        raise Skipped("tar_path_escape", "Its path leads out of the archive. Pack it again with plain names.")
    check_member_name(member.name)
    if kind not in REGULAR and kind != FOLDER:
        raise Skipped("tar_special_file", "It is a link, a device or a pipe. Pack the file itself.")
    if member.size > (most := limits.current().member_bytes):
        raise Skipped("tar_too_large", f"It has more than {most:,} bytes, the limit.")


def _entries(stream: BinaryIO, name: str) -> Iterator[tuple[bytes, TarMember]]:
    """(type, member) of every entry; `Skipped` where the archive is damaged."""
    total = stream.seek(0, 2)
    at, long_name, ended = 0, "", False
    while at + BLOCK <= total:
        stream.seek(at)
        header = stream.read(BLOCK)
        at += BLOCK
        ended = not any(header)
        if ended:  # empty blocks mark the end; another archive may have been appended
            continue
        kind, size = _checked(header, total - at, name)
        if kind in (LONG_NAME, LONG_LINK, PAX, GLOBAL):
            long_name = _long_name(kind, stream.read(size)) or long_name
        else:
            yield kind, TarMember(long_name or _ustar_name(header), at, size)
            long_name = ""
        at += -(-size // BLOCK) * BLOCK
    if not ended:
        raise _damaged(name, "ends without the mark of its end")


def _checked(header: bytes, left: int, name: str) -> tuple[bytes, int]:
    """(type, size) of an entry with `left` bytes behind its header; `Skipped` if it is damaged or lies."""
    if _checksum(header) != _number(header[148:156]):
        raise _damaged(name, "has a damaged header")
    kind, size = header[156:157], _number(header[124:136])
    if not 0 <= size <= left:
        raise _damaged(name, "declares a file that is longer than the archive")
    if kind in (LONG_NAME, LONG_LINK, PAX, GLOBAL) and size > MAX_HEADER:
        raise _damaged(name, "has a name that is too long")
    return kind, size


def _long_name(kind: bytes, content: bytes) -> str:
    """The name of the next entry, where it does not fit into the header of that."""
    found = PAX_PATH.search(content) if kind == PAX else None
    return _text(content) if kind == LONG_NAME else found[1].decode("utf-8", "replace") if found else ""


def _damaged(name: str, how: str) -> Skipped:
    return Skipped("tar_corrupt", f"{quoted(name)} {how}; nothing behind that place is read. Copy it again.")


def _ustar_name(header: bytes) -> str:
    prefix = _text(header[345:500]) if header[257:262] == b"ustar" and header[263:265] != b" \0" else ""
    return f"{prefix}/{_text(header[:100])}" if prefix else _text(header[:100])


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")


def _number(field: bytes) -> int:
    """Octal digits, or GNU's binary form; -1 for anything else."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    return int(digits, 8) if re.fullmatch(rb"[0-7]+", digits) else 0 if not digits else -1


def _checksum(header: bytes) -> int:
    return sum(header[:148]) + 8 * 0x20 + sum(header[156:])
