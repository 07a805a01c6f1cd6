"""In the child: open a source, recognise its layout, and read it study by study.

Frames sent: one "understood", then for each row "taken" with its images, or "left" with the reason.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from suture.data import images, readers
from suture.data.dicom.tags import read_allowed_tags
from suture.data.dicom.view import DicomView
from suture.data.errors import Refused, Skipped
from suture.data.files.magic import is_dicom
from suture.data.files.names import quoted
from suture.data.files.sources import Files, ZipFiles
from suture.data.intake.accounting import unmatched_rows, unused_files
from suture.data.intake.options import Options
from suture.data.intake.report import SHOWN_WARNED, Skips
from suture.data.intake.sources import open_source
from suture.data.intake.study_checks import Picture, check_study
from suture.data.phi.identifiers import identifiers
from suture.data.readers.file_lookup import DICOM, OUTSIDE, image_names, is_image_name, leads_out
from suture.data.readers.finish import columns_missing, refuse_absent
from suture.data.readers.label_prompts import with_prompts
from suture.data.readers.layouts import unpaired
from suture.data.readers.layouts.table import is_table
from suture.data.readers.raw_studies import RawStudies
from suture.data.readers.split_files import with_split_files
from suture.data.readers.table_warnings import table_warnings
from suture.data.sandbox import TICK

DECODERS = 4
PREFETCHED_ROWS = 64  # rows whose images are decoded ahead; bounds memory
MANY = 1024  # rows without their image in one frame, at most
CACHED_IMAGES = 32  # decoded images kept, so that an image with several captions is decoded once
TAGS_READ = ("dicom", "loose")  # layouts that read the tags of DICOM files themselves
LOW_CONTRAST = 24  # of 255: an image whose grey values span less was probably scaled for another range
PREVIEW_ROWS = 5  # rows shown to the user
MISSING = "The row's image is not among the files. Put images and table into one ZIP or folder."
NO_TABLE = ("file_type_not_allowed", "json_too_deep", "table_not_records")  # a layout's reason says more
Event = tuple[dict[str, Any], Sequence[np.ndarray]]
Send = Callable[..., None]


def describe(request: dict[str, Any], send: Send) -> None:
    """Task: describe the source, with its first rows."""
    raw = _open_and_read(request, send, incomplete=True).raw
    head = raw.rows.head(PREVIEW_ROWS).to_dict("records")
    send({**description_header(raw), "columns": [*raw.rows.columns], "head": head, "missing": raw.missing})


def read(request: dict[str, Any], send: Send) -> None:
    """Task: send the studies from row `start` on, the first `careful` ones one at a time and announced."""
    opened = _open_and_read(request, send)
    raw, left = opened.raw, opened.unused()
    send({**description_header(raw), "unused": {"counts": left.counts(), "shown": left.first()}})
    options = Options.from_json(request["options"])
    for header, arrays in studies(raw, options, request["start"], request["careful"]):
        send(header, arrays)


def description_header(raw: RawStudies) -> dict[str, Any]:
    """The "understood" frame: what is known about a source before its studies are read."""
    return {
        "kind": "understood",
        "layout": raw.layout,
        "n": len(raw.rows),
        "roles": asdict(raw.roles),
        "rename": dict(raw.rename),
        "problems": [*raw.problems],
        "warnings": dict(raw.warnings),
        "warned": {code: items[:SHOWN_WARNED] for code, items in raw.warned.items()},
        "synthetic": raw.synthetic,
        "notes": dict(raw.notes),
    }


def studies(raw: RawStudies, options: Options, start: int = 0, careful: int = 0) -> Iterator[Event]:
    """A "taken" or "left" frame for each row, in order; rows without their image come many to a frame.

    A table often names far more images than are here: such rows are told apart beforehand, and cost no frame
    each.
    """
    used, identifying = raw.roles.columns(), {raw.roles.study_id, *raw.roles.images}
    rows, few = (raw.rows[[c for c in raw.rows.columns if c in some]] for some in (used, identifying))
    names = {*raw.files.names()}
    absent = _without_image(raw, names)
    absent[start : start + careful] = False

    @lru_cache(maxsize=CACHED_IMAGES)
    def picture(name: str) -> Picture:
        if name and name not in names:
            return _absent(raw, name)
        return _picture(raw.files, name, options.dicom)

    def pictures_of(row: dict[str, str]) -> list[Picture]:
        return [picture(row[column]) for column in raw.roles.images]

    for number, row in enumerate(_records(rows.iloc[start : start + careful]), start):
        yield {"kind": "begin", "row": number}, ()
        yield _event(raw, options, number, row, pictures_of(row))
    with ThreadPoolExecutor(DECODERS) as pool:
        first = start + careful
        while first < len(rows):
            last = _end_of_run(absent, first)
            block = _records((few if absent[first] else rows).iloc[first:last])  # cells as Python's
            if absent[first]:
                seen_of = [_absent_pictures(raw, row, names) for row in block]
                events = [
                    _event(raw, options, n, row, seen)
                    for n, (row, seen) in enumerate(zip(block, seen_of, strict=True), first)
                ]
                said = [*dict.fromkeys((event["code"], event["message"]) for event, _ in events)]
                places = {key: place for place, key in enumerate(said)}
                left = [[event["item"], places[event["code"], event["message"]]] for event, _ in events]
                yield {"kind": "left", "row": first, "many": left, "said": said}, ()
            else:
                decoded = pool.map(pictures_of, block)
                for number, (row, seen) in enumerate(zip(block, decoded, strict=True), first):
                    yield _event(raw, options, number, row, seen)
            first = last


def _records(rows: pd.DataFrame) -> list[dict[str, str]]:
    """The rows as dicts; pandas' own `to_dict` takes each cell of a string column by itself."""
    columns = {str(c): rows[c].tolist() for c in rows.columns}
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _without_image(raw: RawStudies, names: set[str]) -> np.ndarray:
    """Whether an image that the row names is not among the files: bool, one per row."""
    absent = np.zeros(len(raw.rows), bool)
    for column in raw.roles.images:
        cells = raw.rows[column]
        absent |= (cells.ne("") & ~cells.isin(names)).to_numpy(bool)
    return absent


