"""Export an embedding set as one .npz that `import-vectors` and numpy can read; no Python objects."""

from __future__ import annotations

import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from suture.data.collection import DUPLICATE, GROUP, SPLIT, STUDY_ID
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import Refused
from suture.data.vectors.prompts import Prompts

FIXED = {"ids": STUDY_ID, "group": GROUP, "split": SPLIT, "duplicate_group": DUPLICATE}


def export_set(embedding_set: EmbeddingSet, target: Path, prompts: Prompts | None = None) -> Path:
    """Write vectors by modality, `ids`, `group`, `split`, `duplicate_group`, text keys, labels and prompts.

    Where a modality is missing, its row is zero and `present:<modality>` is False. `Refused` if the target
    exists, its folder does not, or two arrays would have the same name.
    """
    rows = {name: _text(embedding_set.rows[column]) for name, column in FIXED.items()}
    described = [c for c in map(str, embedding_set.rows) if c not in FIXED.values()]
    parts = [dict(embedding_set.vectors), rows, {c: _text(embedding_set.rows[c]) for c in described}]
    for m in embedding_set.modalities:
        present = embedding_set.present(m)
        if not present.all():
            parts.append({f"present:{m}": present})
    if prompts is not None:
        parts.append(prompts.arrays())
    names = [name for part in parts for name in part]
    duplicates = sorted({n for n in names if names.count(n) > 1})
    if duplicates:
        message = f"{duplicates[0]!r} is a modality and a label. Import the set with another column name."
        raise Refused("duplicate_array", message)
    return write_npz(target, {name: array for part in parts for name, array in part.items()})


def write_npz(target: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    """Write a new .npz atomically. numpy.savez cannot be used: it rejects an array called "file"."""
    if target.exists():
        raise Refused("file_exists", f"{str(target)!r} already exists. Choose another name.")
    if target.suffix.lower() != ".npz" or not target.parent.is_dir():
        raise Refused("target_invalid", f"{str(target)!r} must be an .npz in a folder that exists.")
    temporary = target.with_name(f".{uuid.uuid4().hex}")
    try:
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
        temporary.replace(target)
    except OSError as error:
        raise Refused("target_invalid", f"{str(target)!r} cannot be written: {error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _text(column: pd.Series) -> np.ndarray:
    """Cells as fixed-width text, "" where missing."""
    return np.asarray(column.astype(object).where(column.notna(), "").astype(str), dtype=np.str_)
