"""WebDataset shards: .tar archives in which the files of one sample share their name up to the first dot.

`000017.jpg` with `000017.txt`, `000017.json` or `000017.cls` is a study. The archives stay packed: members
are read at their place.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

import pandas as pd

from suture.data.errors import Refused, Skipped
from suture.data.files.names import quoted
from suture.data.files.read_issues import Problem, ReadIssues
from suture.data.files.sources import Files, FolderFiles
from suture.data.files.tar_index import TarMember, tar_members
from suture.data.readers.file_lookup import IMAGE_SUFFIXES, split_of
from suture.data.readers.finish import build_raw_studies, refuse_absent, table_from_records
from suture.data.readers.raw_studies import RawStudies, Roles
from suture.data.readers.roles import guess_roles
from suture.data.tables.reading import TAR, decode
from suture.data.tables.records import flat_record

LAYOUT = "webdataset"
EXPECTS = "WebDataset: .tar shards with 000017.jpg beside 000017.txt or 000017.json"
OWN_TABLES = r"(?i).*\.tar"
TEXTS = ("txt", "text", "caption", "report")
VALUES = ("cls", "cls2", "id", "index", "split", "label")
PEEKED = 300  # files of an archive that are looked at to recognise it
MAX_TEXT = 2**22  # bytes of one text or record
NO_PLACE = "Its sample has another image of this kind, and a study has one. Name them left.png, right.png."


class TarFiles:
    """The files of several archives, by archive and name."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._streams: dict[str, BinaryIO] = {}
        self._places: dict[str, tuple[str, TarMember]] = {}
        self.issues = files.issues

    def add(self, archive: str, issues: ReadIssues) -> Iterator[TarMember]:
        """Each member of an archive, which can then be read as "archive/member"."""
        for member in tar_members(self._stream(archive), archive, issues):
            self._places[f"{archive}/{member.name}"] = (archive, member)
            yield member

    def names(self) -> Iterable[str]:
        """The names of all members."""
        return self._places.keys()

    def read(self, name: str) -> bytes:
        """The bytes of one member; KeyError for an unknown name."""
        archive, member = self._places[name]
        if isinstance(self._files, FolderFiles):
            with (self._files.root / archive).open("rb") as stream:  # decoders read in several threads
                stream.seek(member.start)
                return stream.read(member.size)
        content = self._stream(archive)
        assert isinstance(content, io.BytesIO)
        return bytes(content.getbuffer()[member.start : member.start + member.size])

    def _stream(self, archive: str) -> BinaryIO:
        if archive not in self._streams:
            self._streams[archive] = _opened(self._files, archive)
        return self._streams[archive]


def _opened(files: Files, archive: str) -> BinaryIO:
    if not isinstance(files, FolderFiles):
        return io.BytesIO(files.read(archive))
    path = (files.root / archive).resolve()
    if not path.is_relative_to(files.root.resolve()) or not path.is_file():
        raise Skipped("special_file", f"{quoted(archive)} is a link out of the folder. Copy the file itself.")
    return path.open("rb")


def matches(files: Files, table: str = "") -> bool:
    """Whether an archive has an image with a text, a record or a class of its name among its first files."""
    return any(_holds_samples(files, name) for name in _archives(files, table)[:3])


def _archives(files: Files, table: str = "") -> list[str]:
    return [table] if table else sorted(n for n in files.names() if n.lower().endswith(TAR))


def _holds_samples(files: Files, archive: str) -> bool:
    kinds: dict[str, set[str]] = {}
    try:
        for member, _ in zip(TarFiles(files).add(archive, ReadIssues()), range(PEEKED), strict=False):
            key, ending = _parts(member.name)
            kinds.setdefault(key, set()).add("image" if _is_image(ending) else _last(ending))
    except (Refused, Skipped, KeyError, OSError):
        return False
    described = {*TEXTS, *VALUES, "json"}
    return any("image" in found and not described.isdisjoint(found) for found in kinds.values())


