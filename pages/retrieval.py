"""What comes back for a query?"""

from __future__ import annotations

import streamlit as st

from suture.data.errors import UserError
from suture.pages.components import selection
from suture.pages.components.cards import cards
from suture.pages.components.compare import changed_studies
from suture.pages.components.compare.paired_views import both
from suture.pages.components.retrieval import ask, scores
from suture.pages.components.retrieval.scores import worth_it
from suture.pages.components.shell import shell
from suture.pages.components.shell.shell import Choice

WORDS, STUDY, PICTURE, SCORES, FLIPS = "Words", "A study", "A picture", "Scores", "Won and lost"


def main() -> None:
    shell.open_page("Retrieval", "What comes back for a query, from A and from B?")
    choice = shell.choose()
    selection.bar(choice)
    parts = {
        WORDS: ask.words,
        STUDY: ask.study,
        PICTURE: ask.picture,
        SCORES: scores.section,
        FLIPS: won_and_lost,
    }
    wanted_by_link()
    tabs = st.tabs([*parts], key="ask", bind="query-params")
    for tab, (name, show) in zip(tabs, parts.items(), strict=True):
        if tab.open:  # what nobody looks at is not computed
            st.session_state["asked"] = name
            with tab:
                show(choice)
    if st.session_state["asked"] != STUDY:
        st.query_params.pop("study", None)  # the link tells what is seen


def wanted_by_link() -> None:
    """A link to a study opens its tab, whichever was open, unless it asks for words or names a tab."""
    link, state = st.query_params, st.session_state
    if "study" not in link or "q" in link or "ask" in link:
        return
    seen = not state["page_is_new"] and state.get("asked") == STUDY and state.get("kept_study")
    if link["study"] != seen:  # else the person is just leaving that tab
        state["ask"] = STUDY


def won_and_lost(choice: Choice) -> None:
    """Queries that only one of A and B answers, with their pictures."""
    if choice.b is None:
        st.info(
            "Choose B in the sidebar to see which queries it wins and loses.",
            icon=":material/compare_arrows:",
        )
        return
    if not worth_it(choice, "Compare study by study"):
        return
    try:
        found = both(choice)
    except UserError as error:
        st.error(cards.plain(error.message), icon=":material/block:")
        return
    changed_studies.flips(found)


main()
