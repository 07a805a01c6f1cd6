"""The layouts of a choice: PCA at once, UMAP from a worker, and how far they can be believed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from suture import jobs
from suture.analysis.projection import DISTORTED, Trust, map_agreement
from suture.pages.components.cards import cards
from suture.pages.components.jobs import waiting
from suture.pages.components.shell import views
from suture.pages.components.shell.shell import Choice
from suture.workflows.layout_record import Layout
from suture.workflows.layouts import QUICK, at_once
from suture.workflows.layouts import WHOLE as LAID_WHOLE

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
MEANWHILE = "10 s to minutes. What is shown is there at once"
ALIGNING = (
    "Lays both out together, so that what did not change stays in place. Takes a minute and more; "
    "best below 10,000 points."
)


def straight(choice: Choice, *, whole: bool = False) -> list[Layout]:
    """PCA of A and B; empty while a worker lays it out, which the page says.

    whole: measure of every point whether it is distorted, or of a large sample
    """
    layouts = [views.pca(v, limit=WHOLE if whole and at_once(v.set) else QUICK) for v in choice.views]
    ready = [layout for layout in layouts if layout is not None]
    if len(ready) == len(layouts):
        return ready
    missing = [v.name for v, layout in zip(choice.views, layouts, strict=True) if layout is None]
    asked = {"sets": missing, "split": choice.a.split, "method": "pca"}
    waiting.wait("layout", asked, "a minute or two for a million studies, once", key="pca")
    return []


def found(choice: Choice, method: str, *, whole: bool) -> tuple[list[Layout], str]:
    """The layouts of A and B, and their method: PCA while a worker lays out UMAP; none while it does PCA.

    whole: measure of every point whether it is distorted
    """
    if method == "UMAP":
        layouts = [views.umap(v) for v in choice.views]
        ready = [layout for layout in layouts if layout is not None]
        if len(ready) == len(layouts):
            return ready, method
        wait_for_umap(choice)
    return straight(choice, whole=whole), "PCA"


def honesty(layouts: Sequence[Layout]) -> str:
    """How far the maps can be believed, in plain words."""
    parts = []
    for letter, layout in zip("AB", layouts, strict=False):
        trust, placing = layout.trust, layout.placing
        if np.isnan(trust.trustworthiness):
            return "Too few points to tell how far the map can be believed."
        if placing is not None:
            parts.append(
                f"{letter}: UMAP laid out {placing.laid_out:,} points, a seeded sample ({_told(trust)}); "
                f"each of the other {placing.placed:,} stands where its nearest of the sample stand "
                f"({_told(placing.trust)}; {placing.recall:.1%} of these neighbours are the true ones)."
            )
            continue
        grey = np.concatenate([*layout.distorted.values()])[~np.isnan(stacked(layout)).any(axis=1)].mean()
        whole = trust.measured == len(trust.per_point_trust)
        share = f", {grey:.1%} of the points are distorted" if whole else ""
        parts.append(f"{letter}: {_told(trust)}{share}.")
    return f"{HONESTY} {' '.join(parts)}"


def _told(trust: Trust) -> str:
    """The two numbers, and of how many points they are."""
    numbers = f"trustworthiness {trust.trustworthiness:.3f}, continuity {trust.continuity:.3f}"
    if trust.measured == len(trust.per_point_trust):
        return numbers
    return f"{numbers}, measured on {trust.measured:,} points against all, standard error {trust.error:.3f}"


def together(choice: Choice, layouts: Sequence[Layout]) -> None:
    """How far A's and B's maps agree, and a way to bring them closer."""
    a, b = (stacked(layout) for layout in layouts)
    if a.shape != b.shape or not views.same_studies(*choice.views):
        return
    there = ~np.isnan(a + b).any(axis=1)
    agreement = map_agreement(a[there], b[there])
    st.caption(
        f"B's map turned onto A's: half of the points move by less than {agreement.moved:.2f} of the map's "
        f"radius (Procrustes disparity {agreement.disparity:.2f}; 0 = the same picture). A map can move what "
        "has stayed: whether a study changed is told by its neighbours, not by its place."
    )
    if waiting.busy("layout"):
        waiting.watch("layout", MEANWHILE, "map")
    elif layouts[0].points <= LAID_WHOLE and not all(layout.method == "aligned" for layout in layouts):
        align(choice)


def align(choice: Choice) -> None:
    """Lay A and B out together in a worker, when asked."""
    arguments = {"sets": [v.name for v in choice.views], "start": choice.a.name, "method": "aligned"}
    failed = waiting.failure("layout", arguments)
    if failed:
        st.error(cards.plain(failed), icon=":material/block:")
    if st.button("Align A and B more closely", key="map_align", help=ALIGNING):
        jobs.start(views.workspace(), "layout", arguments)
        st.rerun()


def wait_for_umap(choice: Choice) -> None:
    """Start the layouts that are missing in a worker, and look in on it."""
    missing = [v.name for v in choice.views if views.umap(v) is None]
    waiting.wait("layout", {"sets": missing, "start": choice.a.name}, MEANWHILE, key="umap")


def stacked(layout: Layout) -> np.ndarray:
    """All places, (modalities x studies, 2)."""
    return np.concatenate([*layout.maps.values()])
