"""How far an intake has come and what it has counted: all that one needs to know which goes on from there."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from dataclasses import dataclass, field

from suture.data.intake.report import Skips
from suture.data.metadata import ImportReport


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

    def summary(self) -> ImportReport:
        """What of the intake is kept beside the collection."""
        return ImportReport(
            skipped=self.skips.counts(),
            problems=self.skips.shown(),
            warnings=dict(self.warnings),
            identifiers=dict(self.identifiers),
        )
