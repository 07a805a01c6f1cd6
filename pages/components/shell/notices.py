"""What the sidebar says on every page: synthetic studies, sets that were trained on them, damaged files."""

from __future__ import annotations

import streamlit as st

from suture.data.workspace import KINDS, Record
from suture.pages.components.cards import cards
from suture.pages.components.shell import views
from suture.pages.components.shell.views import View
from suture.workflows.evaluate import trained_on


def about_views(shown: list[View]) -> None:
    """Whether the studies are synthetic, and which sets were trained on them."""
    st.sidebar.divider()
    if any(view.synthetic for view in shown):
        st.sidebar.info(
            "Synthetic: procedurally generated images and texts, no patient data.", icon=":material/science:"
        )
    for view in shown:
        warning = trained_on(views.workspace(), view.name, view.split)
        if warning:
            st.sidebar.warning(cards.escape(warning))
    _about_workspace()


def about_collections(collections: list[Record]) -> None:
    """The same for pages that show no embedding set: which collections are synthetic."""
    st.sidebar.divider()
    synthetic = [c.name for c in collections if c.meta.synthetic]
    if synthetic:
        names = cards.escape(", ".join(synthetic))
        st.sidebar.info(f"Synthetic, no patient data: {names}.", icon=":material/science:")
    _about_workspace()


def workspace_problems() -> None:
    """What the workspace cannot do at this moment, and what in it is damaged."""
    problem = views.workspace().problem()
    if problem:
        st.warning(cards.escape(problem), icon=":material/hard_drive:")
    damaged = [r.name for kind in KINDS for r in views.workspace().records(kind) if not r.intact]
    if damaged:
        st.warning(
            f"Damaged and left out: {cards.escape(', '.join(damaged))}. `suture verify` says what can be "
            "rebuilt.",
            icon=":material/broken_image:",
        )


def _about_workspace() -> None:
    with st.sidebar:
        workspace_problems()
        st.caption("For research only. Not for diagnosis.")
