"""From what a table writes to the name of a file: exact path, end of a path, file name, or stem.

A wrong picture is worse than a missing one: what fits two files fits none, and a value that leaves
the source (`..`, absolute, drive, URL) is never looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from suture.data import images
from suture.data.dicom.magic import SUFFIXES as DICOM

PICTURES = (*images.SUFFIXES, *DICOM)
SPLITS = ("train", "training", "val", "valid", "validation", "validate", "dev", "test", "testing")


class Lookup:
    """Finds names among many, ignoring case where that leaves no doubt."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._by_end: dict[
            str, str | list[str]
        ] = {}  # a list only where several end so: there are many names
        for name in self._names:
            for end in {base(name).casefold(), stem(name).casefold()}:
                known = self._by_end.setdefault(end, name)
                if isinstance(known, list):
                    known.append(name)
                elif known is not name:
                    self._by_end[end] = [known, name]

    def find(self, value: str, folder: str = "") -> str:
        """The one name that `value` means, "" if none or several.

        folder  where the table lies; a path relative to it comes first
        """
        path = inside(value)
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


def inside(value: str) -> str:
    """The value as a relative path with forward slashes; "" if it leaves the source."""
    path = value.strip().replace("\\", "/")
    while path.startswith("./"):
        path = path[2:]
    leaves = path.startswith(("/", "~")) or ".." in path.split("/") or "\x00" in path
    named = re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", path)  # C:, http:, file:
    return "" if leaves or named else path


def resolve(values: Iterable[str], names: Iterable[str], *, folder: str = "") -> list[str]:
    """For each value the name of the file it means, or "" where there is no such file.

    Accepts a leading "./", backslashes, a missing extension, a bare file name.
    """
    lookup = Lookup(names)
    return [lookup.find(value, folder) for value in values]


def pictures(names: Iterable[str]) -> list[str]:
    """Names that may be pictures: known suffixes, and DICOM's files without one."""
    return [name for name in names if is_picture(name) or _bare(name)]


def is_picture(name: str) -> bool:
    """Whether the suffix is that of a picture."""
    return name.lower().endswith(PICTURES)


def _bare(name: str) -> bool:
    suffix = base(name)[len(stem(name)) :]
    return not suffix or suffix[1:].isdigit()  # IM0001, 1.2.840.113


def base(name: str) -> str:
    """The name without folders; pathlib says the same of one name in ten times as long."""
    return name.rpartition("/")[2]


def stem(name: str) -> str:
    """The name without folders and extension."""
    last = base(name)
    dot = last.rfind(".")
    return last[:dot] if 0 < dot < len(last) - 1 else last


def split_of(name: str) -> str:
    """The split that a path speaks of: its file name first, then its folders from the last on."""
    path = PurePosixPath(name)
    for part in (path.stem, *reversed(path.parts[:-1])):
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in SPLITS:
                return word
    return ""
