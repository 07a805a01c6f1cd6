"""What is asked about the visiting studies, and what A and B answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from suture.analysis.retrieval.out_of_distribution import ReferenceNeighbours
from suture.data.collection import STUDY_ID
from suture.data.embedding_set import Vectors
from suture.pages.components.cards import cards
from suture.pages.components.compare.paired_views import LINK
from suture.pages.components.shell import views
from suture.pages.components.shell.views import View
from suture.pages.components.studies.visit import Side
from suture.workflows.neighbours import indexes, neighbour_search, uploads
from suture.workflows.neighbours.neighbour_search import Answers, Held

MOST = 15  # neighbours that can be shown; a place on the map is told from as many
SEARCHES = {
    "Automatic": indexes.AUTO,
    "Exact": indexes.EXACT,
    "HNSW (approximate)": indexes.HNSW,
    "IVF-PQ (approximate)": indexes.IVF,
}
SEARCH = (
    f"Automatic: {indexes.RULE}. Exact looks at every study. HNSW and IVF-PQ are indexes by faiss, for sets "
    "of millions: built once for a set (minutes), grown when studies are added to it, and they miss some "
    "neighbours. How many is measured."
)


@dataclass(frozen=True)
class Asked:
    """One direction (who asks, who answers), and what came back by letter of the side."""

    direction: tuple[str, str]
    k: int
    held: dict[str, Held]

    def nearest(self, letter: str) -> ReferenceNeighbours:
        """Neighbours of every study in this direction."""
        return self.held[letter].answers.nearest[self.direction]

    def outside(self, letter: str) -> np.ndarray:
        """(n,) how far out they lie by the modality that asks, NaN where it is missing."""
        return self.held[letter].answers.outside[self.direction[0]]


def ask(sides: list[Side], pair: tuple[str, str]) -> Asked | None:
    """Choose a direction among those that these studies allow, and ask A and B."""
    direction_place, k_place, search_place = st.columns([4, 1.5, 1.5])
    search = search_place.selectbox("Search", [*SEARCHES], key="studies_search", help=SEARCH, **LINK)
    held = {s.letter: _held(s, SEARCHES[search or "Automatic"]) for s in sides}
    found = [{d for d in h.answers.nearest if d[1] in pair} for h in held.values()]
    known = [d for d in next(iter(held.values())).answers.nearest if all(d in f for f in found)]
    directions = {f"{x} → {y}": (x, y) for x, y in known}
    if not directions:
        said = "None of the checkpoints has an encoder for what these studies hold."
        st.warning(said, icon=":material/block:")
        return None
    if st.session_state.get("studies_direction") not in directions:
        st.session_state.pop("studies_direction", None)
    chosen = direction_place.segmented_control(
        "Nearest, from → to", [*directions], default=next(iter(directions)), key="studies_direction", **LINK
    )
    k = k_place.slider("How many", 1, MOST, 5, key="studies_k", **LINK)
    asked = Asked(directions[chosen or next(iter(directions))], k, held)
    _among(sides[0], asked)
    return asked


def _among(side: Side, asked: Asked) -> None:
    """Whom they are held against, as what, and what an index misses."""
    x, y = asked.direction
    own = uploads.matched(side.guests, side.view.set)[x]
    renamed = "" if own == x else f" Your {cards.plain(own)} is held against its {cards.plain(x)}."
    split = "of all splits" if side.view.split == "all" else f"of the {cards.plain(side.view.split)} split"
    gallery = asked.nearest(side.letter).gallery
    recalls = {letter: h.answers.recall.get((x, y)) for letter, h in asked.held.items()}
    told = " and ".join(f"{share:.1%} in {letter}" for letter, share in recalls.items() if share is not None)
    kinds = {h.answers.index[y] for h in asked.held.values()} - {indexes.EXACT}
    how = " and ".join(indexes.NAMES[kind] for kind in sorted(kinds))
    missed = f" Approximate, by {how}: finds {told} of the true ten nearest (200 queries)." if told else ""
    st.caption(f"Answers: the {cards.plain(y)} of {gallery:,} studies {split}.{renamed}{missed}")


def _held(side: Side, index: str) -> Held:
    of = side.view
    vectors, answers = _answers(
        of.record.fingerprint, of.name, of.split, side.guests.name, side.guests.fingerprint, index, _view=of
    )
    return Held(of.set, of.split, side.guests.rows[STUDY_ID].tolist(), vectors, answers)


@st.cache_data(show_spinner="Looking for their neighbours…", max_entries=16)
def _answers(
    reference: str, name: str, split: str, guests: str, fingerprint: str, index: str, *, _view: View
) -> tuple[Vectors, Answers]:
    """(newcomers in the set's space, what it answers), by names and fingerprints."""
    part, workspace = _view.set, views.workspace()
    vectors = uploads.in_space(workspace, uploads.load(workspace, guests), part)
    return vectors, neighbour_search.ask(workspace, part, split, vectors, k=MOST, index=index)
