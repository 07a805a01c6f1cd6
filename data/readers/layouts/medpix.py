"""MedPix 2.0: CT and MR images of teaching cases, each with a caption.

Either one `studies.csv` (image_id, image, caption, caption_group, case_id, …), or the published files:
`Descriptions.json`, `Case_topic.json`, `splitted_dataset/*.jsonl`.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from suture.data.errors import Refused
from suture.data.files.sources import Files
from suture.data.readers.file_lookup import Lookup, file_name, split_of
from suture.data.readers.finish import (
    build_raw_studies,
    columns_missing,
    read_named_table,
    table_from_records,
)
from suture.data.readers.raw_studies import RawStudies, Roles
from suture.data.tables.reading import decode

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
MAX_BYTES = 256 * 2**20
NOTHING = ("n/a", "none", "null", "na")  # how the authors mark an empty value
COLUMNS = [
    "image_id", "image", "caption", "history", "findings", "case_id", "split",
    "modality", "plane", "location", "location_category", "diagnosis", "sex",
]  # fmt: skip
Record = dict[str, Any]


def matches(files: Files) -> bool:
    """Whether there is a Descriptions.json, or a studies.csv with the columns of this layout."""
    return bool(_called(files, "Descriptions.json")) or any(
        _has_columns(files, name) for name in _called(files, "studies.csv")
    )


def _called(files: Files, last: str) -> list[str]:
    return sorted(name for name in files.names() if file_name(name) == last)


def _has_columns(files: Files, name: str) -> bool:
    header = files.read(name)[:4096].decode("utf-8-sig", "replace").split("\n", 1)[0]
    return {*NEEDED, "caption_group"} <= {cell.strip(' "\r') for cell in header.split(",")}


def read(files: Files, *, table: str = "", roles: Roles | None = None) -> RawStudies:
    """One study per image. Group: the case. Images with one caption are one duplicate group."""
    rows = _rows(files)
    lookup = Lookup.of_images(files)
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
    return build_raw_studies(LAYOUT, rows, guess, roles, files)


def _rows(files: Files) -> pd.DataFrame:
    tables, descriptions = _called(files, "studies.csv"), _called(files, "Descriptions.json")
    if not tables and not descriptions:
        raise Refused("no_usable_files", f"Expected {EXPECTS}; found neither.")
    if not tables:
        return published(files, descriptions[0])
    rows = read_named_table(files, tables[0])
    if any(column not in rows for column in NEEDED):
        raise columns_missing(f"{tables[0]!r} should have {', '.join(NEEDED)}.", rows)
    return rows


def published(files: Files, descriptions: str) -> pd.DataFrame:
    """The rows that `studies.csv` would have. Equal captions of one case are one caption_group."""
    cases = {str(c.get("U_id")): c for name in _called(files, "Case_topic.json") for c in _list(files, name)}
    splits = {uid: split_of(name) for name in _lines_files(files) for uid in _uids(files, name)}
    records = [_record(d, cases, splits) for d in _list(files, descriptions)]
    rows = table_from_records(records, COLUMNS)
    numbers = rows.groupby(["case_id", "caption"], sort=False).ngroup().astype(str)
    # Studies with empty captions are not duplicates of each other.
    return rows.assign(caption_group=("c" + numbers).where(rows.caption.ne(""), rows.image_id))


def _record(picture: Record, cases: dict[str, Record], splits: dict[str, str]) -> dict[str, str]:
    uid = str(picture.get("U_id", ""))
    about, case = _dict(picture.get("Description")), _dict(cases.get(uid, {}).get("Case"))
    return {
        "image_id": _words(picture.get("image")),
        "image": _words(picture.get("image")),
        "caption": _words(about.get("Caption")),
        "history": _words(case.get("History")),
        "findings": _words(case.get("Findings")),
        "case_id": uid,
        "split": splits.get(uid, ""),
        "modality": _words(picture.get("Type")),
        "plane": _words(about.get("Plane")),
        "location": _words(picture.get("Location")),
        "location_category": _words(picture.get("Location Category")),
        "diagnosis": _words(case.get("Title")),
        "sex": _words(about.get("Sex")),
    }


def _dict(value: object) -> Record:
    return value if isinstance(value, dict) else {}


def _words(value: object) -> str:
    words = " ".join(str(value or "").split())
    return "" if words.lower() in NOTHING else words


def _lines_files(files: Files) -> list[str]:
    return sorted(n for n in files.names() if n.endswith(".jsonl") and split_of(n))


def _uids(files: Files, name: str) -> list[str]:
    lines = decode(files.read(name), name).split("\n")
    return [str(_dict(_json(line, name)).get("U_id", "")) for line in lines if line.strip()]


def _list(files: Files, name: str) -> list[Record]:
    content = files.read(name)
    if len(content) > MAX_BYTES:
        raise Refused("table_too_large", f"{name!r} has more than {MAX_BYTES:,} bytes, the limit.")
    records = _json(decode(content, name), name)
    if not isinstance(records, list):
        raise Refused("table_corrupt", f"{name!r} should hold a JSON list of records.")
    return [record for record in records if isinstance(record, dict)]


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused("table_corrupt", f"{name!r} is not readable JSON. Copy it again.") from error
