"""The entry of the app: `streamlit run app.py`. Serves the pages, and what the browser fetches for them."""

from __future__ import annotations

import os

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.components import columns, index_html, scripts, served, shell

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing leaves the machine unless a user asks

PAGES = ["", *(path for path, *_ in shell.PAGES)]
ROUTES = [*columns.routes(), *scripts.routes(), *served.routes(), *index_html.routes(PAGES)]

app = st.App("app.py", routes=ROUTES)

if get_script_run_ctx(suppress_warning=True) is not None:  # a visitor at "/", not the server
    st.switch_page("pages/overview.py")
