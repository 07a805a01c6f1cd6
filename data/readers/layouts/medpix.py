"""MedPix 2.0: CT and MR pictures of teaching cases, each with its own caption.

Either one `studies.csv` (image_id, image, caption, caption_group, case_id, …), or the files as they
were published: `Descriptions.json`, `Case_topic.json`, `splitted_dataset/*.jsonl`.
"""

from __future__ import annotations

import pandas as pd

from suture.data.errors import Refused
from suture.data.raw_studies import Files, RawStudies, Roles
from suture.data.readers.file_lookup import Lookup, base, pictures
from suture.data.readers.finish import columns_missing, studies, table_of
from suture.data.readers.layouts.medpix_json import published

LAYOUT = "medpix"
EXPECTS = "MedPix 2.0: studies.csv with image_id, caption and case_id, or Descriptions.json, with images/"
OWN_TABLES = r"studies\.csv"
NEEDED = ("image_id", "image", "caption", "case_id")
TEXTS = ("caption", "history", "findings")
LABELS = (
    "modality",
    "plane",
    "location",
    "location_category",
    "diagnosis",
    "sex",
    "topic_category",
)


def matches(files: Files) -> bool:
    """Whether the descriptions are there, or a studies.csv with this collection's columns."""
    return bool(_called(files, "Descriptions.json")) or any(
        _has_columns(files, name) for name in _called(files, "studies.csv")
    )


def _called(files: Files, last: str) -> list[str]:
    return sorted(name for name in files.names() if base(name) == last)


def _has_columns(files: Files, name: str) -> bool:
    header = files.read(name)[:4096].decode("utf-8-sig", "replace").split("\n", 1)[0]
    return {*NEEDED, "caption_group"} <= {cell.strip(' "\r') for cell in header.split(",")}


def read(files: Files, *, table: str = "", roles: Roles | None = None) -> RawStudies:
    """One study a picture. Group: the case; pictures of one caption are one duplicate group."""
    rows = _rows(files)
    lookup = Lookup(pictures(files.names()))
    rows["image"] = [lookup.find(value) or value for value in rows["image"]]
    guess = Roles(
        study_id="image_id",
        images=("image",),
        texts=tuple(c for c in TEXTS if c in rows),
        labels=tuple(c for c in LABELS if c in rows),
        group="case_id",
        split="split" if "split" in rows else "",
        duplicate_group="caption_group" if "caption_group" in rows else "",
    )
    return studies(LAYOUT, rows, guess, roles, files)


def _rows(files: Files) -> pd.DataFrame:
    tables, descriptions = _called(files, "studies.csv"), _called(files, "Descriptions.json")
    if not tables and not descriptions:
        raise Refused("no_usable_files", f"Expected {EXPECTS}; found neither.")
    if not tables:
        return published(files, descriptions[0])
    rows = table_of(files, tables[0])
    if any(column not in rows for column in NEEDED):
        raise columns_missing(f"{tables[0]!r} should have {', '.join(NEEDED)}.", rows)
    return rows
