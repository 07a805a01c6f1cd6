"""The features of one batch as the loss terms use them: which rows are present, and which are duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Features:
    """z        (M, B, D) unit rows
    present  (M, B) bool: rows that are not present are never used
    keys     (M, B) int64: equal and >= 0 within one modality = duplicates, which do not push each other
    """

    z: Tensor
    present: Tensor
    keys: Tensor

    @staticmethod
    def of(z: Tensor, present: Tensor, keys: Tensor, *, mask_duplicates: bool) -> Features:
        """Drop the keys of absent rows, and all keys if duplicates are to count as negatives."""
        return Features(z, present, torch.where(present & mask_duplicates, keys, -1))

    def rows(self, *modalities: int) -> tuple[list[Tensor], list[Tensor]]:
        """Rows of the studies that have all these modalities, (n, D) each, and their duplicate codes."""
        complete = self.present[list(modalities)].all(dim=0)
        rows = _selected([self.z[m] for m in modalities], complete)
        return rows, duplicate_codes(_selected([self.keys[m] for m in modalities], complete))

    def centroids(self) -> tuple[Tensor, list[Tensor]]:
        """Unit mean of each study's modalities, (n, D), for studies with two or more; duplicate codes."""
        several = self.present.sum(dim=0) > 1
        total = torch.where(self.present[..., None], self.z, 0).sum(dim=0)
        (total,) = _selected([total], several)
        means = torch.nn.functional.normalize(total, dim=1)
        return means, duplicate_codes(_selected(list(self.keys), several))


def _selected(tensors: list[Tensor], mask: Tensor) -> list[Tensor]:
    """The masked rows of each tensor, without a copy if the mask selects all."""
    if mask.all():
        return tensors
    index = mask.nonzero()[:, 0]
    return [t[index] for t in tensors]


def duplicate_codes(keys: list[Tensor]) -> list[Tensor]:
    """Those of the (n,) keys that contain repeats; each -1 is replaced by a number of its own."""
    codes = []
    for key in keys:
        code = torch.where(key < 0, -1 - torch.arange(len(key), device=key.device), key)
        if len(code.unique()) < len(code):
            codes.append(code)
    return codes


def mean_or_zero(losses: Sequence[Tensor], features: Features) -> Tensor:
    """Mean of the losses; 0, still part of the graph, if the batch has nothing to compute the term on."""
    return torch.stack(list(losses)).mean() if losses else 0 * features.z[features.present].sum()
