"""The one door for data from outside: source -> checked collection in the workspace + report.

Every row of the source is taken, or skipped with a reason; or the whole source is refused and nothing in the
workspace changes. Bytes from outside are parsed in a limited child (`suture.data.sandbox`); an item on
which the child dies is skipped by name, and the rest goes on in another child.

- `intake` takes studies in; `examine` tells how a source is understood, `preview` what its first picture is
  like, before anything is taken.
- An intake that is cut off goes on where it stopped when it is asked for again; `settle` clears away what is
  left of one that nobody will ask for.
- `Options` says how to read; `Understood` is what `examine` answers.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from suture.data import sandbox
from suture.data.errors import UserError
from suture.data.intake import reading
from suture.data.intake.options import Options
from suture.data.intake.progress import State
from suture.data.intake.report import IntakeReport, refusal
from suture.data.intake.shards import making, settle
from suture.data.intake.source_key import allowance, source_key
from suture.data.intake.taking import Progress, Taking, Understood
from suture.data.sandbox import TICK, Frame, ParserDied
from suture.data.workspace import Workspace, check_name

__all__ = ["Options", "Progress", "Understood", "examine", "intake", "preview", "settle"]

CAREFUL = reading.AHEAD  # rows that are read one at a time after a child has died among them
MOST_DEATHS = 50


def intake(
    workspace: Workspace,
    source: Path,
    name: str,
    *,
    options: Options | None = None,
    progress: Progress | None = None,
) -> IntakeReport:
    """Read a folder, ZIP, table or upload (`suture.data.files.uploads`) into a new collection called `name`.

    progress  called with (rows done, rows found)

    An intake of the same source under the same name that was cut off goes on where it stopped.

    Never raises for bad input: the report says what was taken, skipped, or why all was refused.
    """
    options = options or Options()
    state = State("")
    try:
        check_name(name)
        with making(workspace, name, _key(workspace, source, options)) as parts:
            state = parts.state
            frames = _frames(source, options, state)
            layout = Taking(name, options.seed, parts).take(workspace, frames, progress)
    except UserError as error:
        return refusal(error, found=state.found, skipped=state.skips)
    return IntakeReport(
        state.found,
        state.taken,
        state.skips.counts(),
        None,
        f"{state.taken:,} of {state.found:,} studies taken into {name!r} ({layout} layout).",
        state.skips.shown(),
        dict(state.warnings),
        dict(state.identifiers),
    )


def _key(workspace: Workspace, source: Path, options: Options) -> str:
    """Of a source that is there; the reader says what is wrong with another."""
    key = source_key(source, options, apart=workspace.home)
    if not key:
        examine(source, options=options)
    return key or secrets.token_hex()


def examine(source: Path, *, options: Options | None = None) -> Understood:
    """How the source is understood, before anything is taken. Shown for correction; raises `Refused`."""
    request = {"source": str(source), "options": (options or Options()).to_json()}
    for frame in sandbox.run("understand", request, budget=allowance(source)):
        if frame.header["kind"] == "understood":
            return Understood.of(frame.header)
    raise ParserDied("parser_failed", "It could not be read: the reader did not answer.")


def preview(source: Path, *, options: Options | None = None) -> np.ndarray | None:
    """The first picture of a source as it would be taken, (h, w) or (h, w, 3) of uint8; None without one.

    `Refused` where nothing can be read.
    """
    for frame in _frames(source, options or Options(), State("")):
        if frame.arrays:
            return frame.arrays[0]
    return None


def _frames(source: Path, options: Options, state: State) -> Iterator[Frame]:
    """Frames of as many children as it takes; each goes on where the one before it died."""
    request = {"source": str(source), "options": options.to_json(), "start": state.rows, "careful": 0}
    request["secret"] = state.secret
    budget = allowance(source)
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
