"""The neighbours of the uploaded studies in A and in B."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from suture.analysis.retrieval.out_of_distribution import ReferenceNeighbours
from suture.data.collection import STUDY_ID
from suture.data.embedding_set import Vectors
from suture.pages.components.cards import cards
from suture.pages.components.shell import views
from suture.pages.components.shell.views import View
from suture.pages.components.shell.widget_state import KEEP_IN_LINK
from suture.pages.components.studies.uploaded import UploadsInSet
from suture.workflows.neighbours import indexes, neighbour_search, uploads
from suture.workflows.neighbours.neighbour_search import Answers, SearchResult

MAX_NEIGHBOURS = 15  # that can be shown; as many place a study on the map
SEARCHES = {
    "Automatic": indexes.AUTO,
    "Exact": indexes.EXACT,
    "HNSW (approximate)": indexes.HNSW,
    "IVF-PQ (approximate)": indexes.IVF,
}
SEARCH = (
    f"Automatic: {indexes.RULE}. Exact compares with every study. HNSW and IVF-PQ are faiss indexes for sets "
    "of millions: built once per set (minutes), extended when studies are added to it. They miss some "
    "neighbours; the share is measured."
)


@dataclass(frozen=True)
class UploadNeighbours:
    """Neighbours in one direction (query modality, answer modality), by letter of the set."""

    direction: tuple[str, str]
    k: int
    in_set: dict[str, SearchResult]

    def nearest(self, letter: str) -> ReferenceNeighbours:
        """Neighbours of every study in this direction."""
        return self.in_set[letter].answers.nearest[self.direction]

    def outside(self, letter: str) -> np.ndarray:
        """(n,) out-of-distribution score by the query modality, NaN where it is missing."""
        return self.in_set[letter].answers.outside[self.direction[0]]


def find_neighbours(placed: list[UploadsInSet], pair: tuple[str, str]) -> UploadNeighbours | None:
    """Choose a direction that these studies allow, and search A and B."""
    direction_place, k_place, search_place = st.columns([4, 1.5, 1.5])
    search = search_place.selectbox("Search", [*SEARCHES], key="studies_search", help=SEARCH, **KEEP_IN_LINK)
    in_set = {one.letter: _search(one, SEARCHES[search or "Automatic"]) for one in placed}
    possible = [{d for d in h.answers.nearest if d[1] in pair} for h in in_set.values()]
    shared = [d for d in next(iter(in_set.values())).answers.nearest if all(d in p for p in possible)]
    directions = {f"{x} → {y}": (x, y) for x, y in shared}
    if not directions:
        st.warning(
            "None of the checkpoints has an encoder for the modalities of these studies.",
            icon=":material/block:",
        )
        return None
    if st.session_state.get("studies_direction") not in directions:
        st.session_state.pop("studies_direction", None)
    chosen = direction_place.segmented_control(
        "Direction",
        [*directions],
        default=next(iter(directions)),
        key="studies_direction",
        **KEEP_IN_LINK,
    )
    k = k_place.slider("How many", 1, MAX_NEIGHBOURS, 5, key="studies_k", **KEEP_IN_LINK)
    neighbours = UploadNeighbours(directions[chosen or next(iter(directions))], k, in_set)
    _say_gallery(placed[0], neighbours)
    return neighbours


def _say_gallery(placed: UploadsInSet, neighbours: UploadNeighbours) -> None:
    """Which studies are searched, and what an approximate index misses."""
    x, y = neighbours.direction
    own = uploads.match_modalities(placed.uploads, placed.view.set)[x]
    renamed = "" if own == x else f" Your {cards.escape(own)} is compared with its {cards.escape(x)}."
    split = (
        "of all splits" if placed.view.split == "all" else f"of the {cards.escape(placed.view.split)} split"
    )
    gallery = neighbours.nearest(placed.letter).gallery
    recalls = {letter: h.answers.recall.get((x, y)) for letter, h in neighbours.in_set.items()}
    shares = " and ".join(
        f"{share:.1%} in {letter}" for letter, share in recalls.items() if share is not None
    )
    kinds = {h.answers.index[y] for h in neighbours.in_set.values()} - {indexes.EXACT}
    how = " and ".join(indexes.NAMES[kind] for kind in sorted(kinds))
    missed = (
        f" Approximate, by {how}: finds {shares} of the true ten nearest (200 queries)." if shares else ""
    )
    st.caption(f"Searched: the {cards.escape(y)} of {gallery:,} studies {split}.{renamed}{missed}")


def _search(placed: UploadsInSet, index: str) -> SearchResult:
    of = placed.view
    vectors, answers = _answers(
        of.record.fingerprint,
        of.name,
        of.split,
        placed.uploads.name,
        placed.uploads.fingerprint,
        index,
        _view=of,
    )
    return SearchResult(of.set, of.split, placed.uploads.rows[STUDY_ID].tolist(), vectors, answers)


@st.cache_data(show_spinner="Searching for neighbours…", max_entries=16)
def _answers(
    reference: str, name: str, split: str, uploaded: str, fingerprint: str, index: str, *, _view: View
) -> tuple[Vectors, Answers]:
    """(uploaded studies in the space of the set, their neighbours); cached by names and fingerprints."""
    part, workspace = _view.set, views.workspace()
    vectors = uploads.in_space(workspace, uploads.load(workspace, uploaded), part)
    return vectors, neighbour_search.search_all_directions(
        workspace, part, split, vectors, k=MAX_NEIGHBOURS, index=index
    )
