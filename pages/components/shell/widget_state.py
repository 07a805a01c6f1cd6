"""Which widgets keep their value: across pages, and in the link that restores a page."""

from __future__ import annotations

from typing import Literal, TypedDict


class _InSession(TypedDict):
    persist_state: Literal["session"]


class _InLink(_InSession):
    bind: Literal["query-params"]


KEEP_IN_SESSION: _InSession = {"persist_state": "session"}  # the value survives a visit to another page
KEEP_IN_LINK: _InLink = {"bind": "query-params", "persist_state": "session"}  # the address restores it too
