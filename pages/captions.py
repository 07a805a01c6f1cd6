"""Does a decoder of texts read images?"""

from __future__ import annotations

import streamlit as st

from suture.data.errors import UserError
from suture.pages.components import selection
from suture.pages.components.captions import scores, studies, training_form
from suture.pages.components.captions.scored_captions import tables_of
from suture.pages.components.cards import cards
from suture.pages.components.jobs import job_list
from suture.pages.components.shell import navigation, shared_choice


def main() -> None:
    navigation.open_page("Captions", "Does a decoder of texts read images?")
    choice = shared_choice.choose()
    selection.bar(choice)
    st.warning(
        "Research only: generated text is not a report, and says nothing of a patient.",
        icon=":material/science:",
    )
    job_list.now()
    try:
        tables = tables_of(choice)
    except UserError as error:
        st.error(cards.escape(error.message), icon=":material/block:")
        st.stop()
    if tables is None:
        training_form.section(choice)
        return
    scores.verdict(tables)
    st.subheader("Who reads what how well")
    scores.section(tables)
    st.subheader("Finding by finding")
    scores.findings(tables)
    st.subheader("Study by study")
    studies.section(choice, tables)
    st.subheader("Other decoders")
    training_form.section(choice)


main()
