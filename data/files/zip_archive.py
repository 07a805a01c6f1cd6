"""A ZIP archive as named bytes. Nothing is extracted, and nothing its directory says is believed.

Members are inflated one at a time and counted while they are. What tries to leave the archive, to link, or to
grow without measure refuses all of it; what is only damaged or of another kind leaves out one member.
"""

from __future__ import annotations

import io
import lzma
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path

from suture.data import limits
from suture.data.errors import Refused, Skipped
from suture.data.files.names import is_archive, is_junk, shown
from suture.data.files.zip_decompression import unpacked
from suture.data.raw_studies import Noted

DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, UnicodeError)  # names that differ are decoded
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
AES = 99
LOCAL_HEADER = 30  # bytes before a member's name
START, EMPTY = b"PK\x03\x04", b"PK\x05\x06"


class ZipFiles:
    """The regular members of a ZIP archive; `noted` tells which others there were."""

    def __init__(self, source: Path | bytes) -> None:
        self.noted = Noted()
        self.archive = _opened(source)
        members = self.archive.infolist()
        _check_directory(members, self.archive.start_dir)
        files = [m for m in members if not m.is_dir()]
        junk = sum(is_junk(m.filename) for m in files)
        if junk:
            self.noted.warn("ignored_system_file", count=junk)
        self._members = self._usable([m for m in files if not is_junk(m.filename)])

    def names(self) -> frozenset[str]:
        """Names of the members that can be read."""
        return frozenset(self._members)

    def read(self, name: str) -> bytes:
        """Inflate one member: `Skipped` when it is damaged, `Refused` when it outgrows its declared size."""
        member = self._members[name]
        try:
            return self._inflated(member)
        except (*DAMAGED, NotImplementedError, RuntimeError, EOFError, OSError, struct.error) as error:
            what = f"{shown(name)} cannot be unpacked ({type(error).__name__}). Pack it again."
            raise Skipped("member_corrupt", what) from error

    def _inflated(self, member: zipfile.ZipInfo) -> bytes:
        content = bytearray()
        for chunk in unpacked(self.archive, member):
            content += chunk
            if len(content) > member.file_size:
                _refuse_growth(len(content), member)
        if len(content) != member.file_size:
            what = f"{shown(member.filename)} has another size than the archive says. Pack it again."
            raise Skipped("member_corrupt", what)
        return bytes(content)

    def _usable(self, files: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
        """By name, the first of each; others are noted with their reason."""
        kept: dict[str, zipfile.ZipInfo] = {}
        for member in files:
            name = _name(member)
            try:
                _check_member(member)
                if name in kept:
                    again = f"{name} (at byte {member.header_offset})"
                    self.noted.leave(again, Skipped("duplicate_member", "The first of this name is read."))
                kept.setdefault(name, member)
            except Skipped as error:
                self.noted.leave(name, error)
        encrypted = [code for _, code, _ in self.noted.problems() if code == "zip_encrypted"]
        if encrypted and not kept:
            raise Refused(
                "zip_encrypted", "The archive is protected by a password. Pack it again without one."
            )
        return kept


def _opened(source: Path | bytes) -> zipfile.ZipFile:
    try:
        handle = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    except OSError as error:
        raise Refused("source_unreadable", f"The archive cannot be read: {error.strerror}.") from error
    head = handle.read(4)
    handle.seek(0)
    if not head:
        raise Refused("empty_file", "The archive is empty: it has no bytes. Upload it again.")
    try:
        archive = zipfile.ZipFile(handle)
    except Exception as error:  # zipfile documents BadZipFile; hostile directories raise others too
        if head == START:
            message = "The archive is cut off or damaged. Upload it again, or pack the folder again as .zip."
            raise Refused("zip_corrupt", message) from error
        raise Refused("not_a_zip", "This is not a ZIP archive. Pack the folder again as .zip.") from error
    if head not in (START, EMPTY) or min((m.header_offset for m in archive.infolist()), default=0):
        message = (
            "Other data stand before the archive, so it has two readings. Pack the folder again as .zip."
        )
        raise Refused("zip_corrupt", message)
    return archive


def _check_directory(members: list[zipfile.ZipInfo], end: int) -> None:
    """Refuses what no member may do, before any is inflated. `end` is where the directory begins."""
    most = limits.current()
    if len(members) > most.members:
        message = f"The archive lists {len(members):,} files; the limit is {most.members:,}."
        raise Refused("zip_too_many_files", message)
    for member in members:
        _refuse_escape(member)
        if stat.S_ISLNK(member.external_attr >> 16):
            message = f"{shown(member.filename)} is a link. Pack the files themselves (zip without -y)."
            raise Refused("zip_symlink", message)
        if member.file_size > most.member_bytes or limits.is_bomb(member.file_size, member.compress_size):
            raise _too_large(f"{shown(member.filename)} declares {member.file_size:,} bytes")
    declared = sum(m.file_size for m in members)
    if declared > most.archive_bytes or limits.is_bomb(declared, end):
        raise _too_large(f"The archive declares {declared:,} bytes in all")
    _refuse_overlap(members, end)


def _refuse_escape(member: zipfile.ZipInfo) -> None:
    """`orig_filename` has what zipfile cuts off: a zero byte and what follows."""
    name = _name(member)
    leaves = ".." in name.split("/") or name.startswith("/") or re.match(r"[A-Za-z]:", name)
    if leaves or "\\" in name or "\x00" in member.orig_filename:
        message = (
            f"{shown(name)} is a path that leaves the archive, or has a backslash. Nothing was read. Pack "
            f"the folder again with plain names."
        )
        raise Refused("zip_path_escape", message)


def _refuse_overlap(members: list[zipfile.ZipInfo], end: int) -> None:
    """Members that share bytes are not what any packer makes."""
    ordered = sorted(members, key=lambda m: m.header_offset)
    ends = [*(m.header_offset for m in ordered), end][1:]
    for member, following in zip(ordered, ends, strict=True):
        if member.header_offset + LOCAL_HEADER + member.compress_size > following:
            raise Refused(
                "zip_corrupt", "Files of the archive overlap each other. Pack the folder again as .zip."
            )


def _refuse_growth(size: int, member: zipfile.ZipInfo) -> None:
    if size > limits.current().member_bytes or limits.is_bomb(size, member.compress_size):
        raise _too_large(f"{shown(member.filename)} grows beyond the {member.file_size:,} bytes it declares")


def _too_large(what: str) -> Refused:
    return Refused(
        "zip_too_large", f"{what}, more than is read. Nothing was kept. Pack fewer or smaller files."
    )


def _check_member(member: zipfile.ZipInfo) -> None:
    """`Skipped` for a member that is not read."""
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        raise Skipped("zip_special_file", "It is a pipe, a device or a socket; only files are read.")
    if member.flag_bits & 1 or member.compress_type == AES:
        raise Skipped("zip_encrypted", "It is protected by a password. Pack it again without one.")
    if member.compress_type not in METHODS:
        raise Skipped(
            "member_unsupported_compression", "It is packed by a method that is not known. Use plain .zip."
        )
    if is_archive(member.filename):
        raise Skipped("nested_archive", "An archive within an archive is not opened. Pack its files instead.")


def _name(member: zipfile.ZipInfo) -> str:
    """The name; in old Japanese archives the second byte of a letter may look like a backslash."""
    name = member.filename
    if member.flag_bits & 0x800 or "\\" not in name:
        return name
    try:
        return name.encode("cp437").decode("cp932") if not name.isascii() else name
    except UnicodeError:
        return name
