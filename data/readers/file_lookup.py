"""Find the file that a table cell names: by path, end of a path, file name, stem, or with another suffix.

A wrong image is worse than a missing one: a value that fits two files finds neither, and a value that leads
out of the source (by `..`, an absolute path, a drive or a URL) is never looked up. Names are compared in
Unicode's composed form (NFC) and without regard to case, equal names first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from suture.data import images
from suture.data.files.magic import DICOM_SUFFIXES as DICOM
from suture.data.files.names import quoted
from suture.data.files.sources import Files, FolderFiles
from suture.data.splits import IN_PATHS

SHOWN = 3  # names that fit equally well
OUTSIDE = (
    "The row's image path leads out of the source, where nothing is read. Import the folder that holds both, "
    "or write the file name alone."
)
IMAGE_SUFFIXES = (*images.SUFFIXES, *DICOM)
NAMED = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|~")  # C:, http:, a home
ELSEWHERE = re.compile(rf"{NAMED.pattern}|/|(?:.*/)?\.\.(?:/|$)")  # also absolute, or with ..


@dataclass(frozen=True)
class Match:
    """What a value names: the one file `name`, or none.

    several  the files that fit equally well
    outside  whether the value leads out of the source
    """

    name: str = ""
    several: tuple[str, ...] = ()
    outside: bool = False


NOTHING = Match()


class Lookup:
    """Finds the files of a source by what tables call them.

    roots  absolute paths of the source's folder: a path below one of them is inside
    links  linked folder -> the folder of the source that it leads to
    """

    def __init__(
        self, names: Iterable[str], roots: Iterable[str] = (), links: Mapping[str, str] | None = None
    ) -> None:
        self._names = frozenset(names)
        self._roots, self._links = tuple(roots), dict(links or {})
        self._by_end: dict[
            str, str | list[str]
        ] = {}  # a list only where several end so: there are many names
        for name in self._names:
            for end in {_folded(file_name(name)), _folded(stem(name))}:
                known = self._by_end.setdefault(end, name)
                if isinstance(known, list):
                    known.append(name)
                elif known is not name:
                    self._by_end[end] = [known, name]

    @classmethod
    def of_images(cls, files: Files) -> Lookup:
        """A lookup for the images of a source."""
        names = image_names(files.names())
        return cls(names, files.roots, files.links) if isinstance(files, FolderFiles) else cls(names)

    def find(self, value: str, folder: str = "") -> str:
        """The one file that `value` names, "" if none or several.

        folder  the folder of the table; a path relative to it takes precedence
        """
        return self.match(value, folder).name

    def match(self, value: str, folder: str = "") -> Match:
        """The one file that `value` names, or why there is none."""
        cell = value.strip().replace("\\", "/").rstrip("/")
        key = _folded(file_name(cell))
        if key not in self._by_end and stem(key) not in self._by_end and not ELSEWHERE.match(cell):
            return NOTHING  # most rows of a table whose images are mostly elsewhere
        paths = self._inside(cell, folder)
        if not paths:
            return Match(outside=bool(cell))
        for path in paths:
            if path in self._names:
                return Match(path)
        ending = self._ending(paths[-1])
        same = [n for path in paths for n in ending if _folded(n) == _folded(path)]
        close = same or [n for n in ending if _ends_with(n, paths[-1])] or ending
        return _one_of(close or self._of_other_suffix(paths[-1]))

    def _inside(self, cell: str, folder: str) -> list[str]:
        """The paths of the source that a cell can mean, the one relative to its table first."""
        if "\x00" in cell or NAMED.match(cell):
            return []
        if cell.startswith("/"):
            cells = [cell[len(root) + 1 :] for root in self._roots if cell.startswith(f"{root}/")]
        else:
            cells = [f"{folder}/{cell}", cell] if folder else [cell]
        paths = (self._through_links(path) for path in map(_normal, cells) if path)
        return [*dict.fromkeys(paths)]

    def _through_links(self, path: str) -> str:
        for link, target in self._links.items():
            if path.startswith(f"{link}/"):
                return f"{target}/{path[len(link) + 1 :]}".lstrip("/")
        return path

    def _ending(self, path: str) -> list[str]:
        found = self._by_end.get(_folded(file_name(path)), [])
        return [found] if isinstance(found, str) else found

    def _of_other_suffix(self, path: str) -> list[str]:
        """Images of the same path but for its suffix, as a.dcm for a.png."""
        if not is_image_name(path):
            return []
        found = self._by_end.get(_folded(stem(path)), [])
        candidates = [found] if isinstance(found, str) else found
        plain = _without_suffix(path)
        return [n for n in candidates if is_image_name(n) and _ends_with(_without_suffix(n), plain)]


def _one_of(names: list[str]) -> Match:
    distinct = sorted({*names})
    return Match(distinct[0]) if len(distinct) == 1 else Match(several=tuple(distinct))


def _folded(name: str) -> str:
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def _ends_with(name: str, path: str) -> bool:
    whole, tail = f"/{_folded(name)}", f"/{_folded(path)}"
    return whole.endswith(tail) or whole.removesuffix(PurePosixPath(whole).suffix).endswith(tail)


def _without_suffix(path: str) -> str:
    return path[: len(path) - len(file_name(path)) + len(stem(path))]


def _normal(path: str) -> str:
    """The path without "." and "..", and "" if these lead out of its root."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def is_url(value: str) -> bool:
    """Whether it names something in a net: http://, s3://, ..."""
    return bool(re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", value.strip()))


def why_absent(match: Match) -> tuple[str, str] | None:
    """(reason code, message) of a value that names no file of the source; None where it is just not there.

    The value comes from a table cell, so it is not quoted; the names of files are.
    """
    if match.outside:
        return "image_path_not_in_upload", OUTSIDE
    if match.several:
        shown = ", ".join(quoted(name) for name in match.several[:SHOWN])
        more = f" and {len(match.several) - SHOWN:,} more" if len(match.several) > SHOWN else ""
        return "image_ambiguous", f"The row's image can be {shown}{more}. Write its path in the table."
    return None


def leads_out(value: str) -> bool:
    """Whether a path leads out of the folder that it starts from."""
    return bool(ELSEWHERE.match(value.strip().replace("\\", "/"))) and Lookup(()).match(value).outside


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
