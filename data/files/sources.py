"""Files of a source by name: from a folder, a ZIP, or memory. Nothing is ever extracted to disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from suture.data import limits
from suture.data.errors import Refused, Skipped
from suture.data.files.names import is_system_file, printable_id, quoted
from suture.data.files.read_issues import ReadIssues
from suture.data.files.zip_archive import DAMAGED, ZipFiles
from suture.data.tables.encodings import INVALID_CHARACTERS
from suture.data.workspace.schema import FILE as INDEX

LINK_OUTSIDE = "It is a link out of the folder, and only files inside are read. Copy them there."
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
    """The regular files below a folder. Links that lead out of the folder are not followed.

    A linked folder inside is another name of the folder that it leads to, whose files are listed once.

    roots  absolute paths of the folder, as tables may name it
    links  linked folder -> the folder inside that it leads to
    same_files  linked file -> the file inside that it leads to
    """

    def __init__(self, root: Path, *, called: Path | None = None) -> None:
        self.root = root
        self.roots = tuple(dict.fromkeys(p.as_posix().rstrip("/") for p in (root, called or root)))
        self.links: dict[str, str] = {}
        self.same_files: dict[str, str] = {}
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
            elif path.is_symlink():
                self._note_link(path, name)
                yield name
            elif not path.is_file():
                message = "It is a pipe, a device or a socket. Only regular files are read."
                self.issues.skip(name, Skipped("special_file", message))
            else:
                yield name
        if junk:
            self.issues.warn("ignored_system_file", count=junk)

    def _paths(self) -> Iterator[Path]:
        for folder, inner, files in os.walk(self.root):
            for path in (Path(folder) / name for name in (*inner,)):
                if path.is_symlink():
                    self._follow(path)
                elif (path / INDEX).is_file():
                    inner.remove(path.name)  # of Suture: no source of studies
            yield from (Path(folder) / file for file in files)

    def _note_link(self, link: Path, name: str) -> None:
        target, root = link.resolve(), self.root.resolve()
        if target.is_relative_to(root):
            self.same_files[name] = target.relative_to(root).as_posix()

    def _follow(self, link: Path) -> None:
        """Note where a linked folder leads to, if that is inside."""
        name = link.relative_to(self.root).as_posix()
        target = link.resolve()
        if target.is_relative_to(self.root.resolve()):
            inside = target.relative_to(self.root.resolve()).as_posix()
            self.links[name] = "" if inside == "." else inside
        else:
            self.issues.skip(printable_id(name), Skipped("link_outside", LINK_OUTSIDE))

    def read(self, name: str) -> bytes:
        """Bytes of one file below the root; `Skipped` for a link that leads out, KeyError for other names."""
        path = self.root / name
        try:
            inside = path.resolve().is_relative_to(self.root.resolve())
            if inside and path.is_file():
                return path.read_bytes()
            outside = path.is_symlink() and not inside
        except (OSError, ValueError):  # the name is too long for the file system, or has a zero byte
            outside = False
        if outside:
            raise Skipped("link_outside", f"{quoted(name)} cannot be read. {LINK_OUTSIDE}")
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


def open_files(source: Path, *, called: Path | None = None) -> Files:
    """The files of a folder or a ZIP; for a single table, the files of its folder.

    called  the source as the user names it, where a link leads there
    """
    called = called or source
    if source.is_dir():
        return FolderFiles(source, called=called)
    if source.suffix.lower() == ".zip":
        return ZipFiles(source)
    return FolderFiles(source.parent, called=called.parent)
