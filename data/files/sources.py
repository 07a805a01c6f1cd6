"""Files of a source by name: from a folder, a ZIP, or memory. Nothing is ever extracted to disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from suture.data import limits
from suture.data.errors import Refused, Skipped
from suture.data.files.names import is_system_file, printable_id
from suture.data.files.read_issues import ReadIssues
from suture.data.files.zip_archive import DAMAGED, ZipFiles
from suture.data.tables.encodings import INVALID_CHARACTERS

__all__ = ["DAMAGED", "Files", "FolderFiles", "MemoryFiles", "ZipFiles", "open_files"]


class Files(Protocol):
    """Files by name: a folder, a ZIP, or rows of an Arrow table. Names are labels, never paths."""

    issues: ReadIssues

    def names(self) -> Iterable[str]:
        """Every file's name, relative, with forward slashes."""
        ...

    def read(self, name: str) -> bytes:
        """The whole file. KeyError if there is no such name; `Skipped` if it is damaged."""
        ...


class FolderFiles:
    """The regular files below a folder. Links that lead out of the folder are not followed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.issues = ReadIssues()
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
                raise Refused("too_many_files", f"The folder has more than {most:,} files, the limit.")
            name = path.as_posix()[above:]
            if is_system_file(name):
                junk += 1
            elif INVALID_CHARACTERS.search(name):  # bytes that are not UTF-8 become lone surrogates
                message = "Its name is not UTF-8. Rename it."
                self.issues.skip(printable_id(name), Skipped("name_invalid", message))
            elif not (path.is_file() or path.is_symlink()):
                message = "It is a pipe, a device or a socket. Only regular files are read."
                self.issues.skip(name, Skipped("special_file", message))
            else:
                yield name
        if junk:
            self.issues.warn("ignored_system_file", count=junk)

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
        except (OSError, ValueError):  # the name is too long for the file system, or has a zero byte
            pass
        raise KeyError(name)


class MemoryFiles:
    """Files that are already in memory, by name."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents
        self.issues = ReadIssues()

    def names(self) -> Iterable[str]:
        """The names of the files."""
        return self.contents.keys()

    def read(self, name: str) -> bytes:
        """The bytes of one file; KeyError for an unknown name."""
        return self.contents[name]


def open_files(source: Path) -> Files:
    """The files of a folder or a ZIP; for a single table, the files of its folder."""
    if source.is_dir():
        return FolderFiles(source)
    if source.suffix.lower() == ".zip":
        return ZipFiles(source)
    return FolderFiles(source.parent)
