"""Captions: can a decoder trained on text embeddings caption images?"""

from __future__ import annotations

import streamlit as st

from suture.data.errors import UserError
from suture.pages.components import selection
from suture.pages.components.captions import scores, studies, training_form
from suture.pages.components.captions.scored_captions import scored_captions
from suture.pages.components.cards import cards
from suture.pages.components.jobs import job_list
from suture.pages.components.shell import navigation, shared_choice


def main() -> None:
    navigation.open_page("Captions", "Can a decoder trained on text embeddings caption images?")
    choice = shared_choice.choose()
    selection.bar(choice)
    st.warning(
        "Research only: generated text is not a report and says nothing about a patient.",
        icon=":material/science:",
    )
    job_list.show_current()
    try:
        scored = scored_captions(choice)
    except UserError as error:
        st.error(cards.escape(error.message), icon=":material/block:")
        st.stop()
    if scored is None:
        training_form.section(choice)
        return
    scores.verdict(scored)
    st.subheader("Scores by training and input")
    scores.section(scored)
    st.subheader("Scores by finding")
    scores.findings(scored)
    st.subheader("Single studies")
    studies.section(choice, scored)
    st.subheader("Train other decoders")
    training_form.section(choice)


main()
