"""Where do studies lie?"""

from __future__ import annotations

import numpy as np
import streamlit as st

from analysis.figures import MODALITY_COLOURS
from analysis.neighbours import nearest, partner_rank, partner_ranks
from analysis.projection import DISTORTED, compared
from analysis.tables import csv_text
from models import jobs
from models.layouts import Layout
from pages.components import cards, shell, thumbs, views
from pages.components.linked_map import Colouring, Panel, linked_map
from pages.components.shell import Choice
from pages.components.views import View

SHAPES = ("triangle", "diamond", "circle", "square")
LINES = {"selected study": "selected", "worst 5 %": "worst", "all": "all", "none": "none"}
WORST = 0.05
NEIGHBOURS = 5
QUICK, WHOLE = 2_000, 20_000  # points measured for the caption alone, and where each is to be greyed
MEANING = {
    "PCA": "PCA is a straight view along the two directions of largest variance of all modalities together.",
    "UMAP": "UMAP keeps neighbours together; distances between far groups mean little.",
}
HONESTY = (
    "Trustworthiness: are points that are drawn together truly near? Continuity: are the truly near drawn "
    "together? 1 = always, 0.5 = by chance."
)
GREYED = (
    f"A point is grey where its trustworthiness or its continuity is below {DISTORTED:g}: on average, more "
    "than a tenth of all points are truly nearer to it than those drawn beside it, or are drawn nearer "
    "to it than its true neighbours."
)
ALIGNING = (
    "Lays both out together, so that what did not change stays in place. Takes a minute and more; "
    "best below 10,000 points."
)


def main() -> None:
    shell.open_page("Map", "Where do studies lie? Shape is modality, colour is what you choose.")
    choice = shell.choose()
    left, middle, right, last = st.columns([1.2, 1.2, 1, 1.6])
    link = {"bind": "query-params", "persist_state": "session"}
    methods = ["PCA", "UMAP"]
    method = left.segmented_control("Map", methods, default="PCA", key="map_method", **link) or "PCA"
    colour = middle.selectbox("Colour", colour_options(choice.a), key="map_colour", **link)
    lines = right.selectbox("Pair lines", [*LINES], key="map_lines", **link)
    with last:
        search(choice.a)
    greyed = st.toggle("Grey what the map distorts", key="map_grey", help=GREYED, **link)
    found = [layout(v, method, greyed) for v in choice.views]
    if any(p is None for p in found):
        wait_for_umap(choice)
        method = "PCA"
        found = [layout(v, method, greyed) for v in choice.views]
    layouts = [p for p in found if p is not None]
    draw(choice, layouts, colour, lines, greyed)
    st.caption(f"{MEANING[method]} {honesty(layouts)}")
    if method == "UMAP" and len(layouts) == 2:
        together(choice, layouts)
    st.fragment(detail, key="detail")(choice)


def layout(shown: View, method: str, greyed: bool) -> Layout | None:
    return views.pca_layout(shown, limit=WHOLE if greyed else QUICK) if method == "PCA" else views.umap(shown)


def honesty(layouts: list[Layout]) -> str:
    """How far the maps can be believed, in plain words."""
    parts = []
    for letter, found in zip("AB", layouts, strict=False):
        trust = found.trust
        if np.isnan(trust.trustworthiness):
            return "Too few points to tell how far the map can be believed."
        grey = np.concatenate([*found.distorted.values()])[~np.isnan(stacked(found)).any(axis=1)].mean()
        whole = trust.measured == len(trust.per_point_trust)
        share = f", {grey:.1%} of the points are distorted" if whole else ""
        numbers = f"trustworthiness {trust.trustworthiness:.3f}, continuity {trust.continuity:.3f}"
        parts.append(f"{letter}: {numbers}{share}.")
    return f"{HONESTY} {' '.join(parts)}"


