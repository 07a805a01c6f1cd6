"""The one door for data from outside: source -> checked collection in the workspace + report.

Every row of the source is taken, or skipped with a reason; or the whole source is refused and nothing in the
workspace changes. Bytes from outside are parsed in a limited child (`data.sandbox`); an item on which the
child dies is skipped by name, and the rest goes on in another child.

- `intake` takes studies in; `examine` tells how a source is understood, `preview` what its first picture is
  like, before anything is taken.
- `Options` says how to read; `Understood` is what `examine` answers.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data import sandbox
from data.errors import UserError
from data.intake import reading
from data.intake.options import Options
from data.intake.taking import Progress, Taking, Understood
from data.raw import RawStudies
from data.report import IntakeReport, refusal
from data.sandbox import Frame, ParserDied
from data.workspace import COLLECTION, Workspace, check_name

__all__ = ["Options", "Progress", "Understood", "examine", "intake", "preview"]

CAREFUL = reading.AHEAD  # rows that are read one at a time after a child has died among them
MOST_DEATHS = 50


def intake(
    workspace: Workspace,
    source: Path | RawStudies,
    name: str,
    *,
    options: Options | None = None,
    progress: Progress | None = None,
) -> IntakeReport:
    """Read a folder, ZIP, table or upload (`data.uploads`) into a new collection called `name`.

    source    a path; or studies that this program made itself, which are read here and now
    progress  called with (rows done, rows found)

    Never raises for bad input: the report says what was taken, skipped, or why all was refused.
    """
    options = options or Options()
    taking = Taking(name, options.seed)
    try:
        check_name(name)
        workspace.refuse_taken(COLLECTION, name)
        frames = _own(source, options) if isinstance(source, RawStudies) else _strangers(source, options)
        taken, layout = taking.take(workspace, frames, progress)
    except UserError as error:
        return refusal(error, found=taking.found, skipped=taking.skips)
    return IntakeReport(
        taking.found,
        taken,
        taking.skips.counts(),
        None,
        f"{taken:,} of {taking.found:,} studies taken into {name!r} ({layout} layout).",
        taking.skips.shown(),
        dict(taking.warnings),
        dict(taking.identifiers),
    )


def examine(source: Path, *, options: Options | None = None) -> Understood:
    """How the source is understood, before anything is taken. Shown for correction; raises `Refused`."""
    request = {"source": str(source), "options": (options or Options()).to_json()}
    for frame in sandbox.run("understand", request):
        if frame.header["kind"] == "understood":
            return Understood.of(frame.header)
    raise ParserDied("parser_failed", "It could not be read: the reader did not answer.")


def preview(source: Path, *, options: Options | None = None) -> np.ndarray | None:
    """The first picture of a source as it would be taken, (h, w) or (h, w, 3) of uint8; None without one.

    `Refused` where nothing can be read.
    """
    for frame in _strangers(source, options or Options()):
        if frame.arrays:
            return frame.arrays[0]
    return None


def _own(raw: RawStudies, options: Options) -> Iterator[Frame]:
    yield Frame(reading.understood(raw))
    for header, arrays in reading.studies(raw, options):
        yield Frame(header, tuple(arrays))


def _strangers(source: Path, options: Options) -> Iterator[Frame]:
    """Frames of as many children as it takes; each goes on where the one before it died."""
    request = {"source": str(source), "options": options.to_json(), "start": 0, "careful": 0}
    request["secret"] = secrets.token_hex()  # the key of patients' pseudonyms, which nothing outlives
    begun, deaths, first = -1, 0, True
    while True:
        try:
            for frame in sandbox.run("studies", request):
                kind = frame.header["kind"]
                if kind == "begin":
                    begun = frame.header["row"]
                elif kind == "understood" and not first:
                    continue
                elif kind != "tick":
                    yield frame
                    first = False
                if kind in ("taken", "left"):
                    request["start"] = frame.header["row"] + 1
            return
        except ParserDied as error:
            deaths += 1
            if first or deaths > MOST_DEATHS or error.code == "parser_failed":
                raise
            if begun == request["start"]:
                yield _lost(begun, error)
                request["start"] = begun + 1
            request["careful"] = CAREFUL


def _lost(row: int, error: ParserDied) -> Frame:
    item = {"item": f"row {row + 1}", "code": error.code, "message": error.message}
    return Frame({"kind": "left", "row": row, **item})
