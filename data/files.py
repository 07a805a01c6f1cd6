"""Named bytes from a folder or a ZIP archive. Nothing is ever extracted to disk."""

from __future__ import annotations

import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from data.errors import Refused, Skipped
from data.raw import Files

MAX_MEMBERS = 400_000
MAX_MEMBER_BYTES = 512 * 2**20
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError)
JUNK = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


class FolderFiles:
    """The regular files below a folder; links are not followed out of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._names: frozenset[str] | None = None

    def names(self) -> frozenset[str]:
        """Relative names, forward slashes."""
        if self._names is None:
            self._names = frozenset(self._walk())
        return self._names

    def _walk(self) -> Iterable[str]:
        for folder, _, files in os.walk(self.root):
            for file in files:
                name = (Path(folder) / file).relative_to(self.root).as_posix()
                if not is_junk(name):
                    yield name

    def read(self, name: str) -> bytes:
        """Bytes of one file below the root; KeyError for any other name."""
        path = self.root / name
        try:
            inside = path.resolve().is_relative_to(self.root.resolve())
            if inside and path.is_file():
                return path.read_bytes()
        except (OSError, ValueError):  # too long for the file system, or with a zero byte
            pass
        raise KeyError(name)


class ZipFiles:
    """The members of a ZIP archive, read as streams with a cap on each."""

    def __init__(self, source: Path | bytes) -> None:
        try:
            handle = io.BytesIO(source) if isinstance(source, bytes) else source
            self.archive = zipfile.ZipFile(handle)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            message = "This is not a readable ZIP archive. Pack the folder again as .zip."
            raise Refused("not_a_zip", message) from error
        members = [m for m in self.archive.infolist() if not m.is_dir()]
        if len(members) > MAX_MEMBERS:
            raise Refused(
                "zip_too_many_files",
                f"The archive lists {len(members):,} files; the limit is {MAX_MEMBERS:,}.",
            )
        self._members = {m.filename: m for m in members if not is_junk(m.filename)}

    def names(self) -> frozenset[str]:
        """Names of the members that are files."""
        return frozenset(self._members)

    def read(self, name: str) -> bytes:
        """Inflate one member; `Skipped` when it is damaged, encrypted or over the cap."""
        member = self._members[name]
        if member.file_size > MAX_MEMBER_BYTES:
            raise Skipped("zip_too_large", f"{name!r} is larger than {MAX_MEMBER_BYTES:,} bytes.")
        try:
            with self.archive.open(member) as stream:
                return stream.read(MAX_MEMBER_BYTES)
        except RuntimeError as error:
            raise Skipped("zip_encrypted", f"{name!r} is encrypted.") from error
        except (*DAMAGED, NotImplementedError, EOFError, OSError) as error:
            raise Skipped("member_corrupt", f"{name!r} cannot be unpacked: {error}.") from error


class MemoryFiles:
    """Files that are already in memory, by name."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents

    def names(self) -> Iterable[str]:
        """The names given."""
        return self.contents.keys()

    def read(self, name: str) -> bytes:
        """The bytes given for this name."""
        return self.contents[name]


def is_junk(name: str) -> bool:
    """Files that operating systems leave in folders and archives."""
    path = PurePosixPath(name)
    return name.startswith(JUNK[0]) or path.name in JUNK or path.name.startswith("._")


def open_files(source: Path) -> Files:
    """The files of a folder or ZIP; a single table stands for the folder that it lies in."""
    if source.is_dir():
        return FolderFiles(source)
    if source.suffix.lower() == ".zip":
        return ZipFiles(source)
    return FolderFiles(source.parent)
