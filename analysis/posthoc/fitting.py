"""Fit post-hoc maps on calibration studies. Scores must use other studies."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from suture.analysis.math.arrays import MIN_NORM, unit_rows
from suture.analysis.posthoc.adapter import Adapter, Arrays, apply_steps, renormalised
from suture.analysis.posthoc.methods import METHODS

RIDGES = tuple(10.0**e for e in range(-6, 2))  # candidate penalties
HELD_OUT = 0.2  # share of the calibration groups used to select the penalty


def fit(
    vectors: Mapping[str, np.ndarray],
    method: str,
    *,
    anchor: str = "",
    groups: np.ndarray | None = None,
    ridge: float | None = None,
    delta: float | None = None,
    seed: int = 0,
) -> Adapter:
    """Learn a post-hoc map from calibration studies, modality -> (n_studies, dim).

    Row i of every modality is the same study; a row of zeros = modality missing. Rows are scaled
    to length 1. Means are over all rows of a modality; procrustes and ridge use the studies that
    have both modality and anchor. Of more than two modalities the shifts move each mean towards the
    mean of the means; the anchored methods map each other modality onto the anchor.

    anchor  default: the first modality
    groups  (n_studies,) patients or cases, kept together in the selection of the penalty
    ridge   penalty l > 0; None = of `RIDGES` the one with the largest margin (cosine of true pairs less
            mean cosine of all) on a seeded 20 % of the groups, fitted on the others
    delta   liang-shift's distance; None = twice the mean distance to the mean of the means, which for
            two modalities is the gap and closes it

    ValueError for an unknown method, anchor or option, shapes that differ, or too few rows.

    Scores on the rows of the fit are meaningless: a rotation fitted to pure noise (1,000 pairs, dim 512) has
    R@1 = 1.00 there, and chance level on other rows.
    """
    if method not in METHODS:
        raise ValueError(f"Unknown method: {method!r}. Must be one of: {', '.join(METHODS)}.")
    if (ridge is not None and method != "ridge") or (delta is not None and method != "liang-shift"):
        raise ValueError("`ridge` is an option of ridge and `delta` of liang-shift alone.")
    if ridge is not None and not 0 < ridge < np.inf:
        raise ValueError(f"The penalty must be above 0, got {ridge}.")
    if delta is not None and not np.isfinite(delta):
        raise ValueError(f"The distance must be a finite number, got {delta}.")
    rows = _Calibration(vectors, anchor, groups)
    if method == "ridge":
        ridge = _chosen_ridge(rows, seed) if ridge is None else ridge
        arrays, options = _linear(rows, ridge), {"ridge": float(ridge)}
    elif method == "liang-shift":
        delta = 2 * rows.mean_distance() if delta is None else delta
        arrays, options = _liang(rows, delta), {"delta": float(delta)}
    else:
        arrays, options = _FITS[method](rows), {}
    anchored = METHODS[method].anchored
    used = rows.complete() if METHODS[method].needs_pairs else rows.any_present()
    kept = rows.anchor if anchored else ""
    return Adapter(method, tuple(rows.unit), kept, rows.dim, arrays, options, int(used.sum()))


class _Calibration:
    """Unit rows of the calibration studies by modality, their presence masks, and their means."""

    def __init__(self, vectors: Mapping[str, np.ndarray], anchor: str, groups: np.ndarray | None) -> None:
        shapes = {np.shape(z) for z in vectors.values()}
        if len(vectors) < 2 or len(shapes) > 1 or len(next(iter(shapes))) != 2:
            given = ", ".join(f"{m} {np.shape(z)}" for m, z in vectors.items())
            raise ValueError(
                f"Expected two or more modalities of equal shape (n_studies, dim), got: {given}."
            )
        self.anchor = anchor or next(iter(vectors))
        if self.anchor not in vectors:
            raise ValueError(f"The anchor must be one of: {', '.join(vectors)}. Got {anchor!r}.")
        (n, self.dim) = next(iter(shapes))
        self.groups = np.arange(n) if groups is None else np.asarray(groups)
        if len(self.groups) != n:
            raise ValueError(f"Expected {n} groups, one per study, got {len(self.groups)}.")
        self.present = {m: np.any(np.asarray(z) != 0, axis=1) for m, z in vectors.items()}
        self.unit = {m: self._filled(np.asarray(z), self.present[m]) for m, z in vectors.items()}
        for m, there in self.present.items():
            if there.sum() < 2:
                raise ValueError(f"Expected at least 2 rows of {m!r} to fit on, got {there.sum()}.")
        self.means = {m: self.rows(m).mean(axis=0) for m in self.unit}
        self.others = [m for m in self.unit if m != self.anchor]

    @staticmethod
    def _filled(z: np.ndarray, there: np.ndarray) -> np.ndarray:
        unit = np.zeros(z.shape)
        unit[there] = unit_rows(z[there])
        return unit

    def rows(self, modality: str) -> np.ndarray:
        return self.unit[modality][self.present[modality]]

    def shared(self, modality: str) -> np.ndarray:
        return self.present[modality] & self.present[self.anchor]

    def pairs(self, modality: str, among: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Rows (of the modality, of the anchor) of the studies that have both."""
        both = self.shared(modality) if among is None else self.shared(modality) & among
        if both.sum() < 2:
            message = f"Expected at least 2 studies with both {modality!r} and {self.anchor!r}"
            raise ValueError(f"{message}, got {both.sum()}.")
        return self.unit[modality][both], self.unit[self.anchor][both]

    def complete(self) -> np.ndarray:
        return np.logical_or.reduce([self.shared(m) for m in self.others])

    def any_present(self) -> np.ndarray:
        return np.logical_or.reduce(list(self.present.values()))

    def mean_shifts(self) -> Arrays:
        """Vector from each mean to the mean of the means; for two modalities -g/2 and +g/2."""
        middle = np.mean(list(self.means.values()), axis=0)
        return {m: middle - mean for m, mean in self.means.items()}

    def mean_distance(self) -> float:
        return float(np.mean([np.linalg.norm(way) for way in self.mean_shifts().values()]))


