"""The frame of every page: title, the list of pages in the sidebar, links between pages."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from suture.pages.components import access
from suture.pages.components.access import identity, incidents

ICON = Path(__file__).parent / "icon.png"
PAGES = (
    ("overview", "Overview", ":material/explore:"),
    ("map", "Map", ":material/scatter_plot:"),
    ("gap", "Gap", ":material/straighten:"),
    ("compare", "Compare", ":material/compare_arrows:"),
    ("retrieval", "Retrieval", ":material/search:"),
    ("captions", "Captions", ":material/subject:"),
    ("my_studies", "My studies", ":material/upload_file:"),
    ("train", "Train", ":material/model_training:"),
    ("report", "Report", ":material/lab_profile:"),
    ("library", "Library", ":material/inventory_2:"),
)


def open_page(title: str, question: str) -> None:
    """Title, navigation and the question that the page answers."""
    access.who()  # before anything else: without a log-in the page ends here
    st.set_page_config(page_title=f"{title} · Suture", page_icon=str(ICON), layout="wide")
    # The state of a widget that another page showed is still there, but this page's widget has lost it.
    st.session_state["page_is_new"] = st.session_state.get("page_open") != title
    st.session_state["page_open"] = title
    if st.session_state["page_is_new"]:
        incidents.note(f"open.{title.lower().replace(' ', '_')}")
    with st.sidebar:
        left, right = st.columns([1, 4], vertical_alignment="center", gap="small")
        left.image(ICON.read_bytes(), width=36, alt="")
        right.markdown("### Suture")
        for path, label, icon in PAGES:
            page_link(path, label, icon)
        identity.account()
    st.title(title)
    st.caption(question)


def page_link(page: str, label: str, icon: str, *, query: dict[str, str] | None = None) -> None:
    """A link to a page, also where a page runs as a script of its own and knows no others."""
    try:
        st.page_link(f"pages/{page}.py", label=label, icon=icon, query_params=query)
    except StreamlitPageNotFoundError:
        st.markdown(f"{icon} [{label}](/{page}{f'?{urlencode(query)}' if query else ''})")
