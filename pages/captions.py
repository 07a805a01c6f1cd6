"""Does a decoder of texts read images?"""

from __future__ import annotations

import streamlit as st

from data.errors import UserError
from pages.components import (
    captions_ask,
    captions_studies,
    captions_table,
    cards,
    selection,
    shell,
    work,
)
from pages.components.captions_data import tables_of


def main() -> None:
    shell.open_page("Captions", "Does a decoder of texts read images?")
    choice = shell.choose()
    selection.bar(choice)
    st.warning(
        "Research only: generated text is not a report, and says nothing of a patient.",
        icon=":material/science:",
    )
    work.now()
    try:
        tables = tables_of(choice)
    except UserError as error:
        st.error(cards.plain(error.message), icon=":material/block:")
        st.stop()
    if tables is None:
        captions_ask.section(choice)
        return
    captions_table.verdict(tables)
    st.subheader("Who reads what how well")
    captions_table.section(tables)
    st.subheader("Finding by finding")
    captions_table.findings(tables)
    st.subheader("Study by study")
    captions_studies.section(choice, tables)
    st.subheader("Other decoders")
    captions_ask.section(choice)


main()
