"""Import existing vectors (.npz, .npy, Parquet, CSV, .pt) as an embedding set; no model is needed.

Two-dimensional arrays are modalities. One-dimensional arrays of the same length describe the rows: ids,
groups, split, duplicate group, `present:<modality>`, `text:<modality>`; all others are labels. Prompts with
their vectors may come along: `suture.data.vectors.prompts`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from suture.data.collection import STUDY_ID
from suture.data.collections import storage
from suture.data.embedding_set import identity_rows
from suture.data.errors import Refused, UserError
from suture.data.files import uploads
from suture.data.files.names import full_path, quoted
from suture.data.intake.report import IntakeReport, Skips, refusal
from suture.data.metadata import EmbeddingSetMetadata
from suture.data.vectors.blocks import save
from suture.data.vectors.checks import (
    Columns,
    Matrices,
    as_float,
    rows_with_vectors,
    split_by_dimension,
    unit_rows,
    usable_rows,
)
from suture.data.vectors.prompts import Prompts, check_width, take_prompts
from suture.data.vectors.requests import File, read
from suture.data.vectors.rows import describe_rows, has_ids, refuse_unknown_texts, vector_text_keys
from suture.data.workspace import COLLECTION, SET, Workspace, check_name, embedding_sets

__all__ = ["import_vectors"]
Progress = Callable[[float, str], None]


def import_vectors(
    workspace: Workspace,
    sources: Sequence[Path],
    name: str,
    *,
    collection: str = "",
    features: bool = False,
    progress: Progress = lambda share, what: None,
) -> IntakeReport:
    """Import vectors as an embedding set called `name`. `sources` are files, or one upload.

    collection  rows are matched to its studies by id (or by order if there are no ids and the numbers agree),
                so that pages can show images and texts
    features    the arrays come from separate backbones: widths may differ, lengths are kept, and nothing
                is compared across modalities until heads have been trained on them
    progress    called with the share that is done, 0 to 1, and a description of the current step
    """
    skips = Skips()
    found = 0
    try:
        check_name(name)
        workspace.refuse_taken(SET, name)
        with workspace.staging() as spool:
            files = _files(sources)
            size = sum(path.stat().st_size for _, path in files if path.is_file())
            arrays = read(files, spool, _counted(progress, "Reading", 0, 0.4, size))
            given, arrays = take_prompts(arrays)
            vectors, columns, unused = split_by_dimension(arrays, features)
            if given is not None:
                check_width(given, {m: x.width for m, x in vectors.items()})
            found = len(next(iter(vectors.values())))
            taken = _take(workspace, name, vectors, columns, collection, skips, features, progress, given)
    except UserError as error:
        return refusal(error, found=found, skipped=skips)
    return _report(name, found, taken, [*vectors], unused, given, skips)


def _report(
    name: str,
    found: int,
    taken: int,
    modalities: list[str],
    unused: list[str],
    given: Prompts | None,
    skips: Skips,
) -> IntakeReport:
    """What was taken, in words, with warnings where most rows or whole arrays were not."""
    message = f"{taken:,} of {found:,} rows imported into {name!r}: {', '.join(modalities)}."
    warnings = {}
    if given is not None:
        message += f" {len(given):,} prompts came along."
    if len(skips) > taken:
        warnings["warn_most_skipped"] = len(skips)
        message += f" {len(skips):,} of {found:,} rows were skipped, which is most of them."
    if unused:
        warnings["warn_array_not_used"] = len(unused)
        message += f" Not used, for they do not have one row a study: {', '.join(map(quoted, unused[:5]))}."
    if len(skips):
        message += f" Skipped: {'; '.join(p[2] for p in skips.first()[:3])}"
    return IntakeReport(found, taken, skips.counts(), None, message, skips.first(), warnings)


def _counted(progress: Progress, what: str, start: float, stop: float, of: int) -> Callable[[int], None]:
    """A callback for one step: called with the number of new items, it reports a share in start..stop."""
    done = 0

    def more(new: int) -> None:
        nonlocal done
        done += new
        progress(start + (stop - start) * min(1.0, done / max(of, 1)), what)

    return more


def _files(sources: Sequence[Path]) -> list[File]:
    """The user's name for each file, and its path."""
    if len(sources) == 1 and uploads.is_spooled(sources[0]):
        return uploads.spooled_files(sources[0])
    return [(source.name, full_path(source)) for source in sources]


def _take(
    workspace: Workspace,
    name: str,
    vectors: Matrices,
    columns: Columns,
    collection: str,
    skips: Skips,
    features: bool,
    progress: Progress,
    given: Prompts | None,
) -> int:
    n = len(next(iter(vectors.values())))
    present = {m: columns.pop(f"present:{m}", np.ones(n, bool)) for m in vectors}
    refuse_unknown_texts(columns, vectors)
    missing = {m: np.array([str(cell) == "False" for cell in column]) for m, column in present.items()}
    rows = describe_rows(columns, n)
    meta = EmbeddingSetMetadata(collection="", checkpoint="", source="vectors")
    if features:
        meta = replace(meta, dims={m: a.width for m, a in vectors.items()}, comparable=False)
    if collection:
        record = workspace.record(COLLECTION, collection)
        rows = _attach(workspace, collection, rows, has_ids(columns))
        meta = replace(
            meta, collection=collection, collection_id=record.id, collection_hash=record.fingerprint
        )
    checked = _counted(progress, "Checking", 0.4, 0.6, n * len(vectors))
    good = rows_with_vectors(missing, rows[STUDY_ID], skips)
    good &= usable_rows(vectors, missing, rows[STUDY_ID], skips, checked)
    if not good.any():
        raise Refused("embedding_not_finite", f"No usable row: {skips.first()[0][2]}")
    rows = rows[good].reset_index(drop=True)
    written = _counted(progress, "Writing", 0.6, 1, n * len(vectors))
    with workspace.staging() as staged:
        kept = {
            m: save(
                staged / embedding_sets.matrix_file(i),
                a,
                good,
                partial(_shaped, missing[m], features),
                written,
            )
            for i, (m, a) in enumerate(vectors.items())
        }
        if not collection:
            rows = rows.assign(**{k: v for k, v in vector_text_keys(kept).items() if k not in rows})
        if given is not None:
            given.save(staged)
        embedding_sets.publish(workspace, name, staged, [*vectors], rows, replace(meta, n=len(rows)))
    return len(rows)


def _shaped(missing: np.ndarray, features: bool, rows: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Rows as they are stored: zeros where the modality is missing, else unit length unless `features`."""
    block = np.where(missing[rows][:, None], 0, block)
    return as_float(block) if features else unit_rows(block)


def _attach(workspace: Workspace, name: str, rows: pd.DataFrame, has_ids: bool) -> pd.DataFrame:
    """The collection's description of the rows, matched by id, or by order if the numbers agree."""
    known = identity_rows(storage.load(workspace, name))
    if not has_ids and len(rows) == len(known):
        return known
    position = pd.Series(range(len(known)), index=known[STUDY_ID])
    hits = rows[STUDY_ID].map(position)
    if hits.isna().any():
        raise Refused(
            "embedding_count_mismatch",
            f"{int(hits.isna().sum()):,} of {len(rows):,} rows match no study of {name!r} "
            f"({len(known):,} studies). Give an `ids` array with its study ids.",
        )
    return known.iloc[hits.astype(int)].reset_index(drop=True)
