"""In the child: the files behind a source: a folder, a ZIP, a table, or what was uploaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from suture.data.errors import Refused
from suture.data.files import uploads
from suture.data.files.sources import ZipFiles, open_files
from suture.data.raw_studies import Files, Noted
from suture.data.tables import reading
from suture.data.tables.encodings import storable


def opened(source: Path, table: str) -> tuple[Files, str]:
    """The files of a source, and the table to read if it is one."""
    source = source.resolve()
    if not source.exists():
        raise Refused("source_missing", f"There is nothing at {str(source)!r}. Check the path.")
    if uploads.is_spooled(source):
        return _uploaded(_named_apart(uploads.spooled(source)), table)
    if source.is_dir() or source.suffix.lower() == ".zip":
        return open_files(source), table
    _refuse_other_kinds(source.name)
    return open_files(source), source.name


def _uploaded(labels: Mapping[str, Path], table: str) -> tuple[Files, str]:
    names = [*labels]
    zipped = [name for name in names if name.lower().endswith(".zip")]
    if zipped and len(names) > 1:
        raise Refused("zip_among_files", "A ZIP comes alone. Upload it by itself, or its files without it.")
    if zipped:
        return ZipFiles(labels[zipped[0]]), table
    alone = len(names) == 1 and names[0].lower().endswith(reading.SUFFIXES)
    return UploadedFiles(labels), names[0] if alone and not table else table


def _named_apart(files: list[tuple[str, Path]]) -> dict[str, Path]:
    """Files by the names they came with, without folders; a name that occurs again gets a number."""
    found: dict[str, Path] = {}
    for label, path in files:
        came = PurePosixPath(storable(label).replace("\\", "/"))
        free, copy = came.name or "nameless", 2
        while free in found:
            free, copy = f"{came.stem} ({copy}){came.suffix}", copy + 1
        found[free] = path
    return found


def _refuse_other_kinds(name: str) -> None:
    if not name.lower().endswith(reading.SUFFIXES):
        raise Refused(
            "file_type_not_allowed",
            f"{name!r} is not something that can be imported. Expected a folder, a .zip, "
            f"or a table ({', '.join(reading.SUFFIXES)}).",
        )


class UploadedFiles:
    """Files of an upload, under the names they came with."""

    def __init__(self, labels: Mapping[str, Path]) -> None:
        self._paths = labels
        self.noted = Noted()

    def names(self) -> Iterable[str]:
        """The names they came with."""
        return self._paths.keys()

    def read(self, name: str) -> bytes:
        """The bytes that came under this name."""
        return self._paths[name].read_bytes()