def _step_arrays(step: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
    return {f"{step}:{m}": a for m, a in arrays.items()}


def _liang(rows: _Calibration, delta: float) -> Arrays:
    shifts = rows.mean_shifts()
    lengths = {m: float(np.linalg.norm(shift)) for m, shift in shifts.items()}
    # Modalities with equal means have no direction to move in.
    units = {m: shift / lengths[m] if lengths[m] >= MIN_NORM else 0 * shift for m, shift in shifts.items()}
    return _step_arrays("shift", {m: delta / 2 * u for m, u in units.items()})


def _lambda(rows: _Calibration) -> Arrays:
    return _step_arrays("shift", rows.mean_shifts())


def _translate(rows: _Calibration) -> Arrays:
    return _step_arrays("shift", {m: rows.means[rows.anchor] - rows.means[m] for m in rows.others})


def _mean_removal(rows: _Calibration) -> Arrays:
    return _step_arrays("shift", {m: -mean for m, mean in rows.means.items()})


def _standardise(rows: _Calibration) -> Arrays:
    scales = {m: _ratio(np.ones(rows.dim), rows.rows(m).std(axis=0)) for m in rows.unit}
    return _step_arrays("centre", rows.means) | _step_arrays("scale", scales)


def _mean_sd_match(rows: _Calibration) -> Arrays:
    wanted = rows.rows(rows.anchor).std(axis=0)
    scales = {m: _ratio(wanted, rows.rows(m).std(axis=0)) for m in rows.others}
    return _onto_anchor(rows) | _step_arrays("scale", scales)


def _onto_anchor(rows: _Calibration) -> Arrays:
    centres = {m: rows.means[m] for m in rows.others}
    return _step_arrays("centre", centres) | _step_arrays(
        "target", dict.fromkeys(rows.others, rows.means[rows.anchor])
    )


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b, and 0 where b is 0: a constant dimension has no information."""
    return np.divide(a, b, out=np.zeros_like(a), where=b >= MIN_NORM)


def _realign(rows: _Calibration) -> Arrays:
    middle = rows.means[rows.anchor]
    spread = {m: np.square(rows.rows(m) - rows.means[m]).sum(axis=1).mean() for m in rows.unit}
    scales = {m: _ratio(np.sqrt(spread[rows.anchor])[None], np.sqrt(spread[m])[None]) for m in rows.others}
    arrays = _onto_anchor(rows) | _step_arrays("scale", scales)
    for m in rows.others:
        steps = {"centre": rows.means[m], "scale": scales[m], "target": middle}
        arrays[f"correction:{m}"] = middle - apply_steps(rows.rows(m), steps).mean(axis=0)
    return arrays


def _procrustes(rows: _Calibration) -> Arrays:
    turns = {}
    for m in rows.others:
        y, x = rows.pairs(m)
        u, _, v = np.linalg.svd((y - rows.means[m]).T @ (x - rows.means[rows.anchor]))
        turns[m] = u @ v
    return _step_arrays("centre", rows.means) | _step_arrays("matrix", turns)


def _linear(rows: _Calibration, ridge: float, among: np.ndarray | None = None) -> Arrays:
    return _step_arrays("matrix", {m: _ridge_matrix(*rows.pairs(m, among), ridge) for m in rows.others})


def _ridge_matrix(y: np.ndarray, x: np.ndarray, ridge: float) -> np.ndarray:
    return np.linalg.solve(y.T @ y + ridge * len(y) * np.eye(y.shape[1]), y.T @ x)


def _chosen_ridge(rows: _Calibration, seed: int) -> float:
    names = np.unique(rows.groups[rows.complete()])
    if len(names) < 5:
        raise ValueError(f"Selecting the penalty needs 5 groups of pairs, got {len(names)}. Set `ridge`.")
    held = np.random.default_rng(seed).permutation(names)[: max(1, round(HELD_OUT * len(names)))]
    inside = ~np.isin(rows.groups, held)
    return max(RIDGES, key=lambda ridge: _held_out_margin(rows, _linear(rows, ridge, inside), ~inside))


def _held_out_margin(rows: _Calibration, arrays: Arrays, outside: np.ndarray) -> float:
    margins = []
    for m in rows.others:
        both = rows.shared(m) & outside
        if both.any():
            x = rows.unit[rows.anchor][both]
            y = renormalised(rows.unit[m][both] @ arrays[f"matrix:{m}"])
            margins.append(float(np.einsum("nd,nd->n", x, y).mean() - x.mean(axis=0) @ y.mean(axis=0)))
    return float(np.mean(margins))


_FITS: dict[str, Callable[[_Calibration], Arrays]] = {
    "lambda-shift": _lambda,
    "translate": _translate,
    "mean-removal": _mean_removal,
    "standardise": _standardise,
    "mean-sd-match": _mean_sd_match,
    "realign": _realign,
    "procrustes": _procrustes,
}
