"""Outside the child: studies as they come become a collection. What the child sends is not believed."""

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
from suture.data.intake.progress import State
from suture.data.intake.report import Skips
from suture.data.intake.shards import PART, Parts
from suture.data.raw_studies import Roles
from suture.data.sandbox import Frame, ParserDied
from suture.data.splits import split_by_group
from suture.data.workspace import Workspace

ENCODERS = 4
AHEAD = 64  # pictures that wait to be written: bounds memory
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Understood:
    """How a source was understood, before any of its studies was taken.

    `columns` and `head` (its first rows) are there for correction, after `examine` only.
    """

    layout: str
    n: int
    roles: Roles
    rename: dict[str, str] = field(default_factory=dict)
    problems: tuple[tuple[str, str, str], ...] = ()
    warnings: dict[str, int] = field(default_factory=dict)
    synthetic: bool = False
    notes: dict[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    head: tuple[dict[str, str], ...] = ()

    @classmethod
    def of(cls, header: dict[str, Any]) -> Understood:
        """What a reader sent first."""
        known = {k: v for k, v in header.items() if k in cls.__dataclass_fields__}
        lists = {k: tuple(map(tuple, known[k]) if k == "problems" else known[k]) for k in _LISTS & {*known}}
        return cls(**{**known, **lists, "roles": roles_of(known["roles"])})


_LISTS = {"problems", "columns", "head"}


@dataclass
class Taking:
    """A collection in the making, from where its parts have come to; their state has what is counted."""

    name: str
    seed: int
    parts: Parts

    def take(self, workspace: Workspace, frames: Iterator[Frame], progress: Progress | None) -> str:
        """Publish what the frames hold, which go on where the parts end; the layout that they came in."""
        first, state = Understood.of(next(frames).header), self.parts.state
        state.found = first.n + len(first.problems)
        if not state.parts:
            state.skips, state.warnings = Skips(first.problems), Counter(first.warnings)
        first = replace(first, problems=())
        self._keep(frames, first, progress)
        if not state.taken:
            raise Refused("no_usable_files", _nothing_left(state.skips))
        with workspace.staging() as staged:
            self.parts.hand_over(staged)
            head = _head(first, self.name, state, self.seed)
            tables = (_sided(table, state, self.seed) for table in self.parts.tables())
            storage.publish_tables(workspace, head, tables, staged, report=state.summary())
        return first.layout

    def _keep(self, frames: Iterator[Frame], first: Understood, progress: Progress | None) -> None:
        """Studies that are taken become parts, each of as many rows of the source; pictures go in order."""
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
                study = self._study(frame, ids)
                if study is not None:
                    waiting.append((study, _encoding(pool, frame, named)))
                pack(AHEAD)
                if state.rows % PART == 0 or state.rows == first.n:
                    pack(0)
                    self.parts.publish()
                if progress and state.rows % 16 == 0:
                    progress(state.rows, first.n)
        if state.rows != first.n:
            raise _failed("told of other rows than it sent")

    def _study(self, frame: Frame, ids: set[str]) -> dict[str, Any] | None:
        """The cells of a study, or None when it was left."""
        header, state = frame.header, self.parts.state
        if header["row"] != state.rows:
            raise _failed("sent a row out of turn")
        state.rows += 1
        if header["kind"] == "left":
            state.skips.add(str(header["item"]), Skipped(str(header["code"]), str(header["message"])))
            return None
        study = {str(k): str(v) for k, v in header["study"].items()}
        name = study[STUDY_ID]
        if name in ids:
            message = f"The id {name!r} occurs more than once; the first is kept."
            state.skips.add(name, Skipped("duplicate_id", message))
            return None
        ids.add(name)
        state.warnings.update(map(str, header["warnings"]))
        state.identifiers.update({str(kind): int(n) for kind, n in header["identifiers"].items()})
        return study

    def _add(
        self, study: dict[str, Any], pictures: dict[str, Future[bytes]], first: Understood, named: list[str]
    ) -> None:
        """The study with the numbers of its pictures in the pack, -1 = it has none."""
        state, pack = self.parts.state, self.parts.pack
        for name in named:
            study[name] = pack.add(pictures[name].result()) if pack and name in pictures else -1
        if {*study} != {*_columns(first)}:
            raise _failed("sent other columns than it told of")
        state.given = state.given or bool(study[SPLIT])
        state.filled.update(name for name, _ in _modalities(first) if study[name] not in ("", -1))
        self.parts.add(study)


def _failed(what: str) -> ParserDied:
    return ParserDied("parser_failed", f"It could not be read: the reader {what}.")


def _nothing_left(skips: Skips) -> str:
    reasons = ", ".join(f"{code}: {count}" for code, count in skips.counts().items())
    first = skips.shown()[0][2] if len(skips) else ""
    return f"No study could be taken ({reasons}). The first problem: {first}"


def _renamed(first: Understood, columns: Iterable[str]) -> list[str]:
    return [first.rename.get(c, c) for c in columns]


def _columns(first: Understood) -> list[str]:
    """Of a study, in order: what every one has, texts, tabular values and labels, numbers of pictures."""
    roles = first.roles
    images = _renamed(first, roles.images)
    cells = [STUDY_ID, GROUP, SPLIT, DUPLICATE, *_renamed(first, roles.texts), *roles.tabular, *roles.labels]
    return [*dict.fromkeys([*(c for c in cells if c not in images), *images])]


def _encoding(pool: ThreadPoolExecutor, frame: Frame, named: list[str]) -> dict[str, Future[bytes]]:
    pictures = dict(zip(frame.header["pictures"], frame.arrays, strict=True))
    for name, pixels in pictures.items():
        grey_or_rgb = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
        if name not in named or pixels.dtype != np.uint8 or not grey_or_rgb or not pixels.size:
            raise _failed("sent what is no picture")
    return {name: pool.submit(_encode, pixels) for name, pixels in pictures.items()}


def _encode(pixels: np.ndarray) -> bytes:
    return images.encode(Image.fromarray(pixels))


def _head(first: Understood, name: str, state: State, seed: int) -> Collection:
    """The collection without its studies."""
    notes: dict[str, Any] = {**first.notes, "layout": first.layout, "columns": vars(first.roles)}
    notes["split"] = "as given" if state.given else f"by patient, 70/10/20, seed {seed}"
    if not first.roles.group:
        notes["split"] += "; no patient column, so each study counts as its own patient"
    modalities = [Modality(n, k) for n, k in _modalities(first) if n in state.filled]
    tabular = [Modality("tabular", "tabular", first.roles.tabular)] if first.roles.tabular else []
    table = pd.DataFrame(columns=_columns(first))
    return Collection(name, table, (*modalities, *tabular), first.roles.labels, first.synthetic, notes)


def _modalities(first: Understood) -> list[tuple[str, Kind]]:
    """Images first."""
    images, texts = _renamed(first, first.roles.images), _renamed(first, first.roles.texts)
    return [*((n, "image") for n in images), *((n, "text") for n in texts)]


def _sided(table: pd.DataFrame, state: State, seed: int) -> pd.DataFrame:
    """Studies with their split: as it came with some of them, else by group."""
    given, made = table[SPLIT].replace("", "unassigned"), split_by_group
    return table.assign(**{SPLIT: given if state.given else made(table[GROUP], seed=seed)})
