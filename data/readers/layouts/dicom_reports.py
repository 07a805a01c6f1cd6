"""Reports beside DICOM files: from a table that names the files, or from text files of the same name."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from suture.data.errors import Refused, Skipped
from suture.data.files.sources import Files
from suture.data.phi.identifiers import header_key, is_personal
from suture.data.readers.file_lookup import DICOM, Lookup
from suture.data.readers.finish import TABLE_NOT_USED, read_named_table
from suture.data.readers.layouts.table import is_table
from suture.data.readers.roles import guess_roles

KEYS = (
    "sop_instance_uid", "study_instance_uid", "accession_number", "accession", "study_id",
    "image_id", "id", "uid", "dicom_id", "image", "file", "filename", "file_name", "path", "dicom",
)  # fmt: skip
NOT_REPORTS = ("readme", "license", "licence", "changelog", "sha256sums")


@dataclass(frozen=True)
class Reports:
    """Rows of a table by every key that can identify them, and text files by name."""

    texts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    split: str = ""
    rows: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)  # key -> (row, its cells)
    table: str = ""
    n: int = 0  # rows of the table
    matched: set[int] = field(default_factory=set)
    unread: tuple[tuple[str, str, str], ...] = ()  # tables that were not used, and why
    files: Lookup = field(default_factory=lambda: Lookup(()))
    names: frozenset[str] = frozenset()
    in_folder: dict[str, list[str]] = field(default_factory=dict)  # text files named after no image there

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that `row` can return."""
        return (*self.texts, *self.labels, *filter(None, [self.split]))

    def row(self, keys: tuple[str, ...]) -> dict[str, str]:
        """The cells of the first of these keys that is in the table, {} if none is."""
        number, cells = next((self.rows[key] for key in keys if key in self.rows), (-1, {}))
        self.matched.add(number)
        return cells

    def unmatched(self) -> list[int]:
        """The rows of the table that no file was found for."""
        return [number for number in range(self.n) if number not in self.matched]

    def beside(self, name: str) -> str:
        """The text file with the name of the image, "" if there is none."""
        plain = next((name[: -len(s)] for s in DICOM if name.lower().endswith(s)), name)
        return self.files.find(plain) or self.of_study(name)

    def of_study(self, name: str) -> str:
        """The report of the whole study: named after a folder of the image and beside it, else the only text
        file in the image's folder. "" if there is none.
        """
        folders = [folder.as_posix() for folder in PurePosixPath(name).parents][:-1]
        after = next((f"{folder}.txt" for folder in folders if f"{folder}.txt" in self.names), "")
        inside = self.in_folder.get(folders[0], ()) if folders else ()
        return after or (inside[0] if len(inside) == 1 else "")


def find_reports(files: Files, table: str) -> Reports:
    """Reports from the table called `table`, else from the best table; and from every .txt file."""
    names = list(files.names())
    texts = Lookup(n for n in names if n.lower().endswith(".txt") and n != table)
    wanted = [table] if table else sorted(filter(is_table, names))
    every = [_of_table(files, name, named=bool(table)) for name in wanted]
    best = max((r for r in every if r.rows), key=lambda r: len(r.rows), default=Reports())
    unread = tuple(u for r in every for u in r.unread)
    unread += tuple(
        (r.table, "table_not_used", TABLE_NOT_USED) for r in every if r.table not in ("", best.table)
    )
    columns = best.texts if "report" in best.texts or not _has_texts(names) else (*best.texts, "report")
    named = frozenset(n for n in names if n.lower().endswith(".txt") and n != table)
    return replace(
        best,
        texts=columns,
        files=texts,
        names=named,
        in_folder=_by_folder(named, names),
        unread=unread,
    )


def _by_folder(texts: frozenset[str], names: list[str]) -> dict[str, list[str]]:
    """The text files of each folder that are named after no other file there and are no notes on the data."""
    others = {n.rpartition(".")[0] or n for n in names if n not in texts}
    found: dict[str, list[str]] = {}
    for name in sorted(texts):
        path = PurePosixPath(name)
        if name[: -len(".txt")] not in others and path.stem.lower() not in NOT_REPORTS:
            found.setdefault(path.parent.as_posix(), []).append(name)
    return found


def _has_texts(names: list[str]) -> bool:
    return any(n.lower().endswith(".txt") for n in names)


def _of_table(files: Files, name: str, *, named: bool) -> Reports:
    try:
        rows = read_named_table(files, name)
    except (KeyError, Refused, Skipped) as error:
        if named:
            raise
        code = "member_corrupt" if isinstance(error, KeyError) else error.code
        return Reports(unread=((name, code, str(error)),))  # an unrelated table
    roles = guess_roles(rows, files)
    keys = [c for c in rows.columns if header_key(c) in KEYS and not is_personal(c)]
    keys = list(dict.fromkeys([*keys, *roles.images]))
    kept = [*roles.texts, *roles.labels, *filter(None, [roles.split])]
    by_key: dict[str, tuple[int, dict[str, str]]] = {}
    for number, record in enumerate(rows.to_dict("records")):
        cells = {c: record[c] for c in kept}
        for key in keys:
            by_key.setdefault(record[key].strip(), (number, cells))
    by_key.pop("", None)
    return Reports(roles.texts, roles.labels, roles.split, by_key, name, len(rows))
