"""In the child: a source is opened, understood, and read study by study.

What is sent: one "understood", then for each row "taken" with its pictures, or "left" with the reason.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from suture.data import images, readers
from suture.data.dicom.view import DicomView
from suture.data.errors import Refused, Skipped
from suture.data.files.names import shown as labelled
from suture.data.intake.options import Options
from suture.data.intake.sources import opened
from suture.data.intake.study_checks import Picture, checked
from suture.data.phi.identifiers import identifiers
from suture.data.raw_studies import Files, RawStudies, Roles
from suture.data.readers.file_lookup import inside, pictures
from suture.data.readers.layouts import unpaired
from suture.data.readers.layouts.table import is_table
from suture.data.sandbox import TICK

DECODERS = 4
AHEAD = 64  # rows whose pictures are decoded before they are asked for: bounds memory
DECODED = 32  # pictures that are remembered: a picture of several captions is decoded once
HEAD = 5  # rows shown for correction
Event = tuple[dict[str, Any], Sequence[np.ndarray]]
Send = Callable[..., None]


def understand(request: dict[str, Any], send: Send) -> None:
    """Task: how the source is understood, with its first rows."""
    raw = _raw(request, send)
    head = raw.rows.head(HEAD).to_dict("records")
    send({**understood(raw), "columns": [*raw.rows.columns], "head": head})


def read(request: dict[str, Any], send: Send) -> None:
    """Task: the studies from row `start` on, the first `careful` of them one at a time and announced."""
    raw = _raw(request, send)
    send(understood(raw))
    options = Options.from_json(request["options"])
    for header, arrays in studies(raw, options, request["start"], request["careful"]):
        send(header, arrays)


def understood(raw: RawStudies) -> dict[str, Any]:
    """What is known of a source before any of its studies is taken."""
    return {
        "kind": "understood",
        "layout": raw.layout,
        "n": len(raw.rows),
        "roles": asdict(raw.roles),
        "rename": dict(raw.rename),
        "problems": [*raw.problems],
        "warnings": dict(raw.warnings),
        "synthetic": raw.synthetic,
        "notes": dict(raw.notes),
    }


def studies(raw: RawStudies, options: Options, start: int = 0, careful: int = 0) -> Iterator[Event]:
    """Each row as it was taken or left, in order."""
    rows = raw.rows.iloc[start:]

    @lru_cache(maxsize=DECODED)
    def picture(name: str) -> Picture:
        return _picture(raw.files, name, options.dicom)

    def pictures_of(row: dict[str, str]) -> list[Picture]:
        return [picture(row[column]) for column in raw.roles.images]

    for number, row in enumerate(rows.head(careful).to_dict("records"), start):
        yield {"kind": "begin", "row": number}, ()
        yield _event(raw, options, number, row, pictures_of(row))
    with ThreadPoolExecutor(DECODERS) as pool:
        for offset in range(careful, len(rows), AHEAD):
            block = rows.iloc[offset : offset + AHEAD].to_dict(
                "records"
            )  # cells as Python's, a few at a time
            decoded = pool.map(pictures_of, block)
            for number, (row, seen) in enumerate(zip(block, decoded, strict=True), start + offset):
                yield _event(raw, options, number, row, seen)


def _event(raw: RawStudies, options: Options, number: int, row: dict[str, str], seen: list[Picture]) -> Event:
    try:
        study, shown = checked(raw, number, row, seen, unpaired=options.unpaired)
    except Skipped as error:
        item = row.get(raw.roles.study_id) or f"row {number + 1}"
        return {"kind": "left", "row": number, "item": item, "code": error.code, "message": error.message}, ()
    header: dict[str, Any] = {"kind": "taken", "row": number, "study": study, "pictures": [*shown]}
    texts = [] if raw.synthetic else [study[raw.rename.get(c, c)] for c in raw.roles.texts]
    named = sum(map(identifiers, texts), Counter[str]())
    told = any(study[raw.rename.get(c, c)] for c in raw.roles.texts)
    header |= {"warnings": _warnings(raw, shown, told=told, named=bool(named)), "identifiers": named}
    return header, [*shown.values()]


def _warnings(raw: RawStudies, shown: dict[str, np.ndarray], *, told: bool, named: bool) -> list[str]:
    """Codes of what was taken, and should be looked at by a person."""
    silent = bool(raw.roles.texts) and not told and raw.layout != unpaired.LAYOUT
    flat = any(pixels.min() == pixels.max() for pixels in shown.values())
    found = {"image_constant": flat, "report_empty": silent, "warn_phi_in_text": named}
    return [code for code, here in found.items() if here]


def _picture(files: Files, name: str, view: DicomView) -> Picture:
    if not name:
        return None
    try:
        return np.asarray(images.shrunk(images.decode(files.read(name), name, view)))
    except KeyError:
        return _absent(name)
    except Refused:
        raise  # it is about the source, not about one picture
    except Skipped as error:
        return Skipped(error.code, error.message)  # without what it points to: whole pictures
    except (MemoryError, RecursionError) as error:
        return _undecodable("image_too_large", name, error)
    except Exception as error:  # whatever one picture does, the others are taken
        return _undecodable("image_corrupt", name, error)


def _undecodable(code: str, name: str, error: BaseException) -> Skipped:
    return Skipped(code, f"{labelled(name)} cannot be decoded here ({type(error).__name__}).")


def _absent(name: str) -> Skipped:
    """No file has the name: it is what stands in a cell, and is not told."""
    if not inside(name):
        message = (
            "The row's picture lies outside of what was given, where none is sought. Give its file name."
        )
        return Skipped("image_path_not_in_upload", message)
    message = "The row's picture is not among the files. Pack pictures and table into one ZIP or folder."
    return Skipped("image_missing", message)


def _raw(request: dict[str, Any], send: Send) -> RawStudies:
    options = Options.from_json(request["options"])
    files, table = opened(Path(request["source"]), options.table)
    return understood_as(_ticking(files, send), replace(options, table=table), request.get("secret", ""))


def understood_as(files: Files, options: Options, secret: str = "") -> RawStudies:
    """In the layout that is named, else one that is recognised; columns as guessed and corrected.

    secret  the key of patients' pseudonyms; "" = one of its own
    """
    raw = _read(files, options, secret)
    named = {part: value for part, value in vars(options.overrides).items() if value}
    if not named:
        return raw
    absent = sorted(replace(Roles(), **named).columns() - set(raw.rows.columns))
    if absent:
        raise Refused(
            "table_columns_missing",
            f"There is no column {labelled(absent[0])}. The table has: "
            f"{', '.join(labelled(c, 40) for c in raw.rows.columns[:30])}.",
        )
    return _read(files, replace(options, layout=raw.layout, roles=replace(raw.roles, **named)), secret)


def _read(files: Files, options: Options, secret: str) -> RawStudies:
    if not options.loose:
        how = {"layout": options.layout, "table": options.table, "secret": secret}
        return readers.read(files, roles=options.roles, **how)
    if unpaired.matches(files):
        return unpaired.read(files)
    try:
        raw = unpaired.without_pictures(readers.read(files, secret=secret))
    except Refused as error:
        return _without_table(files, error)
    cells = {name for column in raw.roles.images for name in raw.rows[column]}
    told = cells | {item for item, _, _ in raw.problems}
    unnamed = [name for name in pictures(files.names()) if name not in told]
    reason = "Nothing in the table names this picture. Add a row for it, or leave the table out."
    return replace(raw, problems=(*raw.problems, *((name, "not_in_table", reason) for name in unnamed)))


def _without_table(files: Files, why: Refused) -> RawStudies:
    """Pictures whose table could not be read: it is among the problems, by its own reason."""
    describing = () if why.code == "no_usable_files" else unpaired.DESCRIBING  # no layout that reads them
    try:
        raw = unpaired.read(files)
    except Refused as error:
        raise (why if describing and error.code == "file_type_not_allowed" else error) from None
    problems = [
        (n, why.code, why.message) if is_table(n) or n.lower().endswith(describing) else (n, c, m)
        for n, c, m in raw.problems
    ]
    return replace(raw, problems=tuple(problems))


def _ticking(files: Files, send: Send) -> Files:
    """The same files, which tell once a second that reading goes on: the parent waits only so long."""
    read, last = files.read, time.monotonic()

    def told(name: str) -> bytes:
        nonlocal last
        if time.monotonic() - last > 1:
            last = time.monotonic()
            send({"kind": TICK})
        return read(name)

    files.read = told  # type: ignore[method-assign]  # readers ask which kind of files these are
    return files
