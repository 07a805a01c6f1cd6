"""Named bytes from a folder, an archive, or memory. Nothing is ever extracted to disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from suture.data import limits
from suture.data.errors import Refused, Skipped
from suture.data.files.names import is_junk, label
from suture.data.files.zip_archive import DAMAGED, ZipFiles
from suture.data.raw_studies import Files, Noted
from suture.data.tables.encodings import ODD

__all__ = ["DAMAGED", "FolderFiles", "MemoryFiles", "ZipFiles", "open_files"]


class FolderFiles:
    """The regular files below a folder; links are not followed out of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.noted = Noted()
        self._names: frozenset[str] | None = None

    def names(self) -> frozenset[str]:
        """Relative names, forward slashes."""
        if self._names is None:
            self._names = frozenset(self._walk())
        return self._names

    def _walk(self) -> Iterator[str]:
        junk, most = 0, limits.current().members
        above = len((self.root / "_").as_posix()) - 1
        for number, path in enumerate(self._paths()):
            if number >= most:
                raise Refused("too_many_files", f"The folder holds more than {most:,} files, the limit.")
            name = path.as_posix()[above:]
            if is_junk(name):
                junk += 1
            elif ODD.search(name):  # bytes that are no text come as halves of characters
                message = "Its name is not UTF-8. Give it another."
                self.noted.leave(label(name), Skipped("name_invalid", message))
            elif not (path.is_file() or path.is_symlink()):
                message = "It is a pipe, a device or a socket; only files are read."
                self.noted.leave(name, Skipped("special_file", message))
            else:
                yield name
        if junk:
            self.noted.warn("ignored_system_file", count=junk)

    def _paths(self) -> Iterator[Path]:
        for folder, _, files in os.walk(self.root):
            yield from (Path(folder) / file for file in files)

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


class MemoryFiles:
    """Files that are already in memory, by name."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents
        self.noted = Noted()

    def names(self) -> Iterable[str]:
        """The names given."""
        return self.contents.keys()

    def read(self, name: str) -> bytes:
        """The bytes given for this name."""
        return self.contents[name]


def open_files(source: Path) -> Files:
    """The files of a folder or ZIP; a single table stands for the folder that it lies in."""
    if source.is_dir():
        return FolderFiles(source)
    if source.suffix.lower() == ".zip":
        return ZipFiles(source)
    return FolderFiles(source.parent)
