"""Streamlit's HTML file with Suture's title and the styles that Streamlit has no setting for.

They prevent layout shifts: until a page's script has run, Streamlit lays the empty page out narrow and
without the sidebar, and while a widget's code loads, its placeholder is 40 pixels high whatever its size.
They also put dark text on the light primary colour of the dark theme, where Streamlit's white has a
contrast of 2.3:1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

INDEX = Path(st.__file__).parent / "static" / "index.html"
BARE = '[data-testid="stAppViewContainer"]:not(:has([data-testid="stSidebar"]))'
LOADING = '[data-testid="stElementContainer"]:has(> [data-testid="stSkeleton"])'
STYLE = f"""<style>
@media (min-width: 769px) {{
  {BARE} {{ padding-left: 300px; }}
  {BARE} [data-testid="stMainBlockContainer"] {{ max-width: initial; padding-inline: 5rem; }}
}}
:where([class*="st-key-"]{LOADING}) {{ min-height: 68px; }}
[data-testid="stSidebar"] {LOADING}:not([class*="st-key-"]) {{ height: 32px; margin-block: -6px; }}
.st-key-map {{ min-height: 570px; }}
.st-key-train_map {{ min-height: 640px; }}
.st-key-overview_map {{ min-height: 390px; }}
#root [data-testid^="stBaseButton-primary"]:enabled, #root [data-testid="stMultiSelectTagsContainer"] span {{
  color: light-dark(#FFFFFF, #0C151D);
}}
</style>"""


def routes(paths: Sequence[str]) -> list[Route]:
    """The routes that serve the file at the address of every page."""
    return [Route(f"/{path}", _page) for path in paths]


def _page(request: Request) -> HTMLResponse:
    return HTMLResponse(_html(), headers={"Cache-Control": "no-cache"})


@cache
def _html() -> str:
    html = INDEX.read_text(encoding="utf-8").replace("<title>Streamlit<", "<title>Suture<", 1)
    return html.replace("</head>", f"{STYLE}</head>", 1)
