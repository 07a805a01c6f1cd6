"""A collection: a table of studies, and the meaning of its columns."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from suture.data.errors import Refused
from suture.data.metadata import CollectionMetadata, ImportReport, ModalityFields

Kind = Literal["image", "text", "tabular"]

# Columns every table of studies has; all others are modalities or labels.
STUDY_ID, GROUP, SPLIT, DUPLICATE = "study_id", "group", "split", "duplicate_group"


def check_modality(name: str) -> None:
    """`Refused` for a name that contains "->", which would be read as a direction such as "image->report"."""
    if "->" in name:
        raise Refused("modality_name", f'A modality may not have "->" in its name, got {name!r}. Rename it.')


@dataclass(frozen=True)
class Modality:
    """One kind of data about a study. A text or image modality is one column; a tabular one is several."""

    name: str
    kind: Kind
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns) or (self.name,))
        check_modality(self.name)


@dataclass(frozen=True)
class Study:
    """One study: its values by modality (a missing modality has no entry), and its group, split and labels.

    An image's value is its number in the collection's image pack; a text's is the text; a tabular
    modality's is a dict of strings.
    """

    id: str
    values: dict[str, Any]
    group: str
    split: str
    duplicate_group: str
    labels: dict[str, str]


@dataclass(frozen=True)
class Collection:
    """Studies in one table (strings, "" = missing) and the meaning of its columns.

    `table` has one row per study: study_id, group (patient, case or article; the resampling unit of every
    interval), split, duplicate_group (studies of one group count as correct matches of each other), one
    column per text modality, one integer column per image modality (-1 = missing), and labels.
    """

    name: str
    table: pd.DataFrame
    modalities: tuple[Modality, ...]
    labels: tuple[str, ...] = ()
    synthetic: bool = False
    notes: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.table)

    def modality(self, name: str) -> Modality:
        """The modality of that name; KeyError if there is none."""
        return {m.name: m for m in self.modalities}[name]

    def present(self, modality: Modality) -> np.ndarray:
        """Which studies have this modality: boolean, (n_studies,)."""
        if modality.kind == "image":
            return self.table[modality.columns[0]].to_numpy() >= 0
        filled = self.table[list(modality.columns)].to_numpy() != ""
        return filled.any(axis=1)

    def study(self, row: int) -> Study:
        """The study in this row of the table."""
        record = self.table.iloc[row]
        values: dict[str, Any] = {}
        for m in self.modalities:
            if m.kind == "tabular":
                cells = {c: record[c] for c in m.columns if record[c] != ""}
                if cells:
                    values[m.name] = cells
            elif record[m.columns[0]] not in ("", -1):
                values[m.name] = record[m.columns[0]]
        labels = {c: record[c] for c in self.labels}
        return Study(record[STUDY_ID], values, record[GROUP], record[SPLIT], record[DUPLICATE], labels)

    def splits(self) -> dict[str, int]:
        """Number of studies in each split, in order of appearance."""
        return {str(k): int(v) for k, v in self.table[SPLIT].value_counts(sort=False).items()}

    def metadata(self, report: ImportReport, *, n: int | None = None) -> CollectionMetadata:
        """Everything except the table. n = number of studies, if the table does not contain them all."""
        return CollectionMetadata(
            modalities=[
                ModalityFields(name=m.name, kind=m.kind, columns=list(m.columns)) for m in self.modalities
            ],
            labels=list(self.labels),
            synthetic=self.synthetic,
            notes=self.notes,
            n=len(self) if n is None else n,
            report=report,
        )


def from_metadata(name: str, table: pd.DataFrame, meta: CollectionMetadata) -> Collection:
    """The inverse of `Collection.metadata`."""
    modalities = tuple(Modality(m.name, cast(Kind, m.kind), tuple(m.columns)) for m in meta.modalities)
    return Collection(name, table, modalities, tuple(meta.labels), meta.synthetic, dict(meta.notes))


def text_key(text: str) -> str:
    """The normalised text: two reports with the same words have the same key.

    Lower case, NFKC, punctuation and white space collapsed to single spaces.
    """
    folded = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[\W_]+", " ", folded).strip()
