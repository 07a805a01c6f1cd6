"""Studies that differ between A and B: rank changes, studies that moved, neighbours gained and lost.

Each part is a fragment: a click in a list reruns only its own part.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from suture.analysis import figures
from suture.analysis.compare import NeighbourChanges, RankChanges
from suture.pages.components.cards import cards, downloads
from suture.pages.components.compare import study_cards
from suture.pages.components.compare.paired_views import PairedViews
from suture.pages.components.shell.widget_state import KEEP_IN_LINK


@st.fragment
def rank_changes(paired: PairedViews) -> None:
    """Queries that only one of A and B answers among its first ten."""
    directions = {cards.escape(name.replace("->", " → ")): name for name in paired.compared.rank_changes}
    chosen = st.segmented_control(
        "Direction",
        [*directions],
        default=next(iter(directions)),
        required=True,
        key="flips_direction",
        **KEEP_IN_LINK,
    )
    direction = directions[chosen or next(iter(directions))]
    changes = paired.compared.rank_changes[direction]
    st.markdown(_counts(changes, *(cards.escape(part) for part in direction.split("->"))))
    st.caption(
        f"Found: a right answer among the first {changes.k}; repeated texts count as right. Found by both: "
        f"{len(changes.kept):,}; by neither: {len(changes.missed):,}."
        + (f" {changes.undecided:,} depend on the order of ties." if changes.undecided else "")
    )
    kind = st.segmented_control(
        "Studies",
        ["Lost", "Won"],
        default="Lost" if len(changes.lost) else "Won",
        required=True,
        key="flips_kind",
        **KEEP_IN_LINK,
    )
    rows = changes.lost if kind == "Lost" else changes.won
    if not len(rows):
        st.info(f"No query was {str(kind).lower()}.")
        return
    order = np.argsort(-np.abs(changes.rank_change[rows]), kind="stable")
    study_cards.listing(
        paired,
        rows[order],
        lambda row: study_cards.rank_change(paired, direction, row),
        f"flips-{direction}-{kind}",
        direction=direction,
    )


def _counts(changes: RankChanges, query: str, target: str) -> str:
    won, lost = len(changes.won), len(changes.lost)
    recall = changes.difference
    change = f"{recall.value:+.1%}"
    if np.isfinite(recall.low):
        change += f", interval {recall.low:+.1%} to {recall.high:+.1%}"
    p = "below 0.001" if changes.p < 0.001 else f"{changes.p:.3f}"
    return (
        f"By {query}, B finds the {target} of **{won:,}** studies that A missed, and misses **{lost:,}** "
        f"that A found (McNemar p {p}). Recall: {change}."
    )


@st.fragment
def moved_studies(paired: PairedViews) -> None:
    """Studies that moved further than the change common to all studies explains."""
    movements = paired.compared.movement
    if not movements:
        st.info("Fewer than 20 studies have both modalities: too few to tell which ones stand out.")
        return
    chosen = st.segmented_control(
        "Modality",
        [*movements],
        format_func=cards.escape,
        default=next(iter(movements)),
        required=True,
        key="moved_modality",
        **KEEP_IN_LINK,
    )
    modality = chosen or next(iter(movements))
    movement = movements[modality]
    count = f"{movement.moved.sum():,}" if movement.moved.any() else "None"
    st.markdown(
        f"**{count} of {len(movement.change):,} studies** moved, by their {cards.escape(modality)}, more "
        f"than {cards.escape(movement.null)} explains (false discovery rate 5 %)."
    )
    if movement.change.max() < 1e-6:
        st.caption("No study moved at all.")
        return
    alt = f"How far each {modality} moved, and what is expected if no study stands out"
    figure = downloads.cached_figure(figures.movement_histogram, movement)
    downloads.show_figure(figure, "moved_figure", f"moved {modality}-{paired.a.split}", alt=alt)
    st.caption(
        "Measured in the full space, after removing the shift, rotation and scale that all studies share; "
        f"these explain {movement.explained:.0%} of the point cloud. The line is what is expected if no "
        "study stands out. A change that is the same for all studies names none."
    )
    rows = np.flatnonzero(movement.moved)
    median = np.median(movement.change)
    if len(rows):
        study_cards.listing(
            paired,
            rows[np.argsort(-movement.change[rows], kind="stable")],
            lambda row: f"change **{movement.change[row]:.2f}** · median study {median:.2f}",
            f"moved-{modality}",
            direction=_direction_from(paired, modality),
        )


@st.fragment
def neighbour_changes(paired: PairedViews) -> None:
    """The neighbours that a study has in A and no longer in B, and the reverse."""
    names = {_neighbour_title(name): name for name in paired.compared.neighbours}
    title = st.selectbox("Neighbours", [*names], key="near_kind", **KEEP_IN_LINK)
    name = names[title]
    neighbourhoods = paired.compared.neighbours[name]
    overlap, k = neighbourhoods.overlap, neighbourhoods.k
    st.markdown(
        f"A study keeps **{overlap.mean():.0%}** of its {k} nearest on average; two unrelated spaces "
        f"would keep {neighbourhoods.by_chance:.1%}."
        + (f" :gray[{neighbourhoods.note}]" if neighbourhoods.note else "")
    )
    histogram = f"How many of its {k} nearest each study keeps"
    with st.expander(histogram, icon=":material/bar_chart:", key="near_how", on_change="rerun") as opened:
        if opened.open:
            figure = downloads.cached_figure(figures.neighbour_overlap, overlap, k, neighbourhoods.by_chance)
            file_name = f"neighbours {title}-{paired.a.split}"
            downloads.show_figure(figure, "near_figure", file_name, alt=f"{histogram}, {title}")
    place = st.selectbox(
        "Study",
        np.argsort(overlap, kind="stable").tolist(),
        format_func=lambda i: f"{paired.ids[neighbourhoods.rows[i]]} · keeps {overlap[i] * k:.0f} of {k}",
        key=f"near_study-{name}",
        help="The most changed come first; type to search for an id.",
    )
    _lost_and_gained(paired, neighbourhoods, name, int(place))


def _lost_and_gained(paired: PairedViews, neighbourhoods: NeighbourChanges, name: str, place: int) -> None:
    direction = name if "->" in name else _direction_from(paired, name)
    query, left, right = st.columns([1, 1.2, 1.2])
    with query:
        cards.study_card(paired.a, int(paired.rows[neighbourhoods.rows[place]]), caption="query")
    lost, gained = neighbourhoods.lost[place], neighbourhoods.gained[place]
    for column, title, caption, studies in (
        (left, "Lost", "near in A only", lost),
        (right, "Gained", "near in B only", gained),
    ):
        with column:
            st.markdown(f"**{title} ({len(studies)})**")
            key = f"near-{title}-{place}"
            study_cards.listing(
                paired, studies, partial(_constant, caption), key, direction=direction, most=3
            )


def _constant(caption: str, _row: int) -> str:
    return caption


def _direction_from(paired: PairedViews, modality: str) -> str:
    """The retrieval direction whose queries are of this modality."""
    return "->".join(paired.pair if modality == paired.pair[0] else paired.pair[::-1])


def _neighbour_title(name: str) -> str:
    return name.replace("->", " → ") if "->" in name else f"within {name}"
