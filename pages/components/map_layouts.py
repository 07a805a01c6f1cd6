"""The layouts of a choice: PCA at once, UMAP from a worker, and how far they can be believed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from analysis.projection import DISTORTED, compared
from models import jobs
from models.layouts import QUICK, Layout
from pages.components import cards, views
from pages.components.shell import Choice

WHOLE = 20_000  # points of which each is measured where distorted ones are to be greyed
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


def found(choice: Choice, method: str, *, whole: bool) -> tuple[list[Layout], str]:
    """The layouts of A and B, and their method: PCA while a worker lays out UMAP.

    whole: measure of every point whether it is distorted
    """
    if method == "UMAP":
        layouts = [views.umap(v) for v in choice.views]
        ready = [layout for layout in layouts if layout is not None]
        if len(ready) == len(layouts):
            return ready, method
        wait_for_umap(choice)
    return [views.pca(v, limit=WHOLE if whole else QUICK) for v in choice.views], "PCA"


def honesty(layouts: Sequence[Layout]) -> str:
    """How far the maps can be believed, in plain words."""
    parts = []
    for letter, layout in zip("AB", layouts, strict=False):
        trust = layout.trust
        if np.isnan(trust.trustworthiness):
            return "Too few points to tell how far the map can be believed."
        grey = np.concatenate([*layout.distorted.values()])[~np.isnan(stacked(layout)).any(axis=1)].mean()
        whole = trust.measured == len(trust.per_point_trust)
        share = f", {grey:.1%} of the points are distorted" if whole else ""
        numbers = f"trustworthiness {trust.trustworthiness:.3f}, continuity {trust.continuity:.3f}"
        parts.append(f"{letter}: {numbers}{share}.")
    return f"{HONESTY} {' '.join(parts)}"


def together(choice: Choice, layouts: Sequence[Layout]) -> None:
    """How far A's and B's maps agree, and a way to bring them closer."""
    a, b = (stacked(layout) for layout in layouts)
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
    elif not all(layout.method == "aligned" for layout in layouts):
        align(choice)


def align(choice: Choice) -> None:
    """Lay A and B out together in a worker, when asked."""
    arguments = {"sets": [v.name for v in choice.views], "start": choice.a.name, "method": "aligned"}
    failed = failure(arguments)
    if failed:
        st.error(cards.plain(failed), icon=":material/block:")
    if st.button("Align A and B more closely", key="map_align", help=ALIGNING):
        jobs.start(views.workspace(), "layout", arguments)
        st.rerun()


def wait_for_umap(choice: Choice) -> None:
    """Start the layouts that are missing in a worker, and look in on it."""
    missing = [v.name for v in choice.views if views.umap(v) is None]
    arguments = {"sets": missing, "start": choice.a.name}
    failed = failure(arguments)
    if failed:
        st.error(cards.plain(failed), icon=":material/block:")
        if not st.button("Try again", key="umap_again"):
            return
    if not any(j.kind == "layout" for j in jobs.jobs(views.workspace(), active=True)):
        jobs.start(views.workspace(), "layout", arguments)
    watch()


@st.fragment(run_every=1.0)
def watch() -> None:
    """Polls the worker, which can be stopped; runs the page again when it is done."""
    jobs.wake(views.workspace())
    active = [j for j in jobs.jobs(views.workspace(), active=True) if j.kind == "layout"]
    if not active:
        st.rerun()
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.progress(
        active[0].progress,
        text=f"{cards.plain(jobs.said(views.workspace(), active[0]))}, in the background (10 s to minutes). "
        "What is shown is there at once.",
    )
    mine = jobs.mine(views.workspace(), active[0])
    if mine and right.button("Stop", key="map_stop", width="stretch"):
        jobs.cancel(views.workspace(), active[0].id)
        st.rerun()


def failure(arguments: dict) -> str:
    """Why the last worker that was asked for this failed; "" if it did not."""
    same = (j for j in jobs.jobs(views.workspace()) if j.kind == "layout" and j.args == arguments)
    last = next(same, None)
    return last.message if last and last.state in jobs.STOPPED else ""


def stacked(layout: Layout) -> np.ndarray:
    """All places, (modalities x studies, 2)."""
    return np.concatenate([*layout.maps.values()])
