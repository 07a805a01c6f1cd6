"""Layouts, and their file format."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from suture.analysis import projection
from suture.analysis.projection import Map, Trust
from suture.data.embedding_set import EmbeddingSet


@dataclass(frozen=True)
class Placement:
    """Quality of a sampled map: UMAP laid out a seeded sample and placed the other points by it.

    laid_out   number of points laid out; `Layout.trust` is measured on some of these, against all points
    placed     number of points placed
    trust      measured on some of the placed points, against all points
    recall     fraction of the true nearest sample points that were used to place the others
    """

    laid_out: int
    placed: int
    trust: Trust
    recall: float


@dataclass(frozen=True)
class Layout:
    """A set's map and how faithful it is.

    maps        modality -> (n_studies, 2), NaN where the modality is missing
    belief      modality -> (n_studies,) the lower of each point's trustworthiness and continuity, 0..1,
                1 = its neighbours on the map are its true neighbours; NaN = not measured
    trust       of the whole map, over all modalities; of the laid-out points if others were placed
    method      "pca", "umap" or "aligned"
    explained   fraction of variance of each axis (PCA), or empty
    placing     None where all points were laid out
    """

    maps: dict[str, np.ndarray]
    belief: dict[str, np.ndarray]
    trust: Trust
    method: str
    explained: tuple[float, ...] = ()
    placing: Placement | None = None

    @property
    def points(self) -> int:
        """Number of points of the whole map."""
        return len(self.trust.per_point_trust)

    @property
    def distorted(self) -> dict[str, np.ndarray]:
        """modality -> (n_studies,) of bool: the point's neighbours on the map are not its true neighbours."""
        return {m: belief < projection.DISTORTED for m, belief in self.belief.items()}

    def subset(self, rows: np.ndarray) -> Layout:
        """The layout of some rows; `trust` stays that of the whole map."""
        maps, belief = ({m: values[rows] for m, values in d.items()} for d in (self.maps, self.belief))
        return replace(self, maps=maps, belief=belief)


def unstack(values: np.ndarray, where: dict[str, np.ndarray], n: int) -> dict[str, np.ndarray]:
    """One value or position per stacked vector -> modality -> (n_studies, ...), NaN where missing."""
    parts, start = {}, 0
    for modality, rows in where.items():
        full = np.full((n, *values.shape[1:]), np.nan, np.float32)
        full[rows] = values[start : start + len(rows)]
        parts[modality] = full
        start += len(rows)
    return parts


def build_layout(
    result: Map, trust: Trust, where: dict[str, np.ndarray], n: int, placing: Placement | None = None
) -> Layout:
    """A layout from the map and trust of the stacked vectors."""
    belief = np.fmin(trust.per_point_trust, trust.per_point_continuity)
    if placing is not None:
        belief = np.fmin(belief, np.fmin(placing.trust.per_point_trust, placing.trust.per_point_continuity))
    maps, beliefs = unstack(result.xy, where, n), unstack(belief, where, n)
    return Layout(maps, beliefs, trust, result.method, result.explained, placing)


def to_bytes(result: Map, trust: Trust, placing: Placement | None = None) -> bytes:
    """Serialise a layout."""
    more = {}
    if placing is not None:
        more = {
            "placing": [placing.laid_out, placing.placed, placing.recall],
            **_parts(placing.trust, "placed-"),
        }
    buffer = io.BytesIO()
    np.savez(
        buffer, xy=result.xy, method=result.method, explained=result.explained, **_parts(trust, ""), **more
    )
    return buffer.getvalue()


def _parts(trust: Trust, of: str) -> dict[str, Any]:
    return {
        f"{of}overall": [trust.trustworthiness, trust.continuity],
        f"{of}trust": trust.per_point_trust.astype(np.float32),
        f"{of}continuity": trust.per_point_continuity.astype(np.float32),
        f"{of}counts": [trust.k, trust.measured],
    }


def from_bytes(content: bytes, chosen: EmbeddingSet) -> Layout:
    """Read a layout that `to_bytes` wrote, for the same set."""
    where = {m: np.flatnonzero(chosen.present(m)) for m in chosen.modalities}
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        trust = _trust_of(stored, "")
        placing = None
        if "placing" in stored:
            laid_out, placed, recall = stored["placing"]
            placing = Placement(int(laid_out), int(placed), _trust_of(stored, "placed-"), float(recall))
        explained = tuple(map(float, stored["explained"])) if "explained" in stored else ()
        result = Map(stored["xy"], str(stored["method"]), explained)
    return build_layout(result, trust, where, len(chosen), placing)


def _trust_of(stored: Mapping[str, np.ndarray], of: str) -> Trust:
    trustworthiness, continuity = map(float, stored[f"{of}overall"])
    k, measured = map(int, stored[f"{of}counts"])
    return Trust(trustworthiness, continuity, stored[f"{of}trust"], stored[f"{of}continuity"], k, measured)
