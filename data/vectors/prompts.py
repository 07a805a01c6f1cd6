"""Prompts that come along with imported vectors, so that zero-shot needs no encoder.

Arrays beside the vectors of the studies, in the same file or one of their own: `prompts` (n_prompts,) are
the texts, `prompt_vectors` (n_prompts, dim) their vectors, and `prompt_labels` (n_prompts,), which may be
left out, the value that each prompt stands for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suture.data.errors import Refused
from suture.data.vectors.blocks import Matrix
from suture.data.vectors.checks import unit_rows
from suture.data.vectors.requests import Arrays
from suture.data.workspace import EmbeddingSetRecord

TEXTS, VECTORS, LABELS = "prompts", "prompt_vectors", "prompt_labels"
FILE = "prompts.npz"
MOST = 100_000


@dataclass(frozen=True)
class Prompts:
    """texts and labels (n_prompts,), "" where there is no label; vectors (n_prompts, dim), unit rows."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    vectors: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def arrays(self) -> dict[str, np.ndarray]:
        """As they are named in an .npz."""
        return {TEXTS: np.array(self.texts, str), LABELS: np.array(self.labels, str), VECTORS: self.vectors}

    def save(self, folder: Path) -> None:
        """Write them into the folder of a set."""
        texts, labels, vectors = self.arrays().values()
        np.savez(folder / FILE, prompts=texts, prompt_labels=labels, prompt_vectors=vectors)


def load(record: EmbeddingSetRecord) -> Prompts | None:
    """The prompts that came with a set; None if none did."""
    if FILE not in record.files:
        return None
    with np.load(record.path(FILE), allow_pickle=False) as arrays:
        return Prompts(tuple(arrays[TEXTS].tolist()), tuple(arrays[LABELS].tolist()), arrays[VECTORS])


def take_prompts(arrays: Arrays) -> tuple[Prompts | None, Arrays]:
    """(the prompts among arrays that were read, the other arrays). `Refused` if they do not fit together."""
    others = {name: x for name, x in arrays.items() if name not in (TEXTS, VECTORS, LABELS)}
    vectors = arrays.get(VECTORS)
    if vectors is None:  # a label of the studies may be called "prompts"
        return None, arrays
    texts = arrays.get(TEXTS)
    if not isinstance(vectors, Matrix) or texts is None or isinstance(texts, Matrix):
        message = f"Prompts are two arrays: {TEXTS} (n_prompts,) and {VECTORS} (n_prompts, dim)."
        raise Refused("prompts_invalid", f"{message} Give both, or rename them.")
    labels = arrays.get(LABELS, np.full(len(texts), "", dtype=object))
    if isinstance(labels, Matrix) or not len(texts) == len(labels) == len(vectors) <= MOST:
        message = f"{TEXTS}, {VECTORS} and {LABELS} must have one row for each prompt, at most {MOST:,}; "
        found = f"got {len(texts):,}, {len(vectors):,} and {len(labels):,}."
        raise Refused("prompts_invalid", message + found)
    block = np.concatenate([block for _, block in vectors.blocks()])
    return Prompts(tuple(map(str, texts)), tuple(map(str, labels)), _units(block)), others


def check_width(prompts: Prompts, widths: Mapping[str, int]) -> None:
    """`Refused` if the prompts are not as wide as every modality."""
    wide = prompts.vectors.shape[1]
    if {*widths.values()} != {wide}:
        found = ", ".join(f"{name} {width}" for name, width in widths.items())
        message = f"{VECTORS} have {wide} dimensions, the vectors of the studies have others: {found}."
        raise Refused("embedding_dim_mismatch", f"{message} Prompts must be in the same space.")


def _units(block: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(block.astype(np.float64), axis=1)
    wrong = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if block.dtype.kind != "f" or len(wrong):
        what = f"row {wrong[0]} is zero or not finite" if len(wrong) else f"they are {block.dtype}"
        raise Refused("prompts_invalid", f"{VECTORS} must be floats other than zero; {what}.")
    return unit_rows(block)
