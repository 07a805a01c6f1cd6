"""JSON and JSONL lists of records as tables of strings.

A record's cells are its plain values; what is nested one level deep becomes columns of its own. Known shapes:
a list of records, one record a line, records by id or by split, COCO's images with annotations, and the turns
of a conversation, of which the answer is the text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from suture.data import limits
from suture.data.errors import Refused, Skipped
from suture.data.files.names import quoted
from suture.data.files.read_issues import ReadIssues
from suture.data.splits import splits_in
from suture.data.tables.delimited import refuse_duplicate_columns, string_table
from suture.data.tables.encodings import INVALID_CHARACTERS, decode, without_surrogates
from suture.data.tables.headers import is_image_file

JSON = (".json", ".jsonl", ".ndjson")
LINES = (".jsonl", ".ndjson")
TURNS = ("conversations", "conversation", "messages")
ANSWERS = ("gpt", "assistant", "model", "bot")
QUESTIONS = ("human", "user")
Record = dict[str, Any]


def read_records(content: bytes, name: str, issues: ReadIssues) -> pd.DataFrame:
    """All cells as strings, "" = missing. `Refused` if the file is damaged or holds no list of records."""
    text = decode(content, name)
    try:
        lines = name.lower().endswith(LINES)
        records = _of_lines(text, name, issues) if lines else _records(_parsed(text, name, issues), name)
    except RecursionError:
        message = f"{quoted(name)} is nested too deeply. Write it as a list of flat records."
        raise Refused("json_too_deep", message) from None
    return _table([flat_record(record) for record in records], name, issues)


def _parsed(text: str, name: str, issues: ReadIssues) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        if text.lstrip().startswith("{") and _is_json(text.strip().partition("\n")[0]):
            return _of_lines(text, name, issues)  # one record a line, whatever the file is called
        message = f"{quoted(name)} is not readable JSON. Write it again."
        raise Refused("table_corrupt", message) from error


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _of_lines(text: str, name: str, issues: ReadIssues) -> list[Record]:
    """One record of each line; a line that is none is skipped by its number."""
    records: list[Record] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict):
            records.append(record)
        else:
            what = "The line is not one JSON object. Write one record on each line."
            issues.skip(f"{name}, line {number:,}", Skipped("row_malformed", what))
    if not records:
        raise _no_records(name)
    return records


def _no_records(name: str) -> Refused:
    message = f"{quoted(name)} holds no list of records. Write a list of objects, one for each image."
    return Refused("table_not_records", message)


def _records(content: Any, name: str) -> list[Record]:
    """The records of a JSON file in one of the known shapes."""
    if _is_list_of_records(content):
        return content
    if not isinstance(content, dict):
        raise _no_records(name)
    lists = {key: value for key, value in content.items() if _is_list_of_records(value)}
    if {"images", "annotations"} <= {*lists}:
        return _coco(lists["images"], lists["annotations"])
    if lists and splits_in(lists):
        return [{"split": key} | record for key, records in lists.items() for record in records]
    if lists:
        return max(lists.values(), key=len)
    if content and all(isinstance(value, dict) for value in content.values()):
        return [{"id": key} | record for key, record in content.items()]
    raise _no_records(name)


def _is_list_of_records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _coco(images: list[Record], annotations: list[Record]) -> list[Record]:
    """One record for each annotation with the fields of its image, and one for each image without any."""
    by_id = {str(image.get("id")): {**image, "image_id": image.get("id")} for image in images}
    seen = {str(annotation.get("image_id")) for annotation in annotations}
    rows = [by_id.get(str(a.get("image_id")), {}) | a for a in annotations]
    bare = [image | {"id": f"image {key}"} for key, image in by_id.items() if key not in seen]
    return [*rows, *bare]


def flat_record(record: Record) -> dict[str, str]:
    """The cells of a record; the names of nested ones are joined by a dot."""
    cells: dict[str, str] = {}
    for key, value in record.items():
        if key in TURNS and _is_list_of_records(value):
            for column, text in _turns(value).items():
                cells.setdefault(column if column not in record else f"{key}.{column}", text)
        elif isinstance(value, dict):
            for inner, cell in value.items():
                cells.setdefault(f"{key}.{inner}", _cell(cell))
        elif _is_list_of_records(value):
            for inner in dict.fromkeys(k for item in value for k in item):
                cells.setdefault(f"{key}.{inner}", _joined(item[inner] for item in value if inner in item))
        else:
            cells[key] = _cell(value)
    return {without_surrogates(key): without_surrogates(cell) for key, cell in cells.items()}


def _turns(turns: list[Record]) -> dict[str, str]:
    """What was asked and what was answered in a conversation."""
    said: dict[str, list[str]] = {"prompt": [], "text": []}
    for turn in turns:
        who = str(turn.get("from") or turn.get("role") or "").lower()
        what = turn.get("value", turn.get("content", ""))
        if isinstance(what, list):  # parts, of which some are images
            what = " ".join(str(p.get("text", "")) for p in what if isinstance(p, Mapping) and "text" in p)
        column = "text" if who in ANSWERS else "prompt" if who in QUESTIONS else ""
        if column and isinstance(what, str):
            said[column].append(what.replace("<image>", "").strip())
    return {column: "\n".join(parts) for column, parts in said.items()}


def _joined(values: Iterable[Any]) -> str:
    """Several values in one cell: sentences by spaces, other values by semicolons."""
    cells = [cell for cell in map(_cell, values) if cell]
    return (" " if any(" " in cell for cell in cells) else "; ").join(cells)


def _cell(value: Any) -> str:
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value):
        alone = len(value) == 1 and not (isinstance(value[0], str) and is_image_file(value[0]))
        return _cell(value[0]) if alone else json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return str(value) if not isinstance(value, int) or abs(value) < 10**100 else "…"


def _table(records: list[dict[str, str]], name: str, issues: ReadIssues) -> pd.DataFrame:
    most = limits.current()
    if len(records) > most.table_rows:
        raise Refused("table_too_large", f"{quoted(name)} has more than {most.table_rows:,} rows, the limit.")
    columns = [*dict.fromkeys(column for record in records for column in record)]
    if len(columns) > most.table_columns:
        message = f"{quoted(name)} has {len(columns):,} columns, more than the limit."
        raise Refused("table_too_large", message)
    refuse_duplicate_columns([c.strip() for c in columns], name)
    rows = string_table(_rows(records, columns, name, issues), columns)
    return rows.rename(columns={c: c.strip() or f"column {n}" for n, c in enumerate(columns, 1)})


def _rows(
    records: list[dict[str, str]], columns: list[str], name: str, issues: ReadIssues
) -> Iterator[list[str]]:
    for number, record in enumerate(records, 1):
        if INVALID_CHARACTERS.search("".join(record.values())):
            what = "The record has a zero character. Write it again."
            issues.skip(f"{name}, record {number:,}", Skipped("row_malformed", what))
        else:
            yield [record.get(column, "") for column in columns]
