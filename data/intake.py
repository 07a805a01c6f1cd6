"""The one door for data from outside: source -> checked collection in the workspace + report.

Every row of the source is taken, or skipped with a reason; or the whole source is refused and
nothing in the workspace changes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data import images, readers, store, tables
from data.collection import DUPLICATE, GROUP, SPLIT, STUDY_ID, Collection, Kind, Modality
from data.errors import Refused, Skipped, UserError
from data.files import MemoryFiles, ZipFiles, open_files
from data.raw import Files, RawStudies, Roles
from data.report import IntakeReport, Skips, refusal
from data.splits import split_by_group
from data.workspace import COLLECTION, Workspace, check_name

MAX_ID = 200
DECODERS = 4
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Options:
    """How to read a source; every field has a default that is guessed from the source.

    roles      all columns, instead of the guess; overrides  only those columns that are named in it
    unpaired   take studies of one modality too, which are skipped otherwise: no gap is seen in them
    """

    layout: str = ""
    table: str = ""
    roles: Roles | None = None
    seed: int = 0
    overrides: Roles = field(default_factory=Roles)
    unpaired: bool = False


def intake(
    workspace: Workspace,
    source: Path | bytes | RawStudies,
    name: str,
    *,
    options: Options | None = None,
    progress: Progress | None = None,
) -> IntakeReport:
    """Read a folder, ZIP or table into a new collection called `name`.

    source    a path, the bytes of an upload (a table if `options.table` names it, else a ZIP), or what a
              reader has understood already
    progress  called with (rows done, rows found)

    Never raises for bad input: the report says what was taken, skipped, or why all was refused.
    """
    skips = Skips()
    found = 0
    options = options or Options()
    try:
        check_name(name)
        workspace.refuse_taken(COLLECTION, name)
        raw = source if isinstance(source, RawStudies) else examine(source, options=options)
        skips = Skips(raw.problems)
        found = len(raw.rows) + len(raw.problems)
        taken = _take(workspace, raw, name, skips, options, progress)
    except UserError as error:
        return refusal(error, found=found, skipped=skips)
    message = f"{taken:,} of {found:,} studies taken into {name!r} ({raw.layout} layout)."
    return IntakeReport(found, taken, skips.counts(), None, message, skips.shown())


def examine(source: Path | bytes, *, options: Options) -> RawStudies:
    """How the source is understood, before anything is taken. Shown for correction."""
    files, table = _open(source, options.table)
    raw = readers.read(files, layout=options.layout, table=table, roles=options.roles)
    named = {part: value for part, value in vars(options.overrides).items() if value}
    if not named:
        return raw
    absent = sorted(replace(Roles(), **named).columns() - set(raw.rows.columns))
    if absent:
        raise Refused(
            "table_columns_missing",
            f"There is no column {absent[0]!r}. The table has: {', '.join(raw.rows.columns[:30])}.",
        )
    roles = replace(raw.roles, **named)
    return readers.read(files, layout=raw.layout, table=table, roles=roles)


def _open(source: Path | bytes, table: str) -> tuple[Files, str]:
    if isinstance(source, bytes):
        is_table = table.lower().endswith(tables.SUFFIXES)
        return MemoryFiles({table: source}) if is_table else ZipFiles(source), table
    source = source.resolve()
    if not source.exists():
        raise Refused("source_missing", f"There is nothing at {str(source)!r}. Check the path.")
    if source.is_file() and source.suffix.lower() != ".zip":
        if source.suffix.lower() not in tables.SUFFIXES:
            raise Refused(
                "file_type_not_allowed",
                f"{source.name!r} is not something that can be imported. Expected a folder, a .zip, "
                f"or a table ({', '.join(tables.SUFFIXES)}).",
            )
        return open_files(source), source.name
    return open_files(source), table


def _take(
    workspace: Workspace,
    raw: RawStudies,
    name: str,
    skips: Skips,
    options: Options,
    progress: Progress | None,
) -> int:
    with workspace.staging() as staged:
        pack = images.PackWriter(staged) if raw.roles.images else None
        kept: list[dict[str, Any]] = []
        ids: set[str] = set()
        for number, (row, pictures) in enumerate(_decoded(raw)):
            try:
                kept.append(_study(raw, number, row, pictures, pack, ids, unpaired=options.unpaired))
            except Skipped as error:
                skips.add(row.get(raw.roles.study_id) or f"row {number + 1}", error)
            if progress and number % 16 == 15:
                progress(number + 1, len(raw.rows))
        if pack:
            pack.close()
        if not kept:
            raise Refused("no_usable_files", _nothing_left(skips))
        collection = _collection(raw, name, kept, options.seed)
        summary: dict[str, object] = {"skipped": skips.counts(), "problems": skips.shown()}
        store.publish(workspace, collection, staged, report=summary)
    return len(kept)


def _nothing_left(skips: Skips) -> str:
    reasons = ", ".join(f"{code}: {count}" for code, count in skips.counts().items())
    first = skips.shown()[0][2] if len(skips) else ""
    return f"No study could be taken ({reasons}). The first problem: {first}"


def _decoded(raw: RawStudies) -> Iterator[tuple[dict[str, str], list[bytes | Skipped | None]]]:
    """Rows in order with their pictures, decoded and encoded again a little ahead."""
    rows = raw.rows.to_dict("records")
    with ThreadPoolExecutor(DECODERS) as pool:
        for start in range(0, len(rows), 256):  # bounds what is held in memory
            block = rows[start : start + 256]
            yield from zip(block, pool.map(lambda row: _pictures(raw, row), block), strict=True)


def _pictures(raw: RawStudies, row: dict[str, str]) -> list[bytes | Skipped | None]:
    return [_picture(raw.files, row[column]) for column in raw.roles.images]


def _picture(files: Files, name: str) -> bytes | Skipped | None:
    if not name:
        return None
    try:
        return images.encode(images.decode(files.read(name), name))
    except KeyError:
        return Skipped(
            "image_missing",
            f"The picture {name[:100]!r} is not among the files. Pack pictures and table into one ZIP, "
            f"or give their folder.",
        )
    except Skipped as error:
        return error


def _study(
    raw: RawStudies,
    number: int,
    row: dict[str, str],
    pictures: list[bytes | Skipped | None],
    pack: images.PackWriter | None,
    ids: set[str],
    *,
    unpaired: bool,
) -> dict[str, Any]:
    """One checked row of the collection's table; raises `Skipped`."""
    roles = raw.roles
    study_id = _study_id(row[roles.study_id] if roles.study_id else f"row-{number + 1:06d}", ids)
    for picture in pictures:
        if isinstance(picture, Skipped):
            raise picture
    texts = {c: _text(row[c]) for c in roles.texts}
    described = any(texts.values()) or any(row[c] for c in roles.tabular)
    if unpaired and not (described or any(pictures)):
        raise Skipped("study_empty", "The study has neither a picture nor a text.")
    if not unpaired and not described and sum(p is not None for p in pictures) < 2:
        raise Skipped("report_empty", "The study has a picture and nothing to pair it with.")
    if not unpaired and not any(pictures) and sum(map(bool, texts.values())) < 2:
        raise Skipped("image_missing", "The study has one text and nothing to pair it with.")
    ids.add(study_id)
    study: dict[str, Any] = {STUDY_ID: study_id}
    study[GROUP] = (roles.group and row[roles.group]) or study_id
    study[SPLIT] = roles.split and row[roles.split].strip()
    study[DUPLICATE] = roles.duplicate_group and row[roles.duplicate_group]
    for column, picture in zip(roles.images, pictures, strict=True):
        name = raw.rename.get(column, column)
        study[name] = pack.add(picture) if pack and isinstance(picture, bytes) else -1
    study |= {raw.rename.get(c, c): text for c, text in texts.items()}
    study |= {c: row[c] for c in (*roles.tabular, *roles.labels)}
    return study


