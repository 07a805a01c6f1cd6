"""Visitors: which sessions a browser has, which user it acts for, and which addresses it may fetch.

A visitor is a browser, identified by a random cookie that scripts cannot read. Whatever a run shows in its
session (an image, a download, a column of numbers) is recorded here, and only that visitor may fetch it.
Anything else is refused: a lost entry costs a reload, never a secret.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from threading import Lock
from typing import Any

import streamlit as st
from starlette.requests import HTTPConnection
from streamlit.runtime.scriptrunner import get_script_run_ctx

from suture.pages.components.access import settings

COOKIE = "suture_visitor"
SEVERAL = 100_000  # entries kept of each kind; the oldest are dropped first


class Visitors:
    """The entries. Thread-safe."""

    def __init__(self, limit: int = SEVERAL) -> None:
        self._limit = limit
        self._lock = Lock()
        self._sessions: OrderedDict[str, str] = OrderedDict()
        self._owners: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._given: OrderedDict[tuple[str, str], None] = OrderedDict()

    def enter(self, session: str, who: str, owner: str, until: float) -> None:
        """Record a visitor's session, which acts for `owner` until that time (seconds since the epoch)."""
        self._keep(self._sessions, session, who)
        self._keep(self._owners, who, (owner, until))

    def leave(self, who: str) -> None:
        """The visitor no longer acts for anyone."""
        with self._lock:
            self._owners.pop(who, None)

    def of_session(self, session: str) -> str:
        """The visitor of a session; "" if unknown."""
        with self._lock:
            return self._sessions.get(session, "")

    def owner(self, who: str) -> str | None:
        """The owner that a visitor acts for now; None if none."""
        with self._lock:
            owner, until = self._owners.get(who, ("", 0.0))
        return owner if time.time() < until else None

    def give(self, who: str, address: str) -> None:
        """Allow the visitor to fetch this address, and all others with the same first two parts."""
        if who:
            self._keep(self._given, (who, _key(address)), None)

    def may_fetch(self, who: str, address: str) -> bool:
        """Whether the visitor was given this address and still acts for an owner."""
        with self._lock:
            known = (who, _key(address)) in self._given
        return known and self.owner(who) is not None

    def _keep(self, notes: OrderedDict[Any, Any], key: Any, value: Any) -> None:
        with self._lock:
            notes[key] = value
            notes.move_to_end(key)
            if len(notes) > self._limit:
                notes.popitem(last=False)


VISITORS = Visitors()


def visitor() -> str:
    """The visitor of the running script; "" outside a script."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return ""
    return _known(st.context.cookies.get(COOKIE))


def of_request(asked: HTTPConnection) -> str:
    """The visitor of a request; "" without the cookie."""
    return _known(asked.cookies.get(COOKIE))


def owner_of(asked: HTTPConnection) -> str | None:
    """The owner whose records a request may see; None if it may see none."""
    return VISITORS.owner(of_request(asked)) if settings.login_required() else ""


def _known(cookie: object) -> str:
    """The cookie if it has our format, else ""."""
    return cookie if isinstance(cookie, str) and re.fullmatch(r"[0-9a-f]{32}", cookie) else ""


def _key(address: str) -> str:
    """/card/<set>/0/7.json -> /card/<set>: a map's cards are allowed together."""
    return "/".join(address.split("/")[:3])
