"""Find the file that a table cell names: by exact path, end of a path, file name, or stem.

A wrong image is worse than a missing one: a value that matches two files matches none, and a value that
leads out of the source (`..`, absolute, drive, URL) is never looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from suture.data import images
from suture.data.files.magic import DICOM_SUFFIXES as DICOM
from suture.data.splits import IN_PATHS

IMAGE_SUFFIXES = (*images.SUFFIXES, *DICOM)


class Lookup:
    """Finds file names, ignoring case where that is unambiguous."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._by_end: dict[
            str, str | list[str]
        ] = {}  # a list only where several end so: there are many names
        for name in self._names:
            for end in {file_name(name).casefold(), stem(name).casefold()}:
                known = self._by_end.setdefault(end, name)
                if isinstance(known, list):
                    known.append(name)
                elif known is not name:
                    self._by_end[end] = [known, name]

    def find(self, value: str, folder: str = "") -> str:
        """The one file that `value` names, "" if none or several.

        folder  the folder of the table; a path relative to it takes precedence
        """
        if file_name(value.strip().replace("\\", "/").rstrip("/")).casefold() not in self._by_end:
            return ""  # most rows of a table whose images are mostly elsewhere
        path = relative_path(value)
        for exact in (f"{folder}/{path}", path):
            if path and exact in self._names:
                return exact
        ending = self._by_end.get(PurePosixPath(path).name.casefold(), [])
        candidates = {ending} if isinstance(ending, str) else {*ending}
        close = {name for name in candidates if _ends_with(name, path)} or candidates
        return next(iter(close)) if path and len(close) == 1 else ""


def _ends_with(name: str, path: str) -> bool:
    whole, tail = f"/{name}".casefold(), f"/{path}".casefold()
    return whole.endswith(tail) or whole.removesuffix(PurePosixPath(whole).suffix).endswith(tail)


def relative_path(value: str) -> str:
    """The value as a relative path with forward slashes; "" if it leads out of the source."""
    path = value.strip().replace("\\", "/")
    while path.startswith("./"):
        path = path[2:]
    leaves = path.startswith(("/", "~")) or ".." in path.split("/") or "\x00" in path
    named = re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", path)  # C:, http:, file:
    return "" if leaves or named else path


def resolve(values: Iterable[str], names: Iterable[str], *, folder: str = "") -> list[str]:
    """For each value the name of its file, or "" if there is no such file.

    Accepts a leading "./", backslashes, a missing extension, and a file name without folders.
    """
    lookup = Lookup(names)
    return [lookup.find(value, folder) for value in values]


def image_names(names: Iterable[str]) -> list[str]:
    """Names that may be images: with a known suffix, or without one as DICOM files often are."""
    return [name for name in names if is_image_name(name) or _is_bare_dicom_name(name)]


def is_image_name(name: str) -> bool:
    """Whether the suffix is that of an image."""
    return name.lower().endswith(IMAGE_SUFFIXES)


def _is_bare_dicom_name(name: str) -> bool:
    suffix = file_name(name)[len(stem(name)) :]
    return not suffix or suffix[1:].isdigit()  # IM0001, 1.2.840.113


def file_name(name: str) -> str:
    """The name without folders; ten times faster than pathlib."""
    return name.rpartition("/")[2]


def stem(name: str) -> str:
    """The name without folders and extension."""
    last = file_name(name)
    dot = last.rfind(".")
    return last[:dot] if 0 < dot < len(last) - 1 else last


def split_of(name: str) -> str:
    """The split that a path names: in its file name, else in its folders from the last on; "" if none."""
    path = PurePosixPath(name)
    for part in (path.stem, *reversed(path.parts[:-1])):
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in IN_PATHS:
                return word
    return ""
