"""What vectors must be: of one width, as many of each modality, floats, finite, and with a direction."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from suture.data.collection import check_modality
from suture.data.errors import Refused, Skipped
from suture.data.intake.report import Skips
from suture.data.vectors.blocks import Matrix
from suture.data.vectors.requests import Arrays

Matrices = dict[str, Matrix]
Columns = dict[str, np.ndarray]
SHORT = 1e-12  # a vector of this length is zero


def separate(arrays: Arrays, features: bool) -> tuple[Matrices, Columns]:
    """(vectors by modality, images first; what describes their rows). `Refused` if they do not fit.

    features: widths may differ
    """
    arrays = _tidy(arrays)
    matrices = {name: a for name, a in arrays.items() if isinstance(a, Matrix)}
    lengths = [len(a) for a in matrices.values()]
    if len(lengths) < 2:
        raise Refused(
            "embedding_shape",
            f"Two or more arrays of shape (n_studies, dim) are needed, one a modality. Got: "
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
    _check_types(vectors, features)
    columns = {m: a for m, a in arrays.items() if not isinstance(a, Matrix) and len(a) == n}
    return vectors, columns


def usable(
    vectors: Matrices, missing: Columns, ids: pd.Series, skips: Skips, told: Callable[[int], None]
) -> np.ndarray:
    """Rows whose vectors are finite in every modality, and zero only where declared missing.

    told: called with the number of rows of every block that was looked at
    """
    good = np.ones(len(ids), dtype=bool)
    for name, matrix in vectors.items():
        lengths = np.empty(len(ids))
        for where, block in matrix.blocks():
            lengths[where] = _lengths(block)
            told(len(block))
        lengths[missing[name]] = 0
        finite = np.isfinite(lengths)
        zero = ~missing[name] & (lengths < SHORT)
        for row in np.flatnonzero(good & ~finite):
            message = f"row {row} of {name!r} has NaN or infinite values, or is of infinite length."
            skips.add(str(ids[row]), Skipped("embedding_not_finite", message))
        for row in np.flatnonzero(good & zero):
            message = f"row {row} of {name!r} is zero and has no direction."
            skips.add(str(ids[row]), Skipped("embedding_zero", message))
        good &= finite & ~zero
    return good


def unit(matrix: np.ndarray) -> np.ndarray:
    """Unit rows, normalised in float64; float64 input stays float64. Rows of zeros stay zeros."""
    lengths = _lengths(matrix)[:, None]
    unit = matrix / np.where(lengths == 0, 1, lengths)
    return unit if matrix.dtype == np.float64 else unit.astype(np.float32)


def _lengths(matrix: np.ndarray) -> np.ndarray:
    """Of the rows, in float64: squares of shorter floats overflow early. Not finite if a value is not."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.linalg.norm(matrix.astype(np.float64), axis=1))


def plain(matrix: np.ndarray) -> np.ndarray:
    """Rows of their own length, float64 or float32."""
    return matrix if matrix.dtype == np.float64 else matrix.astype(np.float32)


def _tidy(arrays: Arrays) -> Arrays:
    """Leave out `x_raw` where `x` is there too; images first, otherwise in the order given."""
    arrays = {n: a for n, a in arrays.items() if n.removesuffix("_raw") not in arrays.keys() - {n}}
    return dict(sorted(arrays.items(), key=lambda item: "image" not in item[0].lower()))


def _check_types(vectors: Matrices, features: bool) -> None:
    if not features and len({a.shape[1] for a in vectors.values()}) > 1:
        raise Refused(
            "embedding_dim_mismatch",
            f"Modalities must lie in one space, of the same width. Got {_shapes(vectors)}. Features of "
            f"separate backbones, to train heads on, are taken with --features.",
        )
    if min(a.shape[1] for a in vectors.values()) < 2:
        raise Refused("embedding_shape", f"Vectors need at least 2 dimensions. Got {_shapes(vectors)}.")
    for name, array in vectors.items():
        if array.dtype.kind != "f":
            raise Refused("embedding_dtype", f"{name!r} is {array.dtype}; floats are needed.")
        if not len(array):
            raise Refused("embedding_empty", f"{name!r} has shape {array.shape}: no vectors.")


def _shapes(vectors: Mapping[str, np.ndarray | Matrix]) -> str:
    return ", ".join(f"{n} {a.shape}" for n, a in vectors.items())
