"""Reports that lie beside DICOM files: a table that names them, or text files of the same name."""

from __future__ import annotations

from dataclasses import dataclass, field

from suture.data.errors import Refused, Skipped
from suture.data.phi.identifiers import header_key, is_private
from suture.data.raw_studies import Files
from suture.data.readers.file_lookup import DICOM, Lookup
from suture.data.readers.finish import table_of
from suture.data.readers.layouts.table import is_table
from suture.data.readers.roles import guess_roles

KEYS = (
    "sop_instance_uid", "study_instance_uid", "accession_number", "accession", "study_id",
    "image_id", "id", "uid", "dicom_id", "image", "file", "filename", "file_name", "path", "dicom",
)  # fmt: skip


@dataclass(frozen=True)
class Reports:
    """Rows of a table by every key they can be asked for, and text files by name."""

    texts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    split: str = ""
    rows: dict[str, dict[str, str]] = field(default_factory=dict)
    files: Lookup = field(default_factory=lambda: Lookup(()))

    @property
    def columns(self) -> tuple[str, ...]:
        """What `row` can give."""
        return (*self.texts, *self.labels, *filter(None, [self.split]))

    def row(self, keys: tuple[str, ...]) -> dict[str, str]:
        """The cells of the first key that the table knows, {} if it knows none."""
        return next((self.rows[key] for key in keys if key in self.rows), {})

    def beside(self, name: str) -> str:
        """The text file with the picture's name, "" if there is none."""
        plain = next((name[: -len(s)] for s in DICOM if name.lower().endswith(s)), name)
        return self.files.find(plain)


def find_reports(files: Files, table: str) -> Reports:
    """From the table called `table`, else from all there are; and from every .txt."""
    names = list(files.names())
    texts = Lookup(n for n in names if n.lower().endswith(".txt") and n != table)
    wanted = [table] if table else sorted(filter(is_table, names))
    read = [r for r in (_of_table(files, name, named=bool(table)) for name in wanted) if r.rows]
    best = max(read, key=lambda r: len(r.rows), default=Reports())
    columns = best.texts if "report" in best.texts or not _has_texts(names) else (*best.texts, "report")
    return Reports(columns, best.labels, best.split, best.rows, texts)


def _has_texts(names: list[str]) -> bool:
    return any(n.lower().endswith(".txt") for n in names)


def _of_table(files: Files, name: str, *, named: bool) -> Reports:
    try:
        rows = table_of(files, name)
    except (KeyError, Refused, Skipped):
        if named:
            raise
        return Reports()  # some other table that lies about
    roles = guess_roles(rows, files)
    keys = [c for c in rows.columns if header_key(c) in KEYS and not is_private(c)]
    keys = list(dict.fromkeys([*keys, *roles.images]))
    kept = [*roles.texts, *roles.labels, *filter(None, [roles.split])]
    found: dict[str, dict[str, str]] = {}
    for record in rows.to_dict("records"):
        cells = {c: record[c] for c in kept}
        for key in keys:
            found.setdefault(record[key].strip(), cells)
    found.pop("", None)
    return Reports(roles.texts, roles.labels, roles.split, found)
