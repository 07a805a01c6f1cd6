"""What colour can mean on the Map page: one scale for A and B, each with its own values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from suture.analysis.figures import MODALITY_COLOURS
from suture.pages.components.cards import cards
from suture.pages.components.compare import paired_views
from suture.pages.components.linked_map import Colouring
from suture.pages.components.shell import views
from suture.pages.components.shell.shell import Choice
from suture.pages.components.shell.views import View
from suture.workflows.layout_record import Layout

MODALITY, COSINE, RANK, KEPT, TRUST = (
    "modality",
    "cosine of the pair",
    "rank of the partner",
    "neighbours kept from A to B",
    "trust in the map",
)
MEANING = {
    MODALITY: "Image, text or a further modality.",
    COSINE: "Cosine between a study's own two vectors, in A on A's map and in B on B's. 1 = they coincide.",
    RANK: "Place of a study's own partner among all, on a logarithmic scale. First = it is found at once.",
    KEPT: "Share of a study's ten nearest, by its first modality, that are the same in A and in B. 1 = all.",
    TRUST: "Are the neighbours on the map the true ones, and the other way round? 1 = all, 0.5 = by chance.",
}
MOST_RANKED = 30_000  # studies; every pair of them is compared


def options(choice: Choice) -> list[str]:
    """What the studies of this choice can be coloured by."""
    few = len(choice.a.set) <= MOST_RANKED
    measured = [COSINE, *([RANK] if few else []), *([KEPT] if choice.b and few else []), TRUST]
    return [MODALITY, *measured, "split", *(_option(label) for label in choice.a.set.labels)]


def _option(label: str) -> str:
    """A label as an option, told apart from what is measured here."""
    return f"label {label}" if label in MEANING or label == "split" else label


def told(colour: str, *, morph: bool) -> str:
    """What the colour means, in words."""
    meaning = MEANING.get(colour, f"{cards.plain(colour)} of the study.")
    return f"{meaning} On this one map: as in A." if morph and colour in (COSINE, RANK, TRUST) else meaning


def colourings(choice: Choice, layouts: Sequence[Layout], colour: str) -> list[Colouring]:
    """One colouring for all maps, or one a map on one scale."""
    if colour == MODALITY:
        return [Colouring.by_modality(palette=MODALITY_COLOURS)]
    if colour == COSINE:
        return _shared([views.pair_cosines(v, choice.pair) for v in choice.views], colour)
    if colour == RANK:
        places = [np.log10(views.partner_places(v, choice.pair)) for v in choice.views]
        return _shared(places, f"{colour} (log10: 0 = first, 1 = 10th, 2 = 100th)", low=0.0)
    if colour == TRUST:
        return _shared([_least(found) for found in layouts], colour, high=1.0)
    if colour == KEPT:
        return _shared([kept(choice)], colour, low=0.0, high=1.0)
    label = next((c for c in choice.a.set.labels if _option(c) == colour), "split")
    return [Colouring.by_label(choice.a.set.rows[label].astype(str).tolist(), name=label)]


def kept(choice: Choice) -> np.ndarray:
    """(n_studies,) share of the first modality's neighbours that a study keeps from A to B."""
    both = paired_views.both(choice)
    found = both.compared.neighbours[choice.pair[0]]
    values = np.full(len(choice.a.set), np.nan)
    values[both.rows[found.rows]] = found.overlap
    return values


def worst(shown: View, pair: tuple[str, str], share: float) -> np.ndarray:
    """(n_studies,) of bool: the pairs of lowest cosine, that share of those that are whole."""
    cosines = views.pair_cosines(shown, pair)
    marks = np.zeros(len(cosines), bool)
    order = np.argsort(np.where(np.isnan(cosines), np.inf, cosines))
    marks[order[: int(np.ceil(share * np.isfinite(cosines).sum()))]] = True
    return marks


def _least(found: Layout) -> np.ndarray:
    """The belief in the least believed point of each study; NaN where none was measured."""
    return np.fmin.reduce([*found.belief.values()])


def _shared(
    values: Sequence[np.ndarray], name: str, *, low: float | None = None, high: float | None = None
) -> list[Colouring]:
    known = np.concatenate(values)
    known = known[np.isfinite(known)]
    ends = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    low, high = ends[0] if low is None else low, ends[1] if high is None else high
    return [Colouring.by_value(of, name=name, low=low, high=high) for of in values]
