"""In the child: open the files of a source, which is a folder, a ZIP, a table, or an upload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from suture.data.errors import Refused
from suture.data.files import uploads
from suture.data.files.read_issues import ReadIssues
from suture.data.files.sources import Files, ZipFiles, open_files
from suture.data.tables import reading
from suture.data.tables.encodings import without_surrogates


def open_source(source: Path, table: str) -> tuple[Files, str]:
    """The files of a source, and the name of the table to read ("" = find one)."""
    called, source = source, source.resolve()
    if not source.exists():
        raise Refused("source_missing", f"There is nothing at {str(source)!r}. Check the path.")
    if uploads.is_spooled(source):
        return _uploaded(_unique_names(uploads.spooled_files(source)), table)
    if source.is_dir() or source.suffix.lower() == ".zip":
        return open_files(source, called=called), table
    _check_suffix(source.name)
    return open_files(source, called=called), source.name


def _uploaded(labels: Mapping[str, Path], table: str) -> tuple[Files, str]:
    names = [*labels]
    zipped = [name for name in names if name.lower().endswith(".zip")]
    if zipped and len(names) > 1:
        raise Refused(
            "zip_among_files",
            "A ZIP was given with other files. Give the ZIP alone, or the files without it.",
        )
    if zipped:
        return ZipFiles(labels[zipped[0]]), table
    alone = len(names) == 1 and names[0].lower().endswith(reading.SUFFIXES)
    return UploadedFiles(labels), names[0] if alone and not table else table


def _unique_names(files: list[tuple[str, Path]]) -> dict[str, Path]:
    """Files by their uploaded names, without folders; a name that occurs again gets a number."""
    unique: dict[str, Path] = {}
    for label, path in files:
        original = PurePosixPath(without_surrogates(label).replace("\\", "/"))
        name, copy = original.name or "nameless", 2
        while name in unique:
            name, copy = f"{original.stem} ({copy}){original.suffix}", copy + 1
        unique[name] = path
    return unique


def _check_suffix(name: str) -> None:
    if not name.lower().endswith(reading.SUFFIXES):
        raise Refused(
            "file_type_not_allowed",
            f"{name!r} cannot be imported. Expected a folder, a .zip, or a table "
            f"({', '.join(reading.SUFFIXES)}).",
        )


class UploadedFiles:
    """The files of an upload, by their uploaded names."""

    def __init__(self, labels: Mapping[str, Path]) -> None:
        self._paths = labels
        self.issues = ReadIssues()

    def names(self) -> Iterable[str]:
        """The uploaded names."""
        return self._paths.keys()

    def read(self, name: str) -> bytes:
        """The bytes of one file; KeyError for an unknown name."""
        return self._paths[name].read_bytes()
