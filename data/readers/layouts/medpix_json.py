"""MedPix 2.0 as published: JSON lists of pictures and of cases, JSON lines a split."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from suture.data.errors import Refused
from suture.data.raw_studies import Files
from suture.data.readers.file_lookup import split_of
from suture.data.readers.finish import frame
from suture.data.tables.reading import decode

MAX_BYTES = 256 * 2**20
EMPTY = ("n/a", "none", "null", "na")  # how the authors write that there is nothing
COLUMNS = [
    "image_id", "image", "caption", "history", "findings", "case_id", "split",
    "modality", "plane", "location", "location_category", "diagnosis", "sex",
]  # fmt: skip
Record = dict[str, Any]


def published(files: Files, descriptions: str) -> pd.DataFrame:
    """The rows that `studies.csv` would have; equal captions of one case are one caption_group."""
    cases = {str(c.get("U_id")): c for name in _called(files, "Case_topic.json") for c in _list(files, name)}
    splits = {uid: split_of(name) for name in _lines_files(files) for uid in _uids(files, name)}
    records = [_record(d, cases, splits) for d in _list(files, descriptions)]
    rows = frame(records, COLUMNS)
    numbers = rows.groupby(["case_id", "caption"], sort=False).ngroup().astype(str)
    # An empty caption is like no other: it stands for itself.
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
    return "" if words.lower() in EMPTY else words


def _called(files: Files, base: str) -> list[str]:
    return [name for name in files.names() if PurePosixPath(name).name == base]


def _lines_files(files: Files) -> list[str]:
    return sorted(n for n in files.names() if n.endswith(".jsonl") and split_of(n))


def _uids(files: Files, name: str) -> list[str]:
    lines = decode(files.read(name), name).split("\n")
    return [str(_dict(_json(line, name)).get("U_id", "")) for line in lines if line.strip()]


def _list(files: Files, name: str) -> list[Record]:
    content = files.read(name)
    if len(content) > MAX_BYTES:
        raise Refused("table_too_large", f"{name!r} is longer than {MAX_BYTES:,} bytes.")
    found = _json(decode(content, name), name)
    if not isinstance(found, list):
        raise Refused("table_corrupt", f"{name!r} should hold a JSON list of records.")
    return [record for record in found if isinstance(record, dict)]


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused("table_corrupt", f"{name!r} is not readable JSON.") from error
