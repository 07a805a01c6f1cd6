"""The entry of the app: `streamlit run app.py`. Serves the pages, and what the browser fetches for them.

`import suture.app` only defines `app`; it checks nothing and ends nothing.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from suture.pages.components.access import incidents, media, settings
from suture.pages.components.access.gate import Gate
from suture.pages.components.serving import columns, index_html, scripts, study_files
from suture.pages.components.shell import navigation

PAGES = ["", *(path for path, *_ in navigation.PAGES)]
ROUTES = [*columns.routes(), *scripts.routes(), *study_files.routes(), *index_html.routes(PAGES)]


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """What is set up once the server runs, and before it answers."""
    media.watch(Runtime.instance().media_file_mgr)
    incidents.silence_values()
    yield {}


app = st.App(
    Path(__file__).resolve(),
    routes=ROUTES,
    middleware=[Middleware(Gate)],
    lifespan=lifespan,
    on_script_error=incidents.on_script_error,
)

if get_script_run_ctx(suppress_warning=True) is not None:  # a visitor at "/"
    st.switch_page("pages/overview.py")
elif __name__ != "suture.app":  # the server loads this file by its path, before it listens
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing leaves the machine unless a user asks
    settings.refuse_exposure()