def _end_of_run(absent: np.ndarray, first: int) -> int:
    """The end of the rows from `first` that are alike, a block at most."""
    most = MANY if absent[first] else PREFETCHED_ROWS
    block = absent[first : first + most]
    other = np.flatnonzero(block != block[0])
    return first + int(other[0]) if len(other) else first + len(block)


def _absent_pictures(raw: RawStudies, row: dict[str, str], known: set[str]) -> list[Picture]:
    """What `_picture` says of a row that names an image that is not here, without looking for the others."""
    names = [row[column] for column in raw.roles.images]
    return [None if not name or name in known else _absent(raw, name) for name in names]


def _event(raw: RawStudies, options: Options, number: int, row: dict[str, str], seen: list[Picture]) -> Event:
    try:
        study, pixels = check_study(raw, number, row, seen, unpaired=options.unpaired)
    except Skipped as error:
        item = row.get(raw.roles.study_id) or f"row {number + 1}"
        return {"kind": "left", "row": number, "item": item, "code": error.code, "message": error.message}, ()
    header: dict[str, Any] = {
        "kind": "taken",
        "row": number,
        "study": study,
        "pictures": [*pixels],
    }
    texts = [] if raw.synthetic else [study[raw.rename.get(c, c)] for c in raw.roles.texts]
    counts = sum(map(identifiers, texts), Counter[str]())
    has_text = any(study[raw.rename.get(c, c)] for c in raw.roles.texts)
    tagged = [] if raw.layout in TAGS_READ else _dicom_warnings(raw, row)
    header |= {
        "warnings": [*_warnings(raw, pixels, has_text=has_text, has_identifiers=bool(counts)), *tagged],
        "identifiers": counts,
    }
    return header, [*pixels.values()]


def _warnings(
    raw: RawStudies, pixels: dict[str, np.ndarray], *, has_text: bool, has_identifiers: bool
) -> list[str]:
    """Codes of the warnings about an imported study."""
    no_report = bool(raw.roles.texts) and not has_text and raw.layout != unpaired.LAYOUT
    spans = [int(image.max()) - int(image.min()) for image in pixels.values()]
    low = any(0 < span < LOW_CONTRAST for span in spans)
    flags = {
        "image_constant": 0 in spans,
        "image_low_contrast": low,
        "report_empty": no_report,
        "warn_phi_in_text": has_identifiers,
    }
    return [code for code, is_set in flags.items() if is_set]


def _dicom_warnings(raw: RawStudies, row: dict[str, str]) -> list[str]:
    """Warnings that the tags of DICOM images give, in a layout that does not read tags."""
    codes: dict[str, None] = {}
    for name in filter(None, (row[column] for column in raw.roles.images)):
        if is_image_name(name) and not name.lower().endswith(DICOM):
            continue
        with suppress(KeyError, Skipped):
            if is_dicom(content := raw.files.read(name), name):
                codes |= dict.fromkeys(read_allowed_tags(content).warnings)
    return [*codes]


def _picture(files: Files, name: str, view: DicomView) -> Picture:
    if not name:
        return None
    try:
        return np.asarray(images.downscale(images.decode(files.read(name), name, view)))
    except KeyError:
        return Skipped("image_missing", MISSING)
    except Refused:
        raise  # concerns the whole source
    except Skipped as error:
        return Skipped(
            error.code, error.message
        )  # without the traceback, which would keep whole images alive
    except (MemoryError, RecursionError) as error:
        return _undecodable("image_too_large", name, error)
    except Exception as error:  # one image must not stop the others
        return _undecodable("image_corrupt", name, error)


def _undecodable(code: str, name: str, error: BaseException) -> Skipped:
    return Skipped(code, f"{quoted(name)} cannot be decoded ({type(error).__name__}). Export it again.")


