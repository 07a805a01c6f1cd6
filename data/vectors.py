"""Vectors that a user already has: .npz, several .npy, or Parquet -> EmbeddingSet, no model needed.

Arrays of two dimensions are modalities; arrays of one dimension and the same length describe the
rows (ids, groups, split, duplicate group, `present:<modality>`; all others are labels).
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data import embeddings, store
from data.collection import DUPLICATE, GROUP, SPLIT, STUDY_ID, check_modality
from data.errors import Refused, Skipped, UserError
from data.files import DAMAGED
from data.report import IntakeReport, Skips, refusal
from data.workspace import COLLECTION, SET, Workspace, check_name

Arrays = dict[str, np.ndarray]
MAX_BYTES = 16 * 2**30
MAX_RATIO = 100  # an .npz member that inflates more than this is a bomb, not vectors
ROLES = {
    STUDY_ID: ("study_id", "id", "ids", "image_id", "uid"),
    GROUP: ("group", "groups", "patient_id", "subject_id", "case_id", "patient"),
    SPLIT: ("split", "splits"),
    DUPLICATE: ("duplicate_group", "caption_group"),
}


def import_vectors(
    workspace: Workspace,
    sources: Sequence[Path],
    name: str,
    *,
    collection: str = "",
    features: bool = False,
) -> IntakeReport:
    """Take vectors in as an embedding set called `name`.

    With `collection`, rows are matched to its studies by id (or by order if there are no ids and
    the numbers agree), and pages can show images and texts.

    features  the arrays come from separate backbones: widths may differ, lengths are kept, and nothing
              is compared across modalities until heads have been trained on them
    """
    skips = Skips()
    found = 0
    try:
        check_name(name)
        workspace.refuse_taken(SET, name)
        arrays = _tidy(_read_all(sources))
        vectors, columns = _separate(arrays, features)
        found = len(next(iter(vectors.values())))
        taken = _take(workspace, name, vectors, columns, collection, skips, features)
    except UserError as error:
        return refusal(error, found=found, skipped=skips)
    message = f"{taken:,} of {found:,} rows taken into {name!r}: {', '.join(vectors)}."
    if len(skips):
        message += f" Left out: {'; '.join(p[2] for p in skips.shown()[:3])}"
    return IntakeReport(found, taken, skips.counts(), None, message, skips.shown())


def _read_all(sources: Sequence[Path]) -> Arrays:
    arrays: Arrays = {}
    for source in sources:
        if not source.is_file():
            raise Refused("source_missing", f"There is no file at {str(source)!r}.")
        if source.stat().st_size == 0:
            raise Refused("empty_file", f"{source.name!r} is empty.")
        found = _read(source)
        double = sorted(found.keys() & arrays.keys())
        if double:
            raise Refused("duplicate_array", f"{double[0]!r} is in more than one file. Give it once.")
        arrays |= found
    return arrays


def _read(source: Path) -> Arrays:
    suffix = source.suffix.lower()
    if suffix == ".npz":
        return _read_npz(source)
    if suffix == ".npy":
        return {source.stem: _load_npy(source.read_bytes(), source.name)}
    if suffix in (".parquet", ".pq"):
        return _read_parquet(source)
    raise Refused(
        "file_type_not_allowed",
        f"{source.name!r} is not a file of vectors. Expected .npz, .npy (two or more) or .parquet.",
    )


def _read_npz(source: Path) -> Arrays:
    try:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            declared = sum(m.file_size for m in members)
            if declared > min(MAX_BYTES, MAX_RATIO * source.stat().st_size):
                raise Refused("zip_too_large", f"{source.name!r} would inflate to {declared:,} B.")
            return {m.filename.removesuffix(".npy"): _load_npy(archive.read(m), m.filename) for m in members}
    except (*DAMAGED, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise Refused("npy_corrupt", f"{source.name!r} is not a readable .npz: {error}.") from error


def _load_npy(content: bytes, name: str) -> np.ndarray:
    try:
        return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except ValueError as error:
        if "allow_pickle" in str(error):
            message = f"{name!r} holds Python objects, which are never opened. Save numbers only."
            raise Refused("npy_object_dtype", message) from error
        raise Refused("npy_corrupt", f"{name!r} is not a readable array: {error}.") from error
    except (OSError, EOFError, SyntaxError, MemoryError) as error:
        raise Refused("npy_corrupt", f"{name!r} is not a readable array: {error}.") from error


def _read_parquet(source: Path) -> Arrays:
    try:
        table = pq.read_table(source, memory_map=True)
    except (pa.ArrowException, OSError) as error:
        raise Refused("table_corrupt", f"{source.name!r} is not readable Parquet.") from error
    arrays: Arrays = {}
    for field in table.schema:
        column = table[field.name]
        if pa.types.is_list(field.type) or pa.types.is_fixed_size_list(field.type):
            rows = column.to_pylist()
            if len({len(r or ()) for r in rows}) != 1:
                raise Refused("embedding_shape", f"Rows of {field.name!r} differ in length.")
            arrays[field.name] = np.asarray(rows, dtype=np.float64)
        else:
            arrays[field.name] = np.asarray(["" if v is None else str(v) for v in column.to_pylist()])
    return arrays


def _tidy(arrays: Arrays) -> Arrays:
    """Leave out `x_raw` where `x` is there too; images first, otherwise in the order given."""
    arrays = {n: a for n, a in arrays.items() if n.removesuffix("_raw") not in arrays.keys() - {n}}
    return dict(sorted(arrays.items(), key=lambda item: "image" not in item[0].lower()))


def _separate(arrays: Arrays, features: bool) -> tuple[Arrays, Arrays]:
    deep = [n for n, a in arrays.items() if a.ndim > 2]
    if deep:
        raise Refused("embedding_shape", f"{deep[0]!r} has {arrays[deep[0]].ndim} dimensions, not 2.")
    lengths = [len(a) for a in arrays.values() if a.ndim == 2]
    if len(lengths) < 2:
        shapes = ", ".join(f"{n} {a.shape}" for n, a in arrays.items())
        raise Refused(
            "embedding_shape",
            f"Two or more arrays of shape (n_studies, dim) are needed, one a modality. Got: {shapes}.",
        )
    n = max(set(lengths), key=lengths.count)
    vectors = {m: a for m, a in arrays.items() if a.ndim == 2 and len(a) == n}
    for name in vectors:
        check_modality(name)
    others = {m: a.shape for m, a in arrays.items() if a.ndim == 2 and m not in vectors}
    if len(vectors) < 2:
        raise Refused(
            "embedding_count_mismatch",
            f"Modalities must have the same number of rows, got {_shapes(vectors)} and {others}.",
        )
    _check_types(vectors, features)
    columns = {m: a for m, a in arrays.items() if a.ndim == 1 and len(a) == n}
    return vectors, columns


def _check_types(vectors: Arrays, features: bool) -> None:
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
        if array.size == 0:
            raise Refused("embedding_empty", f"{name!r} has shape {array.shape}: no vectors.")


def _shapes(vectors: Arrays) -> str:
    return ", ".join(f"{n} {a.shape}" for n, a in vectors.items())


def _take(
    workspace: Workspace,
    name: str,
    vectors: Arrays,
    columns: Arrays,
    collection: str,
    skips: Skips,
    features: bool,
) -> int:
    n = len(next(iter(vectors.values())))
    missing = {m: columns.pop(f"present:{m}", np.ones(n, bool)).astype(str) == "False" for m in vectors}
    vectors = {m: np.where(missing[m][:, None], 0, a) for m, a in vectors.items()}
    rows = _rows(columns, n)
    meta: dict[str, object] = {"collection": "", "checkpoint": "", "source": "vectors"}
    if features:
        meta |= {"dims": {m: a.shape[1] for m, a in vectors.items()}, "comparable": False}
    if collection:
        rows, extra = _attach(workspace, collection, rows, bool(_first(columns, ROLES[STUDY_ID])))
        meta |= extra
    good = _usable(vectors, missing, rows[STUDY_ID], skips)
    if not good.any():
        raise Refused("embedding_not_finite", f"No usable row: {skips.shown()[0][2]}")
    rows = rows[good].reset_index(drop=True)
    vectors = {m: (_plain if features else _unit)(a[good]) for m, a in vectors.items()}
    if not collection:
        rows = rows.assign(**{k: v for k, v in _keys(vectors).items() if k not in rows})
    embeddings.save(workspace, name, vectors, rows, {**meta, "n": len(rows)})
    return len(rows)


def _rows(columns: Arrays, n: int) -> pd.DataFrame:
    """What describes the rows; what is not known of a row is said to be its own."""
    named = {role: _first(columns, names) for role, names in ROLES.items()}
    blank = pd.Series([""] * n, dtype=object)
    known = {role: _strings(columns[name]) if name else blank for role, name in named.items()}
    numbers = pd.Series([f"{i:06d}" for i in range(n)], dtype=object)
    ids = known[STUDY_ID].where(known[STUDY_ID] != "", numbers)
    if ids.duplicated().any():
        double = ids[ids.duplicated()].iloc[0]
        raise Refused("duplicate_id", f"The id {double!r} occurs more than once. Ids must differ.")
    rows = pd.DataFrame({STUDY_ID: ids, GROUP: known[GROUP].where(known[GROUP] != "", ids)})
    rows[SPLIT] = known[SPLIT].where(known[SPLIT] != "", "unassigned") if named[SPLIT] else "all"
    rows[DUPLICATE] = known[DUPLICATE]
    for name in [c for c in columns if c not in named.values()]:
        rows[name] = _strings(columns[name])
    return rows


def _strings(column: np.ndarray) -> pd.Series:
    """Cells as text, "" where nothing is known."""
    text = pd.Series(column.astype(str), dtype=object)
    return text.where(~text.isin(["nan", "None", "NaT", "<NA>"]), "")


def _keys(vectors: Arrays) -> dict[str, list[str]]:
    """Text keys where no text is known: equal vectors of a text modality are the same text."""
    keys = {}
    for name, matrix in vectors.items():
        hashes = [hashlib.sha256(row.tobytes()).hexdigest()[:16] if row.any() else "" for row in matrix]
        known = [h for h in hashes if h]
        if "image" not in name.lower() and len(set(known)) < len(known):
            keys[f"key:{name}"] = hashes
    return keys


def _first(columns: Arrays, names: Sequence[str]) -> str:
    return next((n for n in names if n in columns), "")


def _usable(vectors: Arrays, missing: Arrays, ids: pd.Series, skips: Skips) -> np.ndarray:
    """Rows whose vectors are finite in every modality, and zero only where declared missing."""
    good = np.ones(len(ids), dtype=bool)
    for name, array in vectors.items():
        finite = np.asarray(np.isfinite(array).all(axis=1))
        zero = finite & ~missing[name] & (np.linalg.norm(np.where(finite[:, None], array, 0), axis=1) < 1e-12)
        for row in np.flatnonzero(good & ~finite):
            message = f"row {row} of {name!r} (id {ids[row]}) has NaN or infinite values."
            skips.add(str(ids[row]), Skipped("embedding_not_finite", message))
        for row in np.flatnonzero(good & zero):
            message = f"row {row} of {name!r} (id {ids[row]}) is zero and has no direction."
            skips.add(str(ids[row]), Skipped("embedding_zero", message))
        good &= finite & ~zero
    return good


def _unit(matrix: np.ndarray) -> np.ndarray:
    """Unit rows, normalised in float64; float64 input stays float64. Rows of zeros stay zeros."""
    wide = matrix.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    unit = wide / np.where(norms == 0, 1, norms)
    return unit if matrix.dtype == np.float64 else unit.astype(np.float32)


def _plain(matrix: np.ndarray) -> np.ndarray:
    """Rows of their own length, float64 or float32."""
    return matrix if matrix.dtype == np.float64 else matrix.astype(np.float32)


def _attach(
    workspace: Workspace, name: str, rows: pd.DataFrame, has_ids: bool
) -> tuple[pd.DataFrame, dict[str, object]]:
    """What the collection knows of the rows, matched by id, or by order if there are as many."""
    record = workspace.record(COLLECTION, name)
    known = embeddings.identity_rows(store.load(workspace, name))
    origin: dict[str, object] = {
        "collection": name,
        "collection_id": record.id,
        "collection_hash": record.fingerprint,
    }
    if not has_ids and len(rows) == len(known):
        return known, origin
    position = pd.Series(range(len(known)), index=known[STUDY_ID])
    hits = rows[STUDY_ID].map(position)
    if hits.isna().any():
        raise Refused(
            "embedding_count_mismatch",
            f"{int(hits.isna().sum()):,} of {len(rows):,} rows match no study of {name!r} "
            f"({len(known):,} studies). Give an `ids` array with its study ids.",
        )
    return known.iloc[hits.astype(int)].reset_index(drop=True), origin
