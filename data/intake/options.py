"""`Options`: how a source is read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from suture.data.dicom.view import MIDDLE, DicomView
from suture.data.readers.raw_studies import Roles


@dataclass(frozen=True)
class Options:
    """How to read a source; by default everything is guessed from the source.

    roles      the roles of all columns, instead of the guess
    overrides  the roles of some columns; the others are guessed
    unpaired   also import studies of one modality, which are skipped otherwise: they have no gap to measure
    loose      also import images and reports that are in no recognised layout
    split_files  paths of lists of ids that are splits (`suture.data.readers.split_files`)
    prompts    template of texts made of the labels, with {} where they go; "" = none are made
    dicom      which frame and window of a DICOM file to use
    """

    layout: str = ""
    table: str = ""
    roles: Roles | None = None
    seed: int = 0
    overrides: Roles = field(default_factory=Roles)
    unpaired: bool = False
    loose: bool = False
    dicom: DicomView = MIDDLE
    split_files: tuple[str, ...] = ()
    prompts: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON values, for the child and the arguments of a job."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Options:
        """The inverse of `to_json`."""
        roles = content.get("roles")
        given: dict[str, Any] = {"roles": None if roles is None else roles_of(roles)}
        given["dicom"] = DicomView.from_json(content.get("dicom", {}))
        given["split_files"] = tuple(content.get("split_files", ()))
        return cls(**{**content, **given, "overrides": roles_of(content.get("overrides", {}))})


def roles_of(content: dict[str, Any]) -> Roles:
    """Roles from JSON, where tuples have become lists."""
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
    return Roles(**given)
