"""Checks of imported vectors: equal widths, equal numbers of rows, floats, finite and not zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from suture.data.collection import check_modality
from suture.data.errors import Refused, Skipped
from suture.data.intake.report import Skips
from suture.data.vectors.blocks import InMemory, Matrix
from suture.data.vectors.requests import Arrays

Matrices = dict[str, Matrix]
AnyMatrices = Mapping[str, Matrix | InMemory]
Columns = dict[str, np.ndarray]
ZERO_LENGTH = 1e-12  # a shorter vector counts as zero


def split_by_dimension(arrays: Arrays, features: bool) -> tuple[Matrices, Columns, list[str]]:
    """(vectors by modality, images first; columns that describe their rows; names of what is neither).

    `Refused` if they do not fit.

    features  widths may differ
    """
    arrays = _in_order(arrays)
    matrices = {name: a for name, a in arrays.items() if isinstance(a, Matrix)}
    lengths = [len(a) for a in matrices.values()]
    if len(lengths) < 2:
        raise Refused(
            "embedding_shape",
            f"Expected two or more arrays of shape (n_studies, dim), one per modality. Got: "
            f"{_shapes(arrays)}.",
        )
    n = max(set(lengths), key=lengths.count)
    vectors = {m: a for m, a in matrices.items() if len(a) == n}
    for name in vectors:
        check_modality(name)
    others = {m: a.shape for m, a in matrices.items() if m not in vectors}
    if len(vectors) < 2:
        raise Refused(
            "embedding_count_mismatch",
            f"Modalities must have the same number of rows, got {_shapes(vectors)} and {others}.",
        )
    check_types(vectors, features)
    columns = {m: a for m, a in arrays.items() if not isinstance(a, Matrix) and len(a) == n}
    return vectors, columns, [name for name in arrays if name not in {*vectors, *columns}]


def usable_rows(
    vectors: AnyMatrices, missing: Columns, ids: pd.Series, skips: Skips, progress: Callable[[int], None]
) -> np.ndarray:
    """Rows whose vectors are finite in every modality, and zero only where declared missing: (n_rows,) bool.

    progress  called with the number of rows of each block checked
    """
    good = np.ones(len(ids), dtype=bool)
    for name, matrix in vectors.items():
        lengths = np.empty(len(ids))
        for where, block in matrix.blocks():
            lengths[where] = _lengths(block)
            progress(len(block))
        lengths[missing[name]] = 0
        finite = np.isfinite(lengths)
        zero = ~missing[name] & (lengths < ZERO_LENGTH)
        for row in np.flatnonzero(good & ~finite):
            message = f"Row {row} of {name!r} has NaN or infinite values, or an infinite length."
            skips.add(str(ids[row]), Skipped("embedding_not_finite", message))
        for row in np.flatnonzero(good & zero):
            message = f"Row {row} of {name!r} is zero and has no direction."
            skips.add(str(ids[row]), Skipped("embedding_zero", message))
        good &= finite & ~zero
    return good


def rows_with_vectors(missing: Columns, ids: pd.Series, skips: Skips) -> np.ndarray:
    """Rows that have a vector of some modality: (n_rows,) bool."""
    empty = np.logical_and.reduce([*missing.values()])
    for row in np.flatnonzero(empty):
        skips.add(str(ids[row]), Skipped("study_empty", f"Row {row} has no vector of any modality."))
    return ~empty


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    """Unit rows, normalised in float64; float64 input stays float64. Rows of zeros stay zeros."""
    lengths = _lengths(matrix)[:, None]
    unit_rows = matrix / np.where(lengths == 0, 1, lengths)
    return unit_rows if matrix.dtype == np.float64 else unit_rows.astype(np.float32)


def _lengths(matrix: np.ndarray) -> np.ndarray:
    """Row lengths in float64, where squares do not overflow early. Not finite if a value is not."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.linalg.norm(matrix.astype(np.float64), axis=1))


def as_float(matrix: np.ndarray) -> np.ndarray:
    """The rows with their lengths unchanged, as float64 or float32."""
    return matrix if matrix.dtype == np.float64 else matrix.astype(np.float32)


def _in_order(arrays: Arrays) -> Arrays:
    """Drop `x_raw` if there is an `x`; images first, otherwise in the given order."""
    arrays = {n: a for n, a in arrays.items() if n.removesuffix("_raw") not in arrays.keys() - {n}}
    return images_first(arrays)


def images_first(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Images first, otherwise in the order given."""
    return dict(sorted(arrays.items(), key=lambda item: "image" not in item[0].lower()))


def check_types(vectors: AnyMatrices, features: bool) -> None:
    """`Refused` unless they are floats, not empty, and of one width that is at least 2.

    features: widths may differ
    """
    if not features and len({a.shape[1] for a in vectors.values()}) > 1:
        raise Refused(
            "embedding_dim_mismatch",
            f"Modalities must have the same width, as they must be in one space. Got {_shapes(vectors)}. "
            f"To import features of separate backbones and train heads on them, use --features.",
        )
    if min(a.shape[1] for a in vectors.values()) < 2:
        raise Refused("embedding_shape", f"Vectors need at least 2 dimensions. Got {_shapes(vectors)}.")
    for name, array in vectors.items():
        if array.dtype.kind != "f":
            raise Refused("embedding_dtype", f"{name!r} has type {array.dtype}. Expected floats.")
        if not len(array):
            raise Refused("embedding_empty", f"{name!r} has shape {array.shape}, so it has no vectors.")


def _shapes(vectors: Mapping[str, np.ndarray | Matrix | InMemory]) -> str:
    return ", ".join(f"{n} {a.shape}" for n, a in vectors.items())
