"""Import studies: a source becomes a checked collection in the workspace, and a report.

Every row of the source is imported, or skipped with a reason; or the whole source is refused and nothing in
the workspace changes. Files are parsed in a confined child process (`suture.data.sandbox`); an item that
crashes the child is skipped and reported, and another child continues with the rest.

- `intake` imports studies. Before that, `examine` says how a source is understood, and `preview` gives its
  first image.
- An interrupted intake resumes when the same source is imported again; `discard_unfinished` deletes what it
  has kept.
- `Options` says how to read; `examine` returns a `SourceDescription`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from suture.data import sandbox
from suture.data.errors import UserError
from suture.data.files.names import full_path
from suture.data.intake import reading
from suture.data.intake.collection_builder import CollectionBuilder, Progress, SourceDescription
from suture.data.intake.options import Options
from suture.data.intake.progress import IntakeState
from suture.data.intake.report import IntakeReport, refusal
from suture.data.intake.shards import discard_unfinished, open_shards
from suture.data.intake.source_key import reading_budget, source_key
from suture.data.sandbox import TICK, Frame, ParserDied
from suture.data.workspace import Workspace, check_name

__all__ = ["Options", "Progress", "SourceDescription", "discard_unfinished", "examine", "intake", "preview"]

CAREFUL_ROWS = reading.PREFETCHED_ROWS  # rows read one at a time after a child has died among them
MAX_DEATHS = 50


def intake(
    workspace: Workspace,
    source: Path,
    name: str,
    *,
    options: Options | None = None,
    progress: Progress | None = None,
) -> IntakeReport:
    """Import a folder, ZIP, table or upload (`suture.data.files.uploads`) as a new collection called `name`.

    progress  called with (rows done, rows found)

    Resumes an interrupted intake of the same source under the same name.

    Never raises for bad input: the report says what was imported and skipped, or why the source was refused.
    """
    options, source = options or Options(), full_path(source)
    state = IntakeState("")
    try:
        check_name(name)
        with open_shards(workspace, name, _key(workspace, source, options)) as parts:
            state = parts.state
            frames = _frames(source, options, state)
            layout = CollectionBuilder(name, options.seed, parts).take(workspace, frames, progress)
    except UserError as error:
        return refusal(error, found=state.found, skipped=state.skips)
    return IntakeReport(
        state.found,
        state.taken,
        state.skips.counts(),
        None,
        f"{state.taken:,} of {state.found:,} studies imported into {name!r} ({layout} layout).",
        state.skips.first(),
        dict(state.warnings),
        dict(state.identifiers),
        {code: tuple(items) for code, items in state.warned.items()},
    )


def _key(workspace: Workspace, source: Path, options: Options) -> str:
    """The key of an existing source; for any other, the reader raises what is wrong with it."""
    key = source_key(source, options, exclude=workspace.home)
    if not key:
        examine(source, options=options)
    return key or secrets.token_hex()


def examine(source: Path, *, options: Options | None = None) -> SourceDescription:
    """How the source is understood, for the user to correct before importing; raises `Refused`."""
    source = full_path(source)
    request = {"source": str(source), "options": (options or Options()).to_json()}
    for frame in sandbox.run("describe", request, budget=reading_budget(source)):
        if frame.header["kind"] == "understood":
            return SourceDescription.of(frame.header)
    raise ParserDied("parser_failed", "The source could not be read: the reader did not answer.")


def preview(source: Path, *, options: Options | None = None) -> np.ndarray | None:
    """The first image of a source as it would be imported, (h, w) or (h, w, 3) of uint8; None if it has none.

    `Refused` if nothing can be read.
    """
    for frame in _frames(full_path(source), options or Options(), IntakeState("")):
        if frame.arrays:
            return frame.arrays[0]
    return None


def _frames(source: Path, options: Options, state: IntakeState) -> Iterator[Frame]:
    """The frames of one or more children; each continues where the one before it died."""
    request = {"source": str(source), "options": options.to_json(), "start": state.rows, "careful": 0}
    request["secret"] = state.secret
    budget = reading_budget(source)
    begun, deaths, first = -1, 0, True
    while True:
        try:
            for frame in sandbox.run("studies", request, budget=budget):
                kind = frame.header["kind"]
                if kind == "begin":
                    begun = frame.header["row"]
                elif kind == "understood" and not first:
                    continue
                elif kind != TICK:
                    yield frame
                    first = False
                if kind in ("taken", "left"):
                    request["start"] = frame.header["row"] + len(frame.header.get("many", "1"))
            return
        except ParserDied as error:
            deaths += 1
            if first or deaths > MAX_DEATHS or error.code == "parser_failed":
                raise
            if begun == request["start"]:
                yield _skipped_frame(begun, error)
                request["start"] = begun + 1
            request["careful"] = CAREFUL_ROWS


def _skipped_frame(row: int, error: ParserDied) -> Frame:
    item = {"item": f"row {row + 1}", "code": error.code, "message": error.message}
    return Frame({"kind": "left", "row": row, **item})
