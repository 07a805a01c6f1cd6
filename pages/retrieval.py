"""Retrieval: search by text, study or image; scores; queries whose rank changed between A and B."""

from __future__ import annotations

import streamlit as st

from suture.data.errors import UserError
from suture.pages.components import selection
from suture.pages.components.cards import cards
from suture.pages.components.compare import changed_studies, paired_views
from suture.pages.components.retrieval import queries, scores
from suture.pages.components.retrieval.scores import ranking_allowed
from suture.pages.components.shell import navigation, shared_choice
from suture.pages.components.shell.shared_choice import Choice

TEXT, STUDY, IMAGE, SCORES, RANK_CHANGES = "Text", "Study", "Image", "Scores", "Rank changes"


def main() -> None:
    navigation.open_page("Retrieval", "What do A and B retrieve for a query, and how often is it right?")
    choice = shared_choice.choose()
    selection.bar(choice)
    parts = {
        TEXT: queries.by_text,
        STUDY: queries.by_study,
        IMAGE: queries.by_image,
        SCORES: scores.section,
        RANK_CHANGES: rank_changes,
    }
    open_tab_of_link()
    tabs = st.tabs([*parts], key="ask", bind="query-params")
    for tab, (name, show) in zip(tabs, parts.items(), strict=True):
        if tab.open:  # closed tabs are not computed
            st.session_state["asked"] = name
            with tab:
                show(choice)
    if st.session_state["asked"] != STUDY:
        st.query_params.pop("study", None)  # the link restores what is shown


def open_tab_of_link() -> None:
    """A link to a study opens its tab, whichever was open, unless it holds text or names a tab."""
    link, state = st.query_params, st.session_state
    if "study" not in link or "q" in link or "ask" in link:
        return
    shown = not state["page_is_new"] and state.get("asked") == STUDY and state.get("kept_study")
    if link["study"] != shown:  # else the tab of this study is being left
        state["ask"] = STUDY


def rank_changes(choice: Choice) -> None:
    """Queries that only one of A and B answers, with their images."""
    if choice.b is None:
        st.info(
            "Choose B in the sidebar to see which queries it answers better or worse than A.",
            icon=":material/compare_arrows:",
        )
        return
    if not ranking_allowed(choice, "Compare ranks"):
        return
    try:
        paired = paired_views.compare(choice)
    except UserError as error:
        st.error(cards.escape(error.message), icon=":material/block:")
        return
    changed_studies.rank_changes(paired)


main()
