"""`Record`: one published collection, checkpoint, embedding set, selection or captioner."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from suture.data.errors import Refused
from suture.data.metadata import (
    CaptionerMetadata,
    CheckpointMetadata,
    CollectionMetadata,
    EmbeddingSetMetadata,
    Metadata,
    SelectionMetadata,
)
from suture.data.workspace.durable import sha256

BUILT_IN = ("demo-clip", "demo-aligned", "demo-start", "demo-untrained")  # checkpoints that come with Suture
M = TypeVar("M", bound=Metadata)


class RecordKind(str, Generic[M]):
    """The name of a kind of record; its type parameter is the type of its records' metadata."""


COLLECTION = RecordKind[CollectionMetadata]("collection")
CHECKPOINT = RecordKind[CheckpointMetadata]("checkpoint")
SET = RecordKind[EmbeddingSetMetadata]("set")
SELECTION = RecordKind[SelectionMetadata]("selection")
CAPTIONER = RecordKind[CaptionerMetadata]("captioner")
METADATA: dict[str, type[Metadata]] = {
    COLLECTION: CollectionMetadata,
    CHECKPOINT: CheckpointMetadata,
    SET: EmbeddingSetMetadata,
    SELECTION: SelectionMetadata,
    CAPTIONER: CaptionerMetadata,
}
KINDS: tuple[RecordKind[Any], ...] = (COLLECTION, CHECKPOINT, SET, SELECTION, CAPTIONER)
MAX_HASHED_ON_OPEN = 4 << 20  # bytes up to which a file is hashed when it is opened


@dataclass(frozen=True)
class Record(Generic[M]):
    """One published record.

    meta   its metadata; the type depends on the kind
    files  name -> (size in bytes, SHA-256)
    owner  its owner; "" = shared by all users
    """

    id: str
    kind: RecordKind[M]
    name: str
    created: float
    meta: M
    folder: Path
    files: dict[str, tuple[int, str]]
    owner: str = ""

    def path(self, file: str) -> Path:
        """The path of one of the record's files, to open it; KeyError if it has no such file.

        `Refused` if its size or, for a small file, its hash differs from what was published.
        """
        if self.damage(file, limit=MAX_HASHED_ON_OPEN):
            raise Refused(
                "record_damaged",
                f"The {self.kind} {self.name!r} is damaged: {file} has changed. Run `suture verify` to see "
                f"what can be rebuilt, or restore a copy made with `suture backup`.",
            )
        return self.folder / file

    def damage(self, file: str, *, limit: float = float("inf")) -> str:
        """What is wrong with a file: missing, truncated or changed; "" if nothing.

        Files of more than `limit` bytes are not hashed.
        """
        size, published = self.files[file]
        path = self.folder / file
        if not path.is_file():
            return "missing"
        stat = path.stat()
        if stat.st_size != size:
            return "truncated" if stat.st_size < size else "changed"
        if size > limit:
            return ""
        digest = sha256(path) if limit == float("inf") else _cached_sha256(path, size, stat.st_mtime_ns)
        return "" if digest == published else "changed"

    @property
    def intact(self) -> bool:
        """Whether `path` would open every file."""
        return not any(self.damage(file, limit=MAX_HASHED_ON_OPEN) for file in self.files)

    @property
    def size(self) -> int:
        """Total size of all files in bytes."""
        return sum(size for size, _ in self.files.values())

    @property
    def fingerprint(self) -> str:
        """A hash over the contents of all files: 16 hexadecimal digits."""
        digests = "".join(f"{name}:{sha}" for name, (_, sha) in sorted(self.files.items()))
        return hashlib.sha256(digests.encode()).hexdigest()[:16]


CollectionRecord = Record[CollectionMetadata]
CheckpointRecord = Record[CheckpointMetadata]
EmbeddingSetRecord = Record[EmbeddingSetMetadata]
SelectionRecord = Record[SelectionMetadata]
CaptionerRecord = Record[CaptionerMetadata]


def read_metadata(kind: str, content: Mapping[str, Any]) -> Any:
    """The metadata of a record of this kind, from the JSON in the index."""
    return METADATA.get(kind, Metadata).from_json(content)


@functools.lru_cache(maxsize=4096)
def _cached_sha256(path: Path, size: int, written: int) -> str:
    """The hash of a small file, cached by size and time of its last change."""
    return sha256(path)


def check_name(name: str) -> None:
    """`Refused` unless the name is 1 to 80 allowed characters."""
    if not re.fullmatch(r"[^\W_][\w .()+@=-]{0,79}", name) or name != name.strip():
        raise Refused(
            "name_invalid",
            f"{name[:40]!r} cannot be a name. Use 1 to 80 letters, digits, spaces or . _ - ( ) + @ "
            f"=, beginning with a letter or digit.",
        )


def name_taken(kind: str, name: str) -> Refused:
    """The error for a name that is in use."""
    return Refused(
        "name_taken",
        f"There is already a {kind} called {name!r}. Choose another name, or delete that one first.",
    )