def together(choice: Choice, layouts: list[Layout]) -> None:
    """How far A's and B's maps agree, and a way to bring them closer."""
    a, b = (stacked(found) for found in layouts)
    if a.shape != b.shape or not views.same_studies(*choice.views):
        return
    there = ~np.isnan(a + b).any(axis=1)
    agreement = compared(a[there], b[there])
    st.caption(
        f"B's map turned onto A's: half of the points move by less than {agreement.moved:.2f} of the map's "
        f"radius (Procrustes disparity {agreement.disparity:.2f}; 0 = the same picture). A map can move what "
        "has stayed: whether a study changed is told by its neighbours, not by its place."
    )
    if any(j.kind == "layout" for j in jobs.jobs(views.workspace(), active=True)):
        watch()
    elif not all(found.method == "aligned" for found in layouts):
        align(choice)


def align(choice: Choice) -> None:
    """Lay A and B out together in a worker, when asked."""
    arguments = {"sets": [v.name for v in choice.views], "start": choice.a.name, "method": "aligned"}
    failed = failure(arguments)
    if failed:
        st.error(failed, icon=":material/block:")
    if st.button("Align A and B more closely", key="map_align", help=ALIGNING):
        jobs.start(views.workspace(), "layout", arguments)
        st.rerun()


def failure(arguments: dict) -> str:
    """Why the last worker that was asked for this failed; "" if it did not."""
    same = (j for j in jobs.jobs(views.workspace()) if j.kind == "layout" and jobs.asked(j) == arguments)
    last = next(same, None)
    return last.message if last and last.state == "failed" else ""


def stacked(found: Layout) -> np.ndarray:
    """All places, (modalities x studies, 2)."""
    return np.concatenate([*found.maps.values()])


def colour_options(shown: View) -> list[str]:
    return ["modality", "cosine of the pair in A", "rank of the partner in A", "split", *shown.set.labels]


def colouring(shown: View, colour: str, pair: tuple[str, str]) -> Colouring:
    if colour == "modality":
        return Colouring.by_modality(palette=MODALITY_COLOURS)
    if colour == "cosine of the pair in A":
        return Colouring.by_value(pair_cosines(shown, pair), name=colour)
    if colour == "rank of the partner in A":
        ranks = np.log10(views.of_pairs(shown, pair, partner_ranks))
        return Colouring.by_value(ranks, name=f"{colour} (0 = first, 1 = tenth, 2 = hundredth)")
    return Colouring.by_label(shown.set.rows[colour].astype(str).tolist(), name=colour)


def pair_cosines(shown: View, pair: tuple[str, str]) -> np.ndarray:
    """Cosine of each study's pair, NaN where one side is missing."""
    return views.of_pairs(shown, pair, lambda x, y: np.einsum("nd,nd->n", x, y))


def search(shown: View) -> None:
    """Find studies by id or by words of their texts."""
    words = st.text_input("Find", placeholder="an id, or words of a report", key="map_find").strip().lower()
    asked = (shown.record.id, shown.split, words)
    before = st.session_state.get("map_found", (*asked[:2], ""))
    st.session_state["map_found"] = asked
    if asked == before:
        return
    rows = [i for i in range(len(shown.ids)) if matches(shown, i, words)] if words else []
    st.session_state["map_selected"] = rows[:500]
    if words and not rows:
        st.info(f"No study has {words!r} in its id or texts.")


def matches(shown: View, row: int, words: str) -> bool:
    study = shown.study(row)
    texts = [v for v in study.values.values() if isinstance(v, str)] if study else []
    return any(all(w in t.lower() for w in words.split()) for t in (shown.ids[row], *texts))


def draw(
    choice: Choice,
    layouts: list[Layout],
    colour: str,
    lines: str,
    greyed: bool,
) -> None:
    panels = [
        Panel(
            label,
            accent,
            [*found.maps],
            SHAPES[: len(found.maps)],
            [*found.maps.values()],
            greyed=[*found.distorted.values()] if greyed else (),
        )
        for label, accent, found in zip(choice.labels, cards.COLOURS, layouts, strict=False)
    ]
    cosines = pair_cosines(choice.a, choice.pair)
    worst = np.argsort(np.where(np.isnan(cosines), np.inf, cosines))[: max(1, int(WORST * len(cosines)))]
    splits = ["all", *views.view(choice.a.name, "all").set.splits()]
    address = thumbs.url(choice.a.record.id, splits.index(choice.a.split)) if choice.a.collection else ""
    linked_map(
        panels,
        studies=choice.a.ids,
        captions=[cards.first_text(choice.a, i) for i in range(len(choice.a.ids))],
        thumb_url=address,
        colours=colouring(choice.a, colour, choice.pair),
        lines=LINES[lines],
        worst=worst.tolist(),
        selected=st.session_state.get("map_selected"),
        key="map",
        on_select=on_select,
    )


