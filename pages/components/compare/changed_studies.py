"""Which studies: queries won and lost, studies that moved, neighbours gained and lost.

Each part is a fragment: a click in a list runs its part alone.
"""

from __future__ import annotations

import numpy as np
import streamlit as st

from suture.analysis import figures
from suture.analysis.compare import NeighbourChanges, RankChanges
from suture.pages.components.cards import cards, downloads
from suture.pages.components.compare import studies as compare_studies
from suture.pages.components.compare.paired_views import LINK, Both


@st.fragment
def flips(both: Both) -> None:
    """Queries that only one of the two answers among its first ten."""
    directions = {cards.plain(name.replace("->", " → ")): name for name in both.compared.flips}
    chosen = st.segmented_control(
        "Direction",
        [*directions],
        default=next(iter(directions)),
        required=True,
        key="flips_direction",
        **LINK,
    )
    direction = directions[chosen or next(iter(directions))]
    found = both.compared.flips[direction]
    st.markdown(_counts(found, *(cards.plain(part) for part in direction.split("->"))))
    st.caption(
        f"Found: a right answer among the first {found.k}, repeated texts counting as right. Both find "
        f"{len(found.kept):,}, neither {len(found.missed):,}."
        + (f" {found.undecided:,} hang on the order of ties." if found.undecided else "")
    )
    kind = st.segmented_control(
        "Studies",
        ["Lost", "Won"],
        default="Lost" if len(found.lost) else "Won",
        required=True,
        key="flips_kind",
        **LINK,
    )
    rows = found.lost if kind == "Lost" else found.won
    if not len(rows):
        st.info(f"No query was {str(kind).lower()}.")
        return
    order = np.argsort(-np.abs(found.rank_change[rows]), kind="stable")
    compare_studies.listing(
        both,
        rows[order],
        lambda row: compare_studies.moved_rank(both, direction, row),
        f"flips-{direction}-{kind}",
        direction=direction,
    )


def _counts(found: RankChanges, query: str, target: str) -> str:
    won, lost = len(found.won), len(found.lost)
    change = found.difference
    told = f"{change.value:+.1%}"
    if np.isfinite(change.low):
        told += f", interval {change.low:+.1%} to {change.high:+.1%}"
    p = "below 0.001" if found.p < 0.001 else f"{found.p:.3f}"
    return (
        f"By {query}, B finds the {target} of **{won:,}** studies that A missed, and misses **{lost:,}** "
        f"that A found (McNemar p {p}). Recall: {told}."
    )


@st.fragment
def movement(both: Both) -> None:
    """Studies that changed more than what is common to all explains."""
    known = both.compared.movement
    if not known:
        st.info("Fewer than 20 studies have both modalities: too few for a bulk to stand out from.")
        return
    modality = st.segmented_control(
        "Whose place",
        [*known],
        format_func=cards.plain,
        default=next(iter(known)),
        required=True,
        key="moved_modality",
        **LINK,
    )
    found = known[modality or next(iter(known))]
    name = cards.plain(str(modality))
    count, n = f"{found.moved.sum():,}" if found.moved.any() else "None", len(found.change)
    st.markdown(
        f"**{count} of {n:,} studies** moved, by their {name}, more than {cards.plain(found.null)} explains "
        "(false discovery rate 5 %)."
    )
    if found.change.max() < 1e-6:
        st.caption("All studies stand exactly where they were.")
        return
    alt = f"How far each {modality} moved, beside what would be seen if none had"
    figure = downloads.drawn(figures.movement_histogram, found)
    downloads.figure(figure, "moved_figure", f"moved {modality}-{both.a.split}", alt=alt)
    st.caption(
        "Measured in the full space, after the shift, turn and scale that all studies share are taken away; "
        f"these explain {found.explained:.0%} of the cloud. The line is what would be seen if no study stood "
        "out. A change that is alike for all studies names none."
    )
    rows = np.flatnonzero(found.moved)
    if len(rows):
        compare_studies.listing(
            both,
            rows[np.argsort(-found.change[rows], kind="stable")],
            lambda row: (
                f"change **{found.change[row]:.2f}** · the middle study {np.median(found.change):.2f}"
            ),
            f"moved-{modality}",
            direction="->".join(both.pair if modality == both.pair[0] else both.pair[::-1]),
        )


@st.fragment
def neighbours(both: Both) -> None:
    """Who was near, and who is."""
    known = both.compared.neighbours
    kinds = {_kind(name): name for name in known}
    chosen = st.selectbox("Neighbours", [*kinds], key="near_kind", **LINK)
    name = kinds[chosen]
    found = known[name]
    st.markdown(
        f"A study keeps **{found.overlap.mean():.0%}** of its {found.k} nearest on average; two spaces "
        f"that have nothing in common would keep {found.by_chance:.1%}."
        + (f" :gray[{found.note}]" if found.note else "")
    )
    how = f"How many of its {found.k} nearest each study keeps"
    with st.expander(how, icon=":material/bar_chart:", key="near_how", on_change="rerun") as opened:
        if opened.open:
            figure = downloads.drawn(figures.neighbour_overlap, found.overlap, found.k, found.by_chance)
            name_of_file = f"neighbours {chosen}-{both.a.split}"
            downloads.figure(figure, "near_figure", name_of_file, alt=f"{how}, {chosen}")
    order = np.argsort(found.overlap, kind="stable")
    place = st.selectbox(
        "Study",
        order.tolist(),
        format_func=lambda i: (
            f"{both.ids[found.rows[i]]} · keeps {found.overlap[i] * found.k:.0f} of {found.k}"
        ),
        key=f"near_study-{name}",
        help="The most changed come first; type to search an id.",
    )
    _one(both, found, name, int(place))


def _one(both: Both, found: NeighbourChanges, name: str, place: int) -> None:
    direction = name if "->" in name else "->".join(both.pair if name == both.pair[0] else both.pair[::-1])
    before, lost, gained = st.columns([1, 1.2, 1.2])
    with before:
        cards.study_card(both.a, int(both.rows[found.rows[place]]), caption="the study asked")
    sides = ((lost, "Lost", "near in A only", found.lost), (gained, "Gained", "near in B only", found.gained))
    for column, title, told, lists in sides:
        with column:
            st.markdown(f"**{title} ({len(lists[place])})**")
            key = f"near-{title}-{place}"
            studies = lists[place]
            compare_studies.listing(
                both, studies, lambda _, told=told: told, key, direction=direction, most=3
            )


def _kind(name: str) -> str:
    return name.replace("->", " → ") if "->" in name else f"within {name}"
