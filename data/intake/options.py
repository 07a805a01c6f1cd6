"""How a source is to be read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from suture.data.dicom.view import MIDDLE, DicomView
from suture.data.raw_studies import Roles


@dataclass(frozen=True)
class Options:
    """How to read a source; every field has a default that is guessed from the source.

    roles      all columns, instead of the guess; overrides  only those columns that are named in it
    unpaired   take studies of one modality too, which are skipped otherwise: no gap is seen in them
    loose      take pictures and reports as they lie, where no layout is recognised
    dicom      which frame and window of a DICOM file
    """

    layout: str = ""
    table: str = ""
    roles: Roles | None = None
    seed: int = 0
    overrides: Roles = field(default_factory=Roles)
    unpaired: bool = False
    loose: bool = False
    dicom: DicomView = MIDDLE

    def to_json(self) -> dict[str, Any]:
        """As it goes to the child and into the table of jobs."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Options:
        """What `to_json` gave."""
        roles = content.get("roles")
        given: dict[str, Any] = {"roles": None if roles is None else roles_of(roles)}
        given["dicom"] = DicomView.from_json(content.get("dicom", {}))
        return cls(**{**content, **given, "overrides": roles_of(content.get("overrides", {}))})


def roles_of(content: dict[str, Any]) -> Roles:
    """Roles from JSON, where tuples have become lists."""
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
    return Roles(**given)
