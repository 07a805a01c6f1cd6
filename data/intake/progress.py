"""`IntakeState`: the progress and counts of an intake, everything needed to resume it."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from suture.data.intake.report import SHOWN_WARNED, Skips
from suture.data.metadata import ImportReport


@dataclass
class IntakeState:
    """The state of an intake. `found` is counted again whenever the source is opened; the rest is saved.

    key      identifies the source and the options it is read with
    secret   the key of the patient pseudonyms, which is deleted with the state
    rows     rows of the source that were imported or skipped
    taken    studies imported
    parts    shards written
    given    whether some study has a split of its own
    warned   warning code -> the first studies, files or columns that it is about
    filled   modalities that some study has
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
    warned: dict[str, list[str]] = field(default_factory=dict)
    identifiers: Counter[str] = field(default_factory=Counter)

    def warn(self, study: str, codes: Iterable[str]) -> None:
        """Count the warnings about a study, and keep the first studies of each."""
        for code in codes:
            self.warnings[code] += 1
            if len(self.warned.setdefault(code, [])) < SHOWN_WARNED:
                self.warned[code].append(study)

    def to_json(self) -> bytes:
        """The state as it is saved."""
        skips = {"counts": self.skips.counts(), "shown": self.skips.first()}
        return json.dumps({**vars(self), "filled": sorted(self.filled), "skips": skips}).encode()

    @classmethod
    def from_json(cls, content: bytes) -> IntakeState:
        """The inverse of `to_json`."""
        saved = json.loads(content)
        counters = {k: Counter(saved[k]) for k in ("warnings", "identifiers")}
        skips = Skips.of(saved["skips"]["counts"], saved["skips"]["shown"])
        return cls(**{**saved, **counters, "filled": {*saved["filled"]}, "skips": skips})

    def summary(self) -> ImportReport:
        """What is stored about the intake in the collection's metadata."""
        return ImportReport(
            skipped=self.skips.counts(),
            problems=self.skips.first(),
            warnings=dict(self.warnings),
            identifiers=dict(self.identifiers),
            warned=self.warned,
        )
