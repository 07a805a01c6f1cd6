"""Arrays in memory -> EmbeddingSet, checked and prepared as `import_vectors` does with files."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from suture.data.collection import STUDY_ID, check_modality
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import Refused
from suture.data.intake.report import Skips
from suture.data.metadata import EmbeddingSetMetadata
from suture.data.vectors.blocks import InMemory
from suture.data.vectors.checks import check_types, images_first, unit_rows, usable_rows
from suture.data.vectors.reading import text_cells
from suture.data.vectors.rows import describe_rows, vector_text_keys


def from_arrays(
    vectors: Mapping[str, np.ndarray], columns: Mapping[str, np.ndarray], *, name: str
) -> EmbeddingSet:
    """The embedding set that `import_vectors` would make of an .npz of these arrays.

    vectors  modality -> (n_studies, dim) floats
    columns  (n_studies,) each, named as in an .npz: `ids`, `group`, `split`, `duplicate_group`,
             `present:<modality>`, `key:<modality>`; any other is a label

    `Refused` for what does not fit together, and, other than there, for single rows that are not finite or
    have no direction: who calls this can leave them out.
    """
    found = {m: _matrix(m, x) for m, x in images_first(vectors).items()}
    for modality in found:
        check_modality(modality)
    shapes = ", ".join(f"{m} {x.shape}" for m, x in found.items())
    if len(found) < 2:
        raise Refused("too_few_modalities", f"Two or more modalities are needed, got {shapes or 'none'}.")
    if len({len(x) for x in found.values()}) > 1:
        raise Refused(
            "embedding_count_mismatch",
            f"Modalities must have the same number of rows, one per study, in the same order. Got {shapes}.",
        )
    matrices = {m: InMemory(x) for m, x in found.items()}
    check_types(matrices, features=False)
    n = len(next(iter(found.values())))
    described = {c: _column(c, x, n) for c, x in columns.items()}
    missing = {m: described.pop(f"present:{m}", np.full(n, "True")) == "False" for m in found}
    rows = describe_rows(described, n)
    skips = Skips()
    good = usable_rows(matrices, missing, rows[STUDY_ID], skips, lambda new: None)
    if not good.all():
        _, code, message = skips.first()[0]
        raise Refused(code, f"{len(skips):,} of {n:,} rows cannot be measured. The first: {message}")
    units = {m: unit_rows(np.where(missing[m][:, None], 0, x)) for m, x in found.items()}
    known = vector_text_keys({m: InMemory(x) for m, x in units.items()})
    rows = rows.assign(**{k: v for k, v in known.items() if k not in rows})
    return EmbeddingSet(name, units, rows, EmbeddingSetMetadata(source="arrays", modalities=[*units], n=n))


def _matrix(name: str, array: np.ndarray) -> np.ndarray:
    if array.ndim != 2:
        raise Refused(
            "embedding_shape",
            f"{name!r} has shape {array.shape}; expected (n_studies, dim), one row per study.",
        )
    if array.dtype.kind not in "fiub":
        raise Refused("embedding_dtype", f"{name!r} has type {array.dtype}. Expected floats.")
    wide = np.float64 if array.dtype.itemsize > 8 else array.dtype.newbyteorder("=")
    return np.ascontiguousarray(array, dtype=wide)


def _column(name: str, values: np.ndarray, n: int) -> np.ndarray:
    """One cell a study, as text."""
    if values.shape != (n,):
        raise Refused(
            "column_length",
            f"{name!r} must have one value for each of the {n:,} studies; it has shape {values.shape}.",
        )
    return np.asarray(text_cells(name, values), dtype=object)
