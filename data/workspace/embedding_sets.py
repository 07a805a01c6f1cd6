"""Storage of embedding sets in the workspace: published atomically, opened with memory-mapped matrices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from suture.data.embedding_set import EmbeddingSet, Vectors
from suture.data.metadata import EmbeddingSetMetadata
from suture.data.workspace import (
    SET,
    EmbeddingSetRecord,
    Workspace,
)


def save(
    workspace: Workspace,
    name: str,
    vectors: Vectors,
    rows: pd.DataFrame,
    meta: EmbeddingSetMetadata,
    *,
    extra: Mapping[str, bytes] | None = None,
) -> EmbeddingSetRecord:
    """Publish an embedding set; `extra` are additional files of the record, name -> content."""
    with workspace.staging() as folder:
        for number, matrix in enumerate(vectors.values()):
            np.save(folder / matrix_file(number), np.ascontiguousarray(matrix))
        for file, content in (extra or {}).items():
            (folder / file).write_bytes(content)
        return publish(workspace, name, folder, list(vectors), rows, meta)


def matrix_file(number: int) -> str:
    """Name of the .npy file of the modality of that number."""
    return f"vectors-{number}.npy"


def publish(
    workspace: Workspace,
    name: str,
    folder: Path,
    modalities: list[str],
    rows: pd.DataFrame,
    meta: EmbeddingSetMetadata,
) -> EmbeddingSetRecord:
    """Publish a staged folder, with a `matrix_file` for each modality, as an embedding set."""
    rows.to_parquet(folder / "rows.parquet", write_page_checksum=True)
    return workspace.publish(SET, name, folder, replace(meta, modalities=modalities))


def load(workspace: Workspace, name: str) -> EmbeddingSet:
    """Open an embedding set; the matrices stay on disk and are memory-mapped."""
    record = workspace.record(SET, name)
    vectors = {
        modality: np.load(record.path(matrix_file(i)), mmap_mode="r", allow_pickle=False)
        for i, modality in enumerate(record.meta.modalities)
    }
    rows = _rows(path := record.path("rows.parquet"), path.stat().st_mtime_ns).copy(deep=False)
    return EmbeddingSet(name, vectors, rows, record.meta, record.fingerprint)


@lru_cache(maxsize=4)
def _rows(path: Path, written: int) -> pd.DataFrame:
    """The most recent tables, which pages read repeatedly. Callers must not modify them."""
    return pd.read_parquet(path, page_checksum_verification=True)
