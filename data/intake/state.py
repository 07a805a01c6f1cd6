"""How far an intake has come and what it has counted: all that one needs to know which goes on from there."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from data import limits, tables
from data.intake.options import Options
from data.report import Skips


@dataclass
class State:
    """`found` is told by the source each time it is read; all else is kept.

    key      of the source and how it is read
    secret   the key of patients' pseudonyms, which does not outlive the intake
    rows     of the source that were taken or left; taken  studies among them; parts  published so far
    filled   modalities that some study has; given  whether some study came with a split
    """

    key: str
    secret: str = field(default_factory=secrets.token_hex)
    found: int = 0
    rows: int = 0
    taken: int = 0
    parts: int = 0
    given: bool = False
    filled: set[str] = field(default_factory=set)
    skips: Skips = field(default_factory=Skips)
    warnings: Counter[str] = field(default_factory=Counter)
    identifiers: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> bytes:
        """As it is written."""
        skips = {"counts": self.skips.counts(), "shown": self.skips.shown()}
        return json.dumps({**vars(self), "filled": sorted(self.filled), "skips": skips}).encode()

    @classmethod
    def from_json(cls, content: bytes) -> State:
        """What `to_json` gave."""
        known = json.loads(content)
        counted = {k: Counter(known[k]) for k in ("warnings", "identifiers")}
        skips = Skips.of(**known["skips"])
        return cls(**{**known, **counted, "filled": {*known["filled"]}, "skips": skips})

    def summary(self) -> dict[str, object]:
        """What of the intake is kept beside the collection."""
        return {
            "skipped": self.skips.counts(),
            "problems": self.skips.shown(),
            "warnings": dict(self.warnings),
            "identifiers": dict(self.identifiers),
        }


def source_key(source: Path, options: Options) -> str:
    """The same for a source that has not changed and is read in the same way: by names, sizes and times.

    The hashes of a folder's files are added up, so that none of its names is remembered.
    """
    told = 0
    try:
        source = source.resolve()
        for path in islice(_beside(source), limits.current().members + 1):  # a folder of more is refused
            stat = path.lstat()
            entry = os.fsencode(path) + f"\n{stat.st_size}:{stat.st_mtime_ns}".encode()
            told += int.from_bytes(hashlib.sha256(entry).digest(), "big")
    except (OSError, ValueError):  # gone, or no name of a file: the reader tells what is wrong with it
        return secrets.token_hex()
    how = json.dumps([str(source), told, options.to_json(), os.environ.get(limits.SETTING)])
    return hashlib.sha256(how.encode("utf-8", "surrogatepass")).hexdigest()


def _beside(source: Path) -> Iterator[Path]:
    """The files that are read with a source: a table's pictures lie beside it."""
    if not source.is_dir() and not source.name.lower().endswith(tables.SUFFIXES):
        yield source
        return
    for folder, _, names in os.walk(source if source.is_dir() else source.parent):
        yield from (Path(folder) / name for name in names)