def on_select() -> None:
    """A click changes what is below the map, not the page."""
    st.session_state["map_selected"] = list((st.session_state.get("map") or {}).get("selected") or [])
    st.rerun("detail")


def detail(choice: Choice) -> None:
    """The selected studies, and the neighbours of the first of them in A and in B."""
    rows = [r for r in st.session_state.get("map_selected", []) if r < len(choice.a.ids)]
    if not rows:
        st.info("Click a point to see its image, its report and its neighbours.", icon=":material/touch_app:")
        return
    st.subheader(f"{len(rows):,} studies selected" if len(rows) > 1 else "Selected study")
    row = rows[0]
    if len(rows) > 1:
        row = pick(choice.a, rows)
    left, *others = st.columns([1.1, *[1] * len(choice.views)])
    with left:
        cards.study_card(choice.a, row)
    for column, letter, word, shown in zip(others, "AB", cards.WORDS, choice.views, strict=False):
        with column:
            x, y = map(cards.plain, choice.pair)
            st.markdown(f":{word}-badge[{letter}] nearest {y} to its {x}")
            neighbours(shown, row, choice.pair)


def pick(shown: View, rows: list[int]) -> int:
    """A table twin of the selection; choose one row of it."""
    table = [{"study": shown.ids[r], "text": cards.first_text(shown, r, 120)} for r in rows]
    event = st.dataframe(
        table, hide_index=True, on_select="rerun", selection_mode="single-row", key="map_table", height=220
    )
    st.download_button("Download ids (CSV)", csv_text(table), "selection.csv", "text/csv")
    chosen = event["selection"]["rows"]
    return rows[chosen[0]] if chosen else rows[0]


def neighbours(shown: View, row: int, pair: tuple[str, str]) -> None:
    """Texts closest to the study's image, and where its own stands among all."""
    x, y = pair
    if not shown.set.present(x)[row]:
        st.caption(f"This study has no {cards.plain(x)}.")
        return
    items = shown.set.rows_with(y)
    query = np.asarray(shown.set.vectors[x][row : row + 1])
    gallery = np.asarray(shown.set.vectors[y])[items]
    if row in items:
        place = partner_rank(query, gallery, int(np.searchsorted(items, row)))
        st.caption(f"Its own partner is number {place:,} of {len(items):,}.")
    cosines, found = nearest(query, gallery, k=NEIGHBOURS)
    for cosine, item in zip(cosines[0], items[found[0]], strict=True):
        own = " · own partner" if item == row else ""
        with st.container(border=True):
            st.caption(f"cosine {cosine:.3f}{own}")
            st.text(shown.ids[item])
            st.text(cards.first_text(shown, int(item), 160))


def wait_for_umap(choice: Choice) -> None:
    """Start the layouts that are missing in a worker, and look in on it."""
    missing = [v.name for v in choice.views if views.umap(v) is None]
    arguments = {"sets": missing, "start": choice.a.name}
    failed = failure(arguments)
    if failed:
        st.error(failed, icon=":material/block:")
        if not st.button("Try again", key="umap_again"):
            return
    if not any(j.kind == "layout" for j in jobs.jobs(views.workspace(), active=True)):
        jobs.start(views.workspace(), "layout", arguments)
    watch()


@st.fragment(run_every=1.0)
def watch() -> None:
    """Polls the worker; runs the page again when it is done."""
    jobs.resume_dead(views.workspace())
    active = [j for j in jobs.jobs(views.workspace(), active=True) if j.kind == "layout"]
    if not active:
        st.rerun()
    st.progress(
        active[0].progress,
        text=f"{active[0].message} in the background (10 s to minutes). What is shown is there at once.",
    )


main()
