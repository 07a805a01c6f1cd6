"""In the parent: build a collection from the studies that the child sends. The child is not trusted."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from suture.data import images
from suture.data.collection import DUPLICATE, GROUP, SPLIT, STUDY_ID, Collection, Kind, Modality
from suture.data.collections import storage
from suture.data.errors import Refused, Skipped
from suture.data.intake.options import roles_of
from suture.data.intake.progress import IntakeState
from suture.data.intake.report import Skips
from suture.data.intake.shards import SHARD_ROWS, IntakeShards
from suture.data.readers.raw_studies import Roles
from suture.data.sandbox import Frame, ParserDied
from suture.data.splits import split_by_group
from suture.data.workspace import Workspace

ENCODERS = 4
MAX_WAITING = 64  # studies whose images wait to be written; bounds memory
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SourceDescription:
    """How a source was understood, before any of its studies is imported.

    `columns` and `head` (its first rows) are for the user to correct the roles, and `missing` says what is
    missing before it can be imported; only `examine` sets them.
    """

    layout: str
    n: int
    roles: Roles
    rename: dict[str, str] = field(default_factory=dict)
    problems: tuple[tuple[str, str, str], ...] = ()
    warnings: dict[str, int] = field(default_factory=dict)
    warned: dict[str, list[str]] = field(default_factory=dict)
    unused: Skips = field(default_factory=Skips)
    synthetic: bool = False
    notes: dict[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    head: tuple[dict[str, str], ...] = ()
    missing: str = ""

    @classmethod
    def of(cls, header: dict[str, Any]) -> SourceDescription:
        """From the "understood" frame of a reader."""
        fields = {k: v for k, v in header.items() if k in cls.__dataclass_fields__}
        if "unused" in fields:
            fields["unused"] = Skips.of(**fields["unused"])
        lists = {
            k: tuple(map(tuple, fields[k]) if k == "problems" else fields[k]) for k in _LISTS & {*fields}
        }
        return cls(**{**fields, **lists, "roles": roles_of(fields["roles"])})


_LISTS = {"problems", "columns", "head"}


@dataclass
class CollectionBuilder:
    """Builds a collection from the frames of a reader, continuing from the shards already written."""

    name: str
    seed: int
    parts: IntakeShards

    def take(self, workspace: Workspace, frames: Iterator[Frame], progress: Progress | None) -> str:
        """Publish the collection and return its layout. `frames` must continue where the shards end."""
        first, state = SourceDescription.of(next(frames).header), self.parts.state
        state.found = first.n + len(first.problems) + len(first.unused)
        if not state.parts:
            state.skips, state.warnings = Skips(first.problems), Counter(first.warnings)
            state.skips.merge(first.unused)
            state.warned = {code: [*items] for code, items in first.warned.items()}
        first = replace(first, problems=())
        self._keep(frames, first, progress)
        if not state.taken:
            raise Refused("no_usable_files", _nothing_taken_message(state.skips))
        with workspace.staging() as staged:
            self.parts.hand_over(staged)
            head = _head(first, self.name, state, self.seed)
            tables = (_with_split(table, state, self.seed) for table in self.parts.tables())
            storage.publish_tables(workspace, head, tables, staged, report=state.summary())
        return first.layout

    def _keep(self, frames: Iterator[Frame], first: SourceDescription, progress: Progress | None) -> None:
        """Write the imported studies to shards of `SHARD_ROWS` source rows each; images keep their order."""
        state, named = self.parts.state, _renamed(first, first.roles.images)
        self.parts.begin(_columns(first), named)
        ids = self.parts.ids()
        if progress:
            progress(state.rows, first.n)
        with ThreadPoolExecutor(ENCODERS) as pool:
            waiting: deque[tuple[dict[str, Any], dict[str, Future[bytes]]]] = deque()

            def pack(most: int) -> None:
                while len(waiting) > most:
                    self._add(*waiting.popleft(), first, named)

            for frame in frames:
                shard = state.rows // SHARD_ROWS
                study = self._study(frame, ids)
                if study is not None:
                    waiting.append((study, _encoding(pool, frame, named)))
                pack(MAX_WAITING)
                if state.rows // SHARD_ROWS > shard or state.rows == first.n:
                    pack(0)
                    self.parts.publish()
                if progress and state.rows % 16 == 0:
                    progress(state.rows, first.n)
        if state.rows != first.n:
            raise _protocol_error("sent a different number of rows than it announced")
        if progress:
            progress(state.rows, first.n)

    def _study(self, frame: Frame, ids: set[str]) -> dict[str, Any] | None:
        """The cells of a study, or None if it is skipped."""
        header, state = frame.header, self.parts.state
        if header["row"] != state.rows:
            raise _protocol_error("sent a row out of order")
        if "many" in header:
            self._leave_many(header["many"], header["said"])
            return None
        state.rows += 1
        if header["kind"] == "left":
            state.skips.add(str(header["item"]), Skipped(str(header["code"]), str(header["message"])))
            return None
        study = {str(k): str(v) for k, v in header["study"].items()}
        name = study[STUDY_ID]
        if name in ids:
            message = f"The id {name!r} occurs more than once; the first study with it is kept."
            state.skips.add(name, Skipped("duplicate_id", message))
            return None
        ids.add(name)
        state.warn(name, map(str, header["warnings"]))
        state.identifiers.update({str(kind): int(n) for kind, n in header["identifiers"].items()})
        return study

    def _leave_many(self, left: Any, said: Any) -> None:
        """Count rows that are skipped together in one frame: (item, place of its code and message)."""
        if not isinstance(left, list) or not left:
            raise _protocol_error("sent no rows")
        self.parts.state.rows += len(left)
        errors = [Skipped(str(code), str(message)) for code, message in said]
        for item, place in left:
            self.parts.state.skips.add(str(item), errors[place])

    def _add(
        self,
        study: dict[str, Any],
        pictures: dict[str, Future[bytes]],
        first: SourceDescription,
        named: list[str],
    ) -> None:
        """Add the study with the numbers of its images in the pack (-1 = no image)."""
        state, pack = self.parts.state, self.parts.pack
        for name in named:
            study[name] = pack.add(pictures[name].result()) if pack and name in pictures else -1
        if {*study} != {*_columns(first)}:
            raise _protocol_error("sent other columns than it announced")
        state.given = state.given or bool(study[SPLIT])
        state.filled.update(name for name, _ in _modalities(first) if study[name] not in ("", -1))
        self.parts.add(study)


def _protocol_error(what: str) -> ParserDied:
    return ParserDied("parser_failed", f"The source could not be read: the reader {what}.")


def _nothing_taken_message(skips: Skips) -> str:
    reasons = ", ".join(f"{code}: {count}" for code, count in skips.counts().items())
    first = skips.first()[0][2] if len(skips) else ""
    return f"No study could be imported ({reasons}). The first problem: {first}"


def _renamed(first: SourceDescription, columns: Iterable[str]) -> list[str]:
    return [first.rename.get(c, c) for c in columns]


def _columns(first: SourceDescription) -> list[str]:
    """The columns of a study, in order: the fixed ones, texts, tabular values, labels, image numbers."""
    roles = first.roles
    images = _renamed(first, roles.images)
    cells = [STUDY_ID, GROUP, SPLIT, DUPLICATE, *_renamed(first, roles.texts), *roles.tabular, *roles.labels]
    return [*dict.fromkeys([*(c for c in cells if c not in images), *images])]


def _encoding(pool: ThreadPoolExecutor, frame: Frame, named: list[str]) -> dict[str, Future[bytes]]:
    pictures = dict(zip(frame.header["pictures"], frame.arrays, strict=True))
    for name, pixels in pictures.items():
        grey_or_rgb = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
        if name not in named or pixels.dtype != np.uint8 or not grey_or_rgb or not pixels.size:
            raise _protocol_error("sent an invalid image")
    return {name: pool.submit(_encode, pixels) for name, pixels in pictures.items()}


def _encode(pixels: np.ndarray) -> bytes:
    return images.encode(Image.fromarray(pixels))


def _head(first: SourceDescription, name: str, state: IntakeState, seed: int) -> Collection:
    """The collection without its studies: modalities, labels and notes."""
    notes: dict[str, Any] = {**first.notes, "layout": first.layout, "columns": vars(first.roles)}
    as_given = f"as given ({meaning})" if (meaning := notes.pop("split_numbers", "")) else "as given"
    notes["split"] = as_given if state.given else f"by patient, 70/10/20, seed {seed}"
    if not first.roles.group:
        notes["split"] += "; no patient column, so each study counts as its own patient"
    modalities = [Modality(n, k) for n, k in _modalities(first) if n in state.filled]
    tabular = [Modality("tabular", "tabular", first.roles.tabular)] if first.roles.tabular else []
    table = pd.DataFrame(columns=_columns(first))
    return Collection(name, table, (*modalities, *tabular), first.roles.labels, first.synthetic, notes)


def _modalities(first: SourceDescription) -> list[tuple[str, Kind]]:
    """(name, kind) of every image and text modality, images first."""
    images, texts = _renamed(first, first.roles.images), _renamed(first, first.roles.texts)
    return [*((n, "image") for n in images), *((n, "text") for n in texts)]


def _with_split(table: pd.DataFrame, state: IntakeState, seed: int) -> pd.DataFrame:
    """The studies with their splits: as given if some study has one, else by group."""
    if state.given:
        return table.assign(**{SPLIT: table[SPLIT].replace("", "unassigned")})
    return table.assign(**{SPLIT: split_by_group(table[GROUP], seed=seed)})
