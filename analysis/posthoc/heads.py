"""Trained projection heads as arrays: a linear map or one hidden layer per modality into a shared space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from suture.analysis.posthoc.adapter import Arrays, renormalised

METHOD = "heads"


@dataclass(frozen=True)
class Heads:
    """unit(x W0 + b0), or unit(gelu(x W0 + b0) W1 + b1), of each modality's own features x.

    arrays   "<layer>:<modality>": weight0 (width, hidden or dim), bias0, weight1 (hidden, dim), bias1
    n_fit    studies they were trained on; objective: name of the loss
    """

    modalities: tuple[str, ...]
    arrays: Arrays
    objective: str
    n_fit: int
    method: str = METHOD

    def apply(self, vectors: Mapping[str, np.ndarray], *, strength: float = 1.0) -> Arrays:
        """Map modalities, each (n_rows, its width), to (n_rows, dim) float32 unit rows.

        Rows of zeros (missing) stay zeros. ValueError for an unknown modality, another width, or a
        strength other than 1, since the input and output spaces differ.
        """
        if strength != 1:
            raise ValueError(f"Heads have no strength: expected 1, got {strength}.")
        return {m: self._mapped(m, np.asarray(x)) for m, x in vectors.items()}

    def _mapped(self, modality: str, x: np.ndarray) -> np.ndarray:
        if modality not in self.modalities:
            known = ", ".join(self.modalities)
            raise ValueError(f"The heads know {known}; got {modality!r}.")
        first = self.arrays[f"weight0:{modality}"]
        if x.ndim != 2 or x.shape[1] != len(first):
            raise ValueError(f"Expected (n_rows, {len(first)}) for {modality!r}, got shape {x.shape}.")
        rows = np.flatnonzero((x != 0).any(axis=1))
        # Map distinct rows only: products of equal rows can differ in the last bit, and equal texts must
        # stay tied.
        distinct, which = np.unique(x[rows], axis=0, return_inverse=True)
        z = distinct.astype(np.float64) @ first + self.arrays[f"bias0:{modality}"]
        if f"weight1:{modality}" in self.arrays:
            from scipy.special import erf

            hidden = z * 0.5 * (1 + erf(z / np.sqrt(2)))  # GELU
            z = hidden @ self.arrays[f"weight1:{modality}"] + self.arrays[f"bias1:{modality}"]
        out = np.zeros((len(x), z.shape[1]), np.float32)
        out[rows] = renormalised(z)[which.ravel()]
        return out

    def to_arrays(self) -> Arrays:
        """All fields as plain arrays, for an .npz without Python objects."""
        about = {"method": self.method, "modalities": self.modalities, "objective": self.objective}
        return {
            **{k: np.asarray(v) for k, v in about.items()},
            "n_fit": np.asarray(self.n_fit),
            **self.arrays,
        }

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray]) -> Heads:
        """The inverse of `to_arrays`. KeyError if an array is missing."""
        own = {name: array for name, array in arrays.items() if ":" in name}
        modalities = tuple(arrays["modalities"].tolist())
        return Heads(modalities, own, str(arrays["objective"]), int(arrays["n_fit"]))
