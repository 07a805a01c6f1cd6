"""What colour can show on the Map page: one scale for A and B, each with its own values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from suture.analysis.figures import MODALITY_COLOURS
from suture.pages.components.cards import cards
from suture.pages.components.compare import paired_views
from suture.pages.components.linked_map import Colouring
from suture.pages.components.shell import views
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.shell.views import View
from suture.workflows.layout_record import Layout

MODALITY, COSINE, RANK, SHARED_NEIGHBOURS, TRUST = (
    "modality",
    "cosine of the pair",
    "rank of the partner",
    "neighbours shared by A and B",
    "trust in the map",
)
MEANING = {
    MODALITY: "Image, text or a further modality.",
    COSINE: "Cosine between a study's own two vectors, in A on A's map and in B on B's. 1 = they coincide.",
    RANK: "Rank of a study's own partner among all, on a logarithmic scale. 1st = found at once.",
    SHARED_NEIGHBOURS: "Share of a study's ten nearest, by its first modality, that A and B share. 1 = all.",
    TRUST: "Are neighbours on the map true neighbours, and the reverse? 1 = all, 0.5 = by chance.",
}
MAX_RANKED = 30_000  # studies; every pair of them is compared


def options(choice: Choice) -> list[str]:
    """What the studies of this choice can be coloured by."""
    few = len(choice.a.set) <= MAX_RANKED
    measured = [COSINE, *([RANK] if few else []), *([SHARED_NEIGHBOURS] if choice.b and few else []), TRUST]
    return [MODALITY, *measured, "split", *(_option(label) for label in choice.a.set.labels)]


def _option(label: str) -> str:
    """A label as an option, told apart from what is measured here."""
    return f"label {label}" if label in MEANING or label == "split" else label


def meaning(colour: str, *, animated: bool) -> str:
    """What the colour means, in words."""
    words = MEANING.get(colour, f"{cards.escape(colour)} of the study.")
    return f"{words} On this one map: as in A." if animated and colour in (COSINE, RANK, TRUST) else words


def colourings(choice: Choice, layouts: Sequence[Layout], colour: str) -> list[Colouring]:
    """One colouring for all maps, or one a map on one scale."""
    if colour == MODALITY:
        return [Colouring.by_modality(palette=MODALITY_COLOURS)]
    if colour == COSINE:
        return _on_one_scale([views.pair_cosines(v, choice.pair) for v in choice.views], colour)
    if colour == RANK:
        ranks = [np.log10(views.partner_ranks(v, choice.pair)) for v in choice.views]
        return _on_one_scale(ranks, f"{colour} (log10: 0 = first, 1 = 10th, 2 = 100th)", low=0.0)
    if colour == TRUST:
        return _on_one_scale([_lowest_trust(layout) for layout in layouts], colour, high=1.0)
    if colour == SHARED_NEIGHBOURS:
        return _on_one_scale([shared_neighbours(choice)], colour, low=0.0, high=1.0)
    label = next((c for c in choice.a.set.labels if _option(c) == colour), "split")
    return [Colouring.by_label(choice.a.set.rows[label].astype(str).tolist(), name=label)]


def shared_neighbours(choice: Choice) -> np.ndarray:
    """(n_studies,) share of the first modality's neighbours that a study has in both A and B."""
    paired = paired_views.compare(choice)
    neighbourhoods = paired.compared.neighbours[choice.pair[0]]
    values = np.full(len(choice.a.set), np.nan)
    values[paired.rows[neighbourhoods.rows]] = neighbourhoods.overlap
    return values


def worst_pairs(shown: View, pair: tuple[str, str], share: float) -> np.ndarray:
    """(n_studies,) of bool: the given share of the complete pairs, those of lowest cosine."""
    cosines = views.pair_cosines(shown, pair)
    marks = np.zeros(len(cosines), bool)
    order = np.argsort(np.where(np.isnan(cosines), np.inf, cosines))
    marks[order[: int(np.ceil(share * np.isfinite(cosines).sum()))]] = True
    return marks


def _lowest_trust(layout: Layout) -> np.ndarray:
    """The trust in the least trusted point of each study; NaN where none was measured."""
    return np.fmin.reduce([*layout.belief.values()])


def _on_one_scale(
    values: Sequence[np.ndarray], name: str, *, low: float | None = None, high: float | None = None
) -> list[Colouring]:
    finite = np.concatenate(values)
    finite = finite[np.isfinite(finite)]
    extent = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    low, high = extent[0] if low is None else low, extent[1] if high is None else high
    return [Colouring.by_value(of, name=name, low=low, high=high) for of in values]
