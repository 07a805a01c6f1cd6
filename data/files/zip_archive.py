"""The files of a ZIP archive by name. Nothing is extracted to disk, and the directory is not trusted.

`zip_checks` refuses archives and members before anything is read. Members are then decompressed one at a
time, and their bytes are counted meanwhile: one that grows beyond the limits refuses the archive, a damaged
one is skipped alone.
"""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from pathlib import Path

from suture.data.errors import Refused, Skipped
from suture.data.files.names import is_system_file, printable_id, quoted
from suture.data.files.read_issues import ReadIssues
from suture.data.files.zip_checks import check_directory, check_member, is_folder, member_name, refuse_growth
from suture.data.files.zip_decompression import decompress

DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, UnicodeError)  # UnicodeError: undecodable names
START, EMPTY = b"PK\x03\x04", b"PK\x05\x06"


class ZipFiles:
    """The regular members of a ZIP archive; `issues` lists the skipped ones."""

    def __init__(self, source: Path | bytes) -> None:
        self.issues = ReadIssues()
        self.archive = _open_archive(source)
        members = self.archive.infolist()
        check_directory(members, self.archive.start_dir)
        files = [m for m in members if not is_folder(m)]
        junk = sum(is_system_file(member_name(m)) for m in files)
        if junk:
            self.issues.warn("ignored_system_file", count=junk)
        self._members = self._usable([m for m in files if not is_system_file(member_name(m))])

    def names(self) -> frozenset[str]:
        """Names of the members that can be read."""
        return frozenset(self._members)

    def read(self, name: str) -> bytes:
        """Decompress one member: `Skipped` if it is damaged, `Refused` if it grows beyond the limits."""
        member = self._members[name]
        try:
            return self._inflated(member)
        except (*DAMAGED, NotImplementedError, RuntimeError, EOFError, OSError, struct.error) as error:
            what = f"{quoted(name)} cannot be decompressed ({type(error).__name__}). Pack it again."
            raise Skipped("member_corrupt", what) from error

    def _inflated(self, member: zipfile.ZipInfo) -> bytes:
        content = bytearray()
        for chunk in decompress(self.archive, member):
            content += chunk
            if len(content) > member.file_size:
                refuse_growth(len(content), member)
        if len(content) != member.file_size:
            name = quoted(member_name(member))
            what = f"{name} has a different size than the archive declares. Pack it again."
            raise Skipped("member_corrupt", what)
        return bytes(content)

    def _usable(self, files: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
        """By name, the first of each; others are skipped with their reason."""
        kept: dict[str, zipfile.ZipInfo] = {}
        for member in files:
            name = member_name(member)
            try:
                check_member(member)
                if name in kept:
                    again = f"{printable_id(name)} (at byte {member.header_offset})"
                    self.issues.skip(
                        again, Skipped("duplicate_member", "Only the first file of this name is read.")
                    )
                kept.setdefault(name, member)
            except Skipped as error:
                self.issues.skip(printable_id(name), error)
        encrypted = [code for _, code, _ in self.issues.problems() if code == "zip_encrypted"]
        if encrypted and not kept:
            raise Refused(
                "zip_encrypted", "The archive is password-protected. Pack it again without a password."
            )
        return kept


def _open_archive(source: Path | bytes) -> zipfile.ZipFile:
    try:
        handle = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    except OSError as error:
        raise Refused("source_unreadable", f"The archive cannot be read: {error.strerror}.") from error
    head = handle.read(4)
    handle.seek(0)
    if not head:
        raise Refused("empty_file", "The archive is empty (0 bytes). Upload it again.")
    try:
        archive = zipfile.ZipFile(handle)
    except Exception as error:  # zipfile documents BadZipFile; hostile directories raise others too
        if head == START:
            message = (
                "The archive is truncated or damaged. Upload it again, or pack the folder again as .zip."
            )
            raise Refused("zip_corrupt", message) from error
        raise Refused("not_a_zip", "This is not a ZIP archive. Pack the folder again as .zip.") from error
    if head not in (START, EMPTY) or min((m.header_offset for m in archive.infolist()), default=0):
        message = "There is other data before the archive, so it is ambiguous. Pack the folder again as .zip."
        raise Refused("zip_corrupt", message)
    return archive