def _absent(raw: RawStudies, name: str) -> Skipped:
    """The error for a name without a file. The name comes from a table cell, so it is not quoted."""
    if why := raw.absent.get(name):
        return Skipped(*why)
    if leads_out(name):
        return Skipped("image_path_not_in_upload", OUTSIDE)
    return Skipped("image_missing", MISSING)


@dataclass(frozen=True)
class _Opened:
    """A source as it was understood.

    read   names of the files that were read for this
    alone  whether the source is one table, whose folder is not part of it
    """

    raw: RawStudies
    files: Files
    read: Set[str]
    alone: bool

    def unused(self) -> Skips:
        """The files that no study uses."""
        if self.alone:
            return unmatched_rows(self.raw)
        return unused_files(self.files, self.raw, self.read)


def _open_and_read(request: dict[str, Any], send: Send, *, incomplete: bool = False) -> _Opened:
    options = Options.from_json(request["options"])
    source = Path(request["source"])
    files, table = open_source(source, options.table)
    options = replace(options, table=table)
    lists = [(Path(path).name, _list_of_ids(Path(path))) for path in options.split_files]
    names = _watched(files, send)
    raw = read_source(files, options, request.get("secret", ""), incomplete=incomplete)
    raw = _with_table_warnings(with_split_files(raw, lists))
    return _Opened(raw, files, names, alone=source.is_file() and not isinstance(files, ZipFiles))


def _with_table_warnings(raw: RawStudies) -> RawStudies:
    warnings, warned = dict(raw.warnings), dict(raw.warned)
    for one in table_warnings(raw):
        warnings[one.code] = one.count
        if one.columns:
            warned[one.code] = [*one.columns]
    return replace(raw, warnings=warnings, warned=warned)


def _list_of_ids(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"The list of ids {quoted(path.name)} cannot be read. Check its path."
        raise Refused("source_missing", message) from error


def read_source(files: Files, options: Options, secret: str = "", *, incomplete: bool = False) -> RawStudies:
    """The studies in the given or detected layout. Roles that the user named come first, others are guessed.

    secret      the key of the patient pseudonyms; "" = a new one
    incomplete  also return a source whose roles do not suffice; `missing` then says what is missing
    """
    raw = _read(files, options, secret, incomplete=True)
    named = {part: value for part, value in vars(options.overrides).items() if value}
    if named and raw.roles != replace(raw.roles, **named):  # a layout that has roles of its own
        refuse_absent(options.overrides, raw.rows)
        roles = replace(raw.roles, **named)
        raw = _read(files, replace(options, layout=raw.layout, roles=roles), secret, incomplete=True)
    if options.prompts:
        raw = with_prompts(raw, options.prompts, options.overrides.labels)
    if raw.missing and not incomplete:
        raise columns_missing(raw.missing, raw.rows)
    return raw


def _read(files: Files, options: Options, secret: str, *, incomplete: bool) -> RawStudies:
    if not options.loose:
        how: dict[str, Any] = {"layout": options.layout, "table": options.table, "secret": secret}
        how |= {"roles": options.roles, "given": options.overrides, "incomplete": incomplete}
        return readers.read(files, **how)
    if unpaired.matches(files):
        return unpaired.read(files)
    try:
        raw = unpaired.without_missing_images(readers.read(files, secret=secret))
    except Refused as error:
        return _without_table(files, error)
    cells = {name for column in raw.roles.images for name in raw.rows[column]}
    mentioned = cells | {item for item, _, _ in raw.problems}
    unnamed = [name for name in image_names(files.names()) if name not in mentioned]
    reason = "The table has no row for this image. Add one, or leave the table out."
    return replace(raw, problems=(*raw.problems, *((name, "not_in_table", reason) for name in unnamed)))


def _without_table(files: Files, why: Refused) -> RawStudies:
    """Images whose table could not be read: the table is listed among the problems with its own reason."""
    describing = (
        () if why.code == "no_usable_files" else unpaired.DESCRIPTION_SUFFIXES
    )  # no layout that reads them
    try:
        raw = unpaired.read(files)
    except Refused as error:
        raise (why if describing and error.code in NO_TABLE else error) from None
    problems = [
        (n, why.code, why.message) if is_table(n) or n.lower().endswith(describing) else (n, c, m)
        for n, c, m in raw.problems
    ]
    return replace(raw, problems=tuple(problems))


def _watched(files: Files, send: Send) -> Set[str]:
    """The names of the files that are read from now on.

    A tick is sent once a second while they are read, so that the parent keeps waiting.
    """
    read, last, names = files.read, time.monotonic(), set[str]()

    def read_with_ticks(name: str) -> bytes:
        nonlocal last
        names.add(name)
        if time.monotonic() - last > 1:
            last = time.monotonic()
            send({"kind": TICK})
        return read(name)

    files.read = read_with_ticks  # type: ignore[method-assign]  # readers check the class of `files`
    return names
