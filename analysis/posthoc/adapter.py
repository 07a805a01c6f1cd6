"""A fitted post-hoc map, applied to each row independently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from suture.analysis.math.arrays import MIN_NORM, unit_rows
from suture.analysis.posthoc.methods import METHODS

Arrays = dict[str, np.ndarray]
STEPS = ("shift", "centre", "scale", "matrix", "target", "correction")


@dataclass(frozen=True)
class Adapter:
    """The parameters of a method fitted on n_fit calibration studies.

    arrays   "<step>:<modality>" -> array, float64; a modality without arrays is unchanged. Steps in order:
             shift, or centre (dim,), scale (dim,), matrix (dim, dim), target (dim,), correction (dim,)
    anchor   the modality that the others were fitted to; "" for methods without an anchor
    options  given or selected parameters: delta, ridge
    """

    method: str
    modalities: tuple[str, ...]
    anchor: str
    dim: int
    arrays: Arrays
    options: dict[str, float]
    n_fit: int

    def apply(self, vectors: Mapping[str, np.ndarray], *, strength: float = 1.0) -> Arrays:
        """Map some or all modalities, each (n_rows, dim), to unit rows of the same type.

        strength  0 returns the input bit for bit, 1 is the full method. It scales shifts: above 1 they
                  over-close, below 0 they widen the gap. Other methods interpolate: unit((1 - s) z + s z')

        Rows of zeros (modality missing) stay zeros; equal rows stay equal to the bit. ValueError for
        an unknown modality, another width, non-finite rows, a strength out of range, or rows mapped to
        the origin, which have no direction.
        """
        self._check(vectors, strength)
        return {m: self._moved(m, np.asarray(z), strength) for m, z in vectors.items()}

    def _check(self, vectors: Mapping[str, np.ndarray], strength: float) -> None:
        for m, z in vectors.items():
            if m not in self.modalities:
                known = ", ".join(self.modalities)
                raise ValueError(f"The adapter knows {known}; got {m!r}.")
            if np.ndim(z) != 2 or np.shape(z)[1] != self.dim:
                raise ValueError(f"Expected (n_rows, {self.dim}) for {m!r}, got shape {np.shape(z)}.")
        if not np.isfinite(strength) or (not METHODS[self.method].shift and not 0 <= strength <= 1):
            raise ValueError(f"Strength must be 0 to 1 for {self.method!r}, got {strength}.")

    def _moved(self, modality: str, z: np.ndarray, strength: float) -> np.ndarray:
        steps = {s: self.arrays[f"{s}:{modality}"] for s in STEPS if f"{s}:{modality}" in self.arrays}
        moved = np.array(z)
        rows = np.flatnonzero((moved != 0).any(axis=1))
        if strength == 0 or not steps or not len(rows):
            return moved
        unit = unit_rows(moved[rows])
        if "shift" in steps:
            moved[rows] = renormalised(unit + strength * steps["shift"])
        else:
            moved[rows] = renormalised((1 - strength) * unit + strength * apply_steps(unit, steps))
        return moved

    def to_arrays(self) -> Arrays:
        """All fields as plain arrays, for an .npz without Python objects."""
        return {
            "method": np.asarray(self.method),
            "modalities": np.asarray(self.modalities),
            "anchor": np.asarray(self.anchor),
            "dim": np.asarray(self.dim),
            "n_fit": np.asarray(self.n_fit),
            "options": np.asarray(list(self.options), dtype=np.str_),
            "option_values": np.asarray(list(self.options.values()), dtype=np.float64),
            **self.arrays,
        }

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray]) -> Adapter:
        """The inverse of `to_arrays`. KeyError if an array is missing."""
        names, values = arrays["options"].tolist(), arrays["option_values"].tolist()
        return Adapter(
            str(arrays["method"]),
            tuple(arrays["modalities"].tolist()),
            str(arrays["anchor"]),
            int(arrays["dim"]),
            {name: array for name, array in arrays.items() if ":" in name},
            dict(zip(names, values, strict=True)),
            int(arrays["n_fit"]),
        )


def apply_steps(unit: np.ndarray, steps: Mapping[str, np.ndarray]) -> np.ndarray:
    """Apply the affine steps of one modality to unit rows and normalise again."""
    z = unit - steps.get("centre", 0.0)
    z = z * steps.get("scale", 1.0)
    if "matrix" in steps:
        # Map distinct rows only: products of equal rows can differ in the last bit, and equal texts must
        # stay tied.
        distinct, which = np.unique(z, axis=0, return_inverse=True)
        z = (distinct @ steps["matrix"])[which.ravel()]
    z = renormalised(z + steps.get("target", 0.0))
    return renormalised(z + steps["correction"]) if "correction" in steps else z


def renormalised(moved: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; ValueError for rows at the origin."""
    norms = np.linalg.norm(moved, axis=1, keepdims=True)
    lost = int((~(norms >= MIN_NORM) | ~np.isfinite(norms)).sum())
    if lost:
        raise ValueError(
            f"{lost} of {len(moved)} rows are mapped to the origin or to infinity and have no direction. "
            f"Use another strength or method."
        )
    return moved / norms
