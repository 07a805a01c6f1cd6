"""In the child: which files of a source nothing used, so that found = taken + skipped for files as for rows.

A file is used if a row names it as its image, if the reader listed it among its problems, or if it was read
for what it says: a table, a report, a description. All others are counted here, whatever the layout.
"""

from __future__ import annotations

from collections.abc import Set

from suture.data.errors import Skipped
from suture.data.files.names import is_archive, printable_id
from suture.data.files.sources import Files, FolderFiles
from suture.data.intake.report import Skips
from suture.data.readers.file_lookup import is_image_name
from suture.data.readers.finish import TABLE_NOT_USED
from suture.data.readers.layouts.table import is_table
from suture.data.readers.layouts.unpaired import DESCRIPTION_SUFFIXES
from suture.data.readers.raw_studies import RawStudies

TEXTS = (".txt", ".xml")
DESCRIPTIONS = (*TEXTS, *DESCRIPTION_SUFFIXES, ".gz")
ROW = Skipped(
    "image_missing", "No file here has an id or a name that this row of the table gives. Add it, or its id."
)
IMAGE = Skipped(
    "image_not_used", "No study of the source names this image. Name it in the table, or leave it out."
)
TEXT = Skipped(
    "text_not_used",
    "It belongs to no study: no image here has its name. Call it like its image, or leave it out.",
)
TABLE = Skipped("table_not_used", TABLE_NOT_USED)
ARCHIVE = Skipped(
    "nested_archive", "Archives inside of a source are not opened. Unpack it, or import it alone."
)
OTHER = Skipped(
    "file_type_not_allowed",
    "This kind of file is not read: images, .txt reports and tables are. Leave it out.",
)


def unused_files(files: Files, raw: RawStudies, read: Set[str]) -> Skips:
    """The files of a source that no study uses.

    read  names of the files that were read while the source was understood
    """
    images = {name for column in raw.roles.images for name in raw.rows[column]}
    used = images | {item for item, _, _ in raw.problems}
    alias = files.same_files if isinstance(files, FolderFiles) else {}
    used |= {alias[name] for name in used & alias.keys()}
    used |= {link for link, target in alias.items() if target in used}
    apart = raw.files is not files  # images lie within the files: in archives, in Parquet
    left = unmatched_rows(raw)
    for name in sorted({*files.names()} - used):
        lower = name.lower()
        if name in read and (is_table(name) or lower.endswith(DESCRIPTIONS)):
            continue
        if apart and (is_image_name(name) or is_table(name) or lower.endswith(DESCRIPTIONS)):
            continue
        left.add(printable_id(name), _why(name))
    return left


def unmatched_rows(raw: RawStudies) -> Skips:
    """The rows of a table that describe no file of the source."""
    left = Skips()
    for number in raw.unmatched:
        left.add(f"row {number + 1}", ROW)
    return left


def _why(name: str) -> Skipped:
    if is_image_name(name):
        return IMAGE
    if is_table(name):
        return TABLE
    if name.lower().endswith(TEXTS):
        return TEXT
    return ARCHIVE if is_archive(name) else OTHER