def _study_id(value: str, ids: set[str]) -> str:
    value = unicodedata.normalize("NFC", value.strip())
    if not value or len(value) > MAX_ID or not value.isprintable():
        raise Skipped("id_invalid", f"An id must be 1 to {MAX_ID} printable characters, got {value[:40]!r}.")
    if value in ids:
        raise Skipped("duplicate_id", f"The id {value!r} occurs more than once; the first is kept.")
    return value


def _text(value: str) -> str:
    text = unicodedata.normalize("NFC", value).replace("\x00", "").strip()
    if len(text) > tables.MAX_CELL:
        raise Skipped(
            "report_too_long",
            f"A text has {len(text):,} characters; the limit is {tables.MAX_CELL:,}.",
        )
    return text


def _collection(raw: RawStudies, name: str, kept: list[dict[str, Any]], seed: int) -> Collection:
    table = pd.DataFrame(kept)
    notes: dict[str, Any] = {**raw.notes, "layout": raw.layout, "columns": _columns(raw.roles)}
    if table[SPLIT].eq("").all():
        table[SPLIT] = split_by_group(table[GROUP], seed=seed)
        notes["split"] = f"by patient, 70/10/20, seed {seed}"
    else:
        table[SPLIT] = table[SPLIT].replace("", "unassigned")
        notes["split"] = "as given"
    if not raw.roles.group:
        notes["split"] += "; no patient column, so each study counts as its own patient"
    return Collection(name, table, _modalities(raw, table), raw.roles.labels, raw.synthetic, notes)


def _modalities(raw: RawStudies, table: pd.DataFrame) -> tuple[Modality, ...]:
    """Images first; a modality that no study has is left out."""
    roles = raw.roles
    named: list[tuple[str, Kind]] = [
        *((raw.rename.get(c, c), "image") for c in roles.images),
        *((raw.rename.get(c, c), "text") for c in roles.texts),
    ]
    filled = [Modality(n, k) for n, k in named if np.any(table[n].ne("") & table[n].ne(-1))]
    tabular = [Modality("tabular", "tabular", roles.tabular)] if roles.tabular else []
    return (*filled, *tabular)


def _columns(roles: Roles) -> dict[str, Any]:
    return {part: getattr(roles, part) for part in roles.__dataclass_fields__}
