"""Outside the child: studies as they come become a collection. What the child sends is not believed."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from data import images, store
from data.collection import SPLIT, STUDY_ID, Collection, Kind, Modality
from data.errors import Refused, Skipped
from data.intake.options import roles_of
from data.raw import Roles
from data.report import Skips
from data.sandbox import Frame, ParserDied
from data.splits import split_by_group
from data.workspace import Workspace

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
    """A collection in the making. What is counted stands also when it ends early."""

    name: str
    seed: int = 0
    skips: Skips = field(default_factory=Skips)
    warnings: Counter[str] = field(default_factory=Counter)
    identifiers: Counter[str] = field(default_factory=Counter)
    found: int = 0

    def take(
        self, workspace: Workspace, frames: Iterator[Frame], progress: Progress | None
    ) -> tuple[int, str]:
        """Publish what the frames hold; how many studies were taken, and in which layout they came."""
        first = Understood.of(next(frames).header)
        self.skips, self.found = Skips(first.problems), first.n + len(first.problems)
        self.warnings = Counter(first.warnings)
        with workspace.staging() as staged:
            kept = self._keep(frames, first, staged, progress)
            if not kept:
                raise Refused("no_usable_files", self._nothing_left())
            collection = _collection(first, self.name, kept, self.seed)
            store.publish(workspace, collection, staged, report=self._summary())
        return len(kept), first.layout

    def _keep(
        self, frames: Iterator[Frame], first: Understood, staged: Path, progress: Progress | None
    ) -> list[dict[str, Any]]:
        """Cells of the studies that were taken; their pictures go into a pack, in order."""
        pack = images.PackWriter(staged) if first.roles.images else None
        named = [first.rename.get(c, c) for c in first.roles.images]
        kept: list[dict[str, Any]] = []
        ids: set[str] = set()
        with ThreadPoolExecutor(ENCODERS) as pool:
            waiting: deque[tuple[dict[str, Any], dict[str, Future[bytes]]]] = deque()
            for done, frame in enumerate(frames, 1):
                study = self._study(frame, ids)
                if study is not None:
                    waiting.append((study, _encoding(pool, frame, named)))
                while len(waiting) > AHEAD:
                    kept.append(_packed(*waiting.popleft(), named, pack))
                if progress and done % 16 == 0:
                    progress(done, first.n)
            kept += [_packed(*each, named, pack) for each in waiting]
        if pack:
            pack.close()
        return kept

    def _study(self, frame: Frame, ids: set[str]) -> dict[str, Any] | None:
        """The cells of a study, or None when it was left."""
        header = frame.header
        if header["kind"] == "left":
            self.skips.add(str(header["item"]), Skipped(str(header["code"]), str(header["message"])))
            return None
        study = {str(k): str(v) for k, v in header["study"].items()}
        name = study[STUDY_ID]
        if name in ids:
            message = f"The id {name!r} occurs more than once; the first is kept."
            self.skips.add(name, Skipped("duplicate_id", message))
            return None
        ids.add(name)
        self.warnings.update(map(str, header["warnings"]))
        self.identifiers.update({str(kind): int(n) for kind, n in header["identifiers"].items()})
        return study

    def _summary(self) -> dict[str, object]:
        """What of the intake is kept beside the collection."""
        return {
            "skipped": self.skips.counts(),
            "problems": self.skips.shown(),
            "warnings": dict(self.warnings),
            "identifiers": dict(self.identifiers),
        }

    def _nothing_left(self) -> str:
        reasons = ", ".join(f"{code}: {count}" for code, count in self.skips.counts().items())
        first = self.skips.shown()[0][2] if len(self.skips) else ""
        return f"No study could be taken ({reasons}). The first problem: {first}"


def _encoding(pool: ThreadPoolExecutor, frame: Frame, named: list[str]) -> dict[str, Future[bytes]]:
    pictures = dict(zip(frame.header["pictures"], frame.arrays, strict=True))
    for name, pixels in pictures.items():
        grey_or_rgb = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
        if name not in named or pixels.dtype != np.uint8 or not grey_or_rgb or not pixels.size:
            raise ParserDied("parser_failed", "It could not be read: the reader sent what is no picture.")
    return {name: pool.submit(_encode, pixels) for name, pixels in pictures.items()}


def _encode(pixels: np.ndarray) -> bytes:
    return images.encode(Image.fromarray(pixels))


def _packed(
    study: dict[str, Any],
    pictures: dict[str, Future[bytes]],
    named: list[str],
    pack: images.PackWriter | None,
) -> dict[str, Any]:
    """The study with the numbers of its pictures in the pack, -1 = it has none."""
    for name in named:
        study[name] = pack.add(pictures[name].result()) if pack and name in pictures else -1
    return study


def _collection(first: Understood, name: str, kept: list[dict[str, Any]], seed: int) -> Collection:
    table = pd.DataFrame(kept)
    notes: dict[str, Any] = {**first.notes, "layout": first.layout, "columns": vars(first.roles)}
    if table[SPLIT].eq("").all():
        table[SPLIT] = split_by_group(table["group"], seed=seed)
        notes["split"] = f"by patient, 70/10/20, seed {seed}"
    else:
        table[SPLIT] = table[SPLIT].replace("", "unassigned")
        notes["split"] = "as given"
    if not first.roles.group:
        notes["split"] += "; no patient column, so each study counts as its own patient"
    modalities = _modalities(first, table)
    return Collection(name, table, modalities, first.roles.labels, first.synthetic, notes)


def _modalities(first: Understood, table: pd.DataFrame) -> tuple[Modality, ...]:
    """Images first; a modality that no study has is left out."""
    roles = first.roles
    named: list[tuple[str, Kind]] = [
        *((first.rename.get(c, c), "image") for c in roles.images),
        *((first.rename.get(c, c), "text") for c in roles.texts),
    ]
    filled = [Modality(n, k) for n, k in named if np.any(table[n].ne("") & table[n].ne(-1))]
    tabular = [Modality("tabular", "tabular", roles.tabular)] if roles.tabular else []
    return (*filled, *tabular)
