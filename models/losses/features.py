"""The features of one batch as the terms look at them: rows that are present, and who is a duplicate."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Features:
    """z        (M, B, D) unit rows
    present  (M, B) bool: rows that are not present are never looked at
    keys     (M, B) int64: equal and >= 0 within one modality = duplicates, which do not push each other
    """

    z: Tensor
    present: Tensor
    keys: Tensor

    @staticmethod
    def of(z: Tensor, present: Tensor, keys: Tensor, *, mask_duplicates: bool) -> Features:
        """Without the keys of absent rows, or without any where duplicates are to be negatives too."""
        return Features(z, present, torch.where(present & mask_duplicates, keys, -1))

    def rows(self, *modalities: int) -> tuple[list[Tensor], list[Tensor]]:
        """The rows of studies that have all these modalities, (n, D) each, and their duplicate codes."""
        there = self.present[list(modalities)].all(dim=0)
        rows = _taken([self.z[m] for m in modalities], there)
        return rows, duplicate_codes(_taken([self.keys[m] for m in modalities], there))

    def centroids(self) -> tuple[Tensor, list[Tensor]]:
        """Unit mean of each study's modalities, (n, D), of studies with two or more; duplicate codes."""
        there = self.present.sum(dim=0) > 1
        total = torch.where(self.present[..., None], self.z, 0).sum(dim=0)
        (total,) = _taken([total], there)
        means = torch.nn.functional.normalize(total, dim=1)
        return means, duplicate_codes(_taken(list(self.keys), there))


def _taken(tensors: list[Tensor], there: Tensor) -> list[Tensor]:
    """Their rows that are there; a whole batch is not copied."""
    if there.all():
        return tensors
    index = there.nonzero()[:, 0]
    return [t[index] for t in tensors]


def duplicate_codes(keys: list[Tensor]) -> list[Tensor]:
    """Of these (n,) keys those with repeats, -1 replaced by numbers that are equal to no other."""
    codes = []
    for key in keys:
        code = torch.where(key < 0, -1 - torch.arange(len(key), device=key.device), key)
        if len(code.unique()) < len(code):
            codes.append(code)
    return codes
