"""`EmbeddingSet`: unit vectors by modality, and the study that each row belongs to. It knows no storage."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from suture.data.collection import DUPLICATE, GROUP, SPLIT, STUDY_ID, Collection, text_key
from suture.data.errors import NotFound
from suture.data.metadata import EmbeddingSetMetadata
from suture.data.splits import TEST, named_split

Vectors = dict[str, np.ndarray]
LEADING_COLUMNS = 4  # read first to tell a zero row from others


@dataclass(frozen=True, repr=False)
class EmbeddingSet:
    """Collection x checkpoint: row i of every matrix belongs to study i.

    vectors     modality -> (n_studies, dim) float, unit rows; a row of zeros = modality missing.
                Features that are not `comparable` have widths and lengths of their own
    rows        one row per study: study_id, group, split, duplicate_group, one `key:<modality>` column
                per text modality (equal keys = same normalised text), and labels
    provenance  collection and checkpoint with their hashes, versions, truncation counts
    """

    name: str
    vectors: Vectors
    rows: pd.DataFrame
    provenance: EmbeddingSetMetadata = field(default_factory=EmbeddingSetMetadata)
    fingerprint: str = ""

    def __repr__(self) -> str:
        widths = ", ".join(f"{m} ({x.shape[1]})" for m, x in self.vectors.items())
        return f"EmbeddingSet({self.name!r}, {len(self):,} studies: {widths})"

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def modalities(self) -> list[str]:
        """Names of the modalities, images first as the collection has them."""
        return list(self.vectors)

    @property
    def labels(self) -> list[str]:
        """Columns that describe studies, other than ids, groups, splits and text keys."""
        fixed = {STUDY_ID, GROUP, SPLIT, DUPLICATE}
        return [c for c in map(str, self.rows) if c not in fixed and not c.startswith("key:")]

    @property
    def comparable(self) -> bool:
        """Whether rows of different modalities lie in one space, so that their cosine means something."""
        return self.provenance.shares_space

    def present(self, modality: str) -> np.ndarray:
        """Which studies have this modality: boolean, (n_studies,)."""
        return self._presence[modality]

    @cached_property
    def _presence(self) -> dict[str, np.ndarray]:
        """Computed once: the matrices may be large and on disk."""
        presence = {m: _nonzero_rows(x) for m, x in self.vectors.items()}
        for mask in presence.values():
            mask.flags.writeable = False
        return presence

    def rows_with(self, *modalities: str) -> np.ndarray:
        """Row numbers of the studies that have all of these modalities."""
        return np.flatnonzero(np.logical_and.reduce([self.present(m) for m in modalities]))

    def subset(self, mask: np.ndarray) -> EmbeddingSet:
        """The studies where the mask is true. Contiguous rows are a view: their vectors are not copied."""
        chosen = _as_slice(mask)
        vectors = {m: x[mask if chosen is None else chosen] for m, x in self.vectors.items()}
        rows = self.rows[mask].reset_index(drop=True)
        return EmbeddingSet(self.name, vectors, rows, self.provenance, self.fingerprint)

    def split(self, split: str) -> EmbeddingSet:
        """The studies of one split; all of them for "" or "all". `NotFound` lists the splits there are."""
        if split in ("", "all"):
            return self
        return self.subset((self.rows[SPLIT] == self.find_split(split)).to_numpy())

    def find_split(self, split: str) -> str:
        """The split that this name means here (`suture.data.splits.named_split`): "test" finds "Testing".

        "" is the test split, or "all" where there is none.
        `NotFound`, with the list of splits, if there is none; "all" is always there.
        """
        known = self.splits()
        if not split:
            test = named_split(TEST, known)
            return test if test in known else "all"
        found = named_split(split, known)
        if found not in ["all", *known]:
            raise NotFound("split", split, [*dict.fromkeys(["all", *known])])
        return found

    def require_split(self, split: str) -> None:
        """`NotFound`, with the list of splits, unless some study is in this one; "all" is always there."""
        self.find_split(split)

    def splits(self) -> list[str]:
        """The splits in order of appearance."""
        return [*self.rows[SPLIT].unique()]

    def key(self, modality: str) -> np.ndarray:
        """Text keys of a modality, (n_studies,) of str; "" throughout where it is not text."""
        column = f"key:{modality}"
        blank = np.full(len(self), "", dtype=object)
        return self.rows[column].to_numpy(dtype=object) if column in self.rows else blank


def _as_slice(mask: np.ndarray) -> slice | None:
    """The selected rows as a slice if they are contiguous, which keeps a mapped matrix on disk; else None."""
    rows = np.flatnonzero(mask)
    contiguous = len(rows) > 0 and rows[-1] - rows[0] == len(rows) - 1
    return slice(int(rows[0]), int(rows[-1]) + 1) if contiguous and np.asarray(mask).dtype == bool else None


def _nonzero_rows(matrix: np.ndarray) -> np.ndarray:
    """Which rows are not all zero. Most are decided by their first columns, and no more of them is read."""
    nonzero = np.any(matrix[:, :LEADING_COLUMNS], axis=1)
    undecided = np.flatnonzero(~nonzero)
    nonzero[undecided] = np.any(matrix[undecided], axis=1)
    return nonzero


def identity_rows(collection: Collection) -> pd.DataFrame:
    """What an embedding set keeps about each study, so that it can be used without its collection."""
    rows = collection.table[[STUDY_ID, GROUP, SPLIT, DUPLICATE, *collection.labels]].copy()
    for m in collection.modalities:
        if m.kind == "text":
            rows[f"key:{m.name}"] = collection.table[m.columns[0]].map(text_digest)
    return rows


def text_digest(text: str) -> str:
    """Equal for texts that have one `text_key`; "" where that is empty."""
    key = text_key(text)
    return hashlib.sha256(key.encode()).hexdigest()[:16] if key else ""