def read(
    files: Files, *, table: str = "", roles: Roles | None = None, given: Roles | None = None
) -> RawStudies:
    """One study per sample; several splits in the names of the archives become the column "split"."""
    held, problems = TarFiles(files), list[Problem]()
    records: list[dict[str, str]] = []
    archives = _archives(files, table)
    for archive in archives:
        records += _samples(held, archive, problems)
    if not records:
        damaged = [p for p in (*files.issues.problems(), *problems) if p[1].startswith("tar_")]
        if damaged:
            raise Refused(damaged[0][1], damaged[0][2])
        raise Refused("no_usable_files", f"Expected {EXPECTS}; found none of these.")
    several = len({record["split"] for record in records}) > 1
    repeated = {key for key, n in Counter(record["key"] for record in records).items() if n > 1}
    for record in records:
        stem = PurePosixPath(record.pop("archive")).stem
        record["key"] = f"{stem}/{record['key']}" if record["key"] in repeated else record["key"]
        if not several:
            record.pop("split")
    rows = _table(records)
    refuse_absent(given or Roles(), rows)
    guess = guess_roles(rows, held, given)
    result = build_raw_studies(LAYOUT, rows, guess, roles, held, problems=tuple(problems))
    if len(result.roles.images) + len(result.roles.texts) + bool(result.roles.tabular) < 2:
        missing = "Expected a column of images and one of text, or two of either."
        return RawStudies(**{**vars(result), "missing": missing})
    return result


def _table(records: list[dict[str, str]]) -> pd.DataFrame:
    return table_from_records(records, [*dict.fromkeys(column for record in records for column in record)])


def _samples(held: TarFiles, archive: str, problems: list[Problem]) -> list[dict[str, str]]:
    """The samples of one archive: a record for each, in order."""
    samples: dict[str, dict[str, str]] = {}
    split = split_of(archive)
    for member in held.add(archive, held.issues):
        key, ending = _parts(member.name)
        sample = samples.setdefault(key, {"key": key, "archive": archive, "split": split})
        name = f"{archive}/{member.name}"
        try:
            for column, cell in _cells(held, name, ending, member.size).items():
                if column in sample and _is_image(ending):
                    raise Skipped("image_no_place", NO_PLACE)
                sample[column] = cell
        except Skipped as error:
            problems.append((name, error.code, error.message))
    return [sample for sample in samples.values() if len(sample) > 3]


def _parts(name: str) -> tuple[str, str]:
    """(name up to the first dot of its last part, what follows in lower case)."""
    folder, slash, last = name.rpartition("/")
    key, _, ending = last.partition(".")
    return f"{folder}{slash}{key}", ending.lower()


def _last(ending: str) -> str:
    return ending.rpartition(".")[2]


def _is_image(ending: str) -> bool:
    return f".{ending}".endswith(IMAGE_SUFFIXES)


def _cells(held: TarFiles, name: str, ending: str, size: int) -> dict[str, str]:
    """The cells that one member gives to its sample. `Skipped` if it is neither image, text nor record."""
    kind, first = _last(ending), ending.rpartition(".")[0]
    if _is_image(ending):
        return {first or "image": name}
    if kind not in (*TEXTS, *VALUES, "json"):
        raise Skipped("file_type_not_allowed", "It is neither an image, nor a text, nor a record.")
    if size > MAX_TEXT:
        raise Skipped("report_too_long", "The text is longer than any report. Leave it out.")
    try:
        text = decode(held.read(name), name) if size else ""
        if kind != "json":
            return {first or ("text" if kind == "txt" else kind): text.strip()}
        content = json.loads(text)
    except Refused as error:
        raise Skipped(error.code, error.message) from error
    except (ValueError, RecursionError) as error:
        raise Skipped("table_corrupt", f"{quoted(name)} is not readable JSON. Write it again.") from error
    cells = flat_record(content) if isinstance(content, dict) else {}
    own = ("key", "archive", "split")
    return {f"json.{column}" if column in own else column: cell for column, cell in cells.items()}
