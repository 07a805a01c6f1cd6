"""The layouts of A and B: PCA at once, UMAP from a worker, and how far the maps can be trusted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from suture import jobs
from suture.analysis.projection import DISTORTED, Trust, map_agreement
from suture.pages.components.cards import cards
from suture.pages.components.jobs import waiting
from suture.pages.components.shell import views
from suture.pages.components.shell.shared_choice import Choice
from suture.workflows.job_kinds import LayoutJob
from suture.workflows.layout_record import Layout
from suture.workflows.layouts import QUICK, WHOLE, is_quick_pca

MAX_MEASURED = 20_000  # points of which each is measured where distorted ones are to be greyed out
TRUST = (
    "Trustworthiness: are points close on the map true neighbours? Continuity: are true neighbours close on "
    "the map? 1 = always, 0.5 = by chance."
)
GREYED = (
    f"A point is grey where its trustworthiness or its continuity is below {DISTORTED:g}: on average, more "
    "than a tenth of all points are truly nearer to it than its neighbours on the map, or are nearer on the "
    "map than its true neighbours."
)
DURATION = "10 s to minutes; the map shown meanwhile is PCA"
ALIGNING = (
    "Lays out A and B together, so that studies that did not change stay in place. Takes a minute or more; "
    "best below 10,000 points."
)


def pca_layouts(choice: Choice, *, whole: bool = False) -> list[Layout]:
    """PCA of A and B; empty while a worker computes it, which the page says.

    whole: measure the distortion of every point, or of a large sample
    """
    layouts = [
        views.pca(v, limit=MAX_MEASURED if whole and is_quick_pca(v.set) else QUICK) for v in choice.views
    ]
    ready = [layout for layout in layouts if layout is not None]
    if len(ready) == len(layouts):
        return ready
    missing = [v.name for v, layout in zip(choice.views, layouts, strict=True) if layout is None]
    request = LayoutJob(missing, split=choice.a.split, method="pca")
    waiting.wait(request, "a minute or two for a million studies, once", key="pca")
    return []


def choose_layouts(choice: Choice, method: str, *, whole: bool) -> tuple[list[Layout], str]:
    """The layouts of A and B, and their method: PCA while a worker computes UMAP; none while it does PCA.

    whole: measure the distortion of every point
    """
    if method == "UMAP":
        layouts = [views.umap(v) for v in choice.views]
        ready = [layout for layout in layouts if layout is not None]
        if len(ready) == len(layouts):
            return ready, method
        wait_for_umap(choice)
    return pca_layouts(choice, whole=whole), "PCA"


def trust_in_maps(layouts: Sequence[Layout]) -> str:
    """How far the maps can be trusted, in plain words."""
    parts = []
    for letter, layout in zip("AB", layouts, strict=False):
        trust, placing = layout.trust, layout.placing
        if np.isnan(trust.trustworthiness):
            return "Too few points to measure how far the map can be trusted."
        if placing is not None:
            parts.append(
                f"{letter}: UMAP laid out {placing.laid_out:,} points, a seeded sample "
                f"({_trust_words(trust)}); "
                f"each of the other {placing.placed:,} is placed among its nearest neighbours in the sample "
                f"({_trust_words(placing.trust)}; {placing.recall:.1%} of these are its true neighbours)."
            )
            continue
        grey = np.concatenate([*layout.distorted.values()])[~np.isnan(stacked(layout)).any(axis=1)].mean()
        whole = trust.measured == len(trust.per_point_trust)
        share = f", {grey:.1%} of the points are distorted" if whole else ""
        parts.append(f"{letter}: {_trust_words(trust)}{share}.")
    return f"{TRUST} {' '.join(parts)}"


def _trust_words(trust: Trust) -> str:
    """Trustworthiness and continuity, and on how many points they were measured."""
    numbers = f"trustworthiness {trust.trustworthiness:.3f}, continuity {trust.continuity:.3f}"
    if trust.measured == len(trust.per_point_trust):
        return numbers
    return f"{numbers}, measured on {trust.measured:,} points against all, standard error {trust.error:.3f}"


def compare_layouts(choice: Choice, layouts: Sequence[Layout]) -> None:
    """How far the maps of A and B agree, and a button to align them."""
    a, b = (stacked(layout) for layout in layouts)
    if a.shape != b.shape or not views.same_studies(*choice.views):
        return
    present = ~np.isnan(a + b).any(axis=1)
    agreement = map_agreement(a[present], b[present])
    st.caption(
        f"With B's map rotated onto A's, half of the points move by less than {agreement.moved:.2f} of the "
        f"map's radius (Procrustes disparity {agreement.disparity:.2f}; 0 = identical maps). A point can "
        "move on the map although its study did not change: compare its neighbours, not its place."
    )
    if waiting.busy(LayoutJob):
        waiting.watch(LayoutJob, DURATION, "map")
    elif layouts[0].points <= WHOLE and not all(layout.method == "aligned" for layout in layouts):
        align(choice)


def align(choice: Choice) -> None:
    """A button that lays out A and B together in a worker."""
    request = LayoutJob([v.name for v in choice.views], start=choice.a.name, method="aligned")
    failure = waiting.failure(request)
    if failure:
        st.error(cards.escape(failure), icon=":material/block:")
    if st.button("Align the maps of A and B", key="map_align", help=ALIGNING):
        jobs.start(views.workspace(), request)
        st.rerun()


def wait_for_umap(choice: Choice) -> None:
    """Compute the missing layouts in a worker, and show its progress."""
    missing = [v.name for v in choice.views if views.umap(v) is None]
    waiting.wait(LayoutJob(missing, start=choice.a.name), DURATION, key="umap")


def stacked(layout: Layout) -> np.ndarray:
    """All points, (modalities x studies, 2)."""
    return np.concatenate([*layout.maps.values()])
