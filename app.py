"""The entry of the app: `streamlit run app.py`. Serves the pages, and what their maps fetch."""

from __future__ import annotations

import os

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.components import columns, served

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing leaves the machine unless a user asks

app = st.App("app.py", routes=[*columns.routes(), *served.routes()])

if get_script_run_ctx(suppress_warning=True) is not None:  # a visitor at "/", not the server
    st.switch_page("pages/overview.py")
