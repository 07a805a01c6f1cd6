"""Which browser has which sessions, stands for whom, and was handed which addresses.

A visitor is a browser, known by a random cookie that no script reads. What a run hands to its session
(a picture, a file to download, a column of numbers) is noted here, and only that visitor may fetch it.
What is not noted is refused: a forgotten note costs a reload, never a secret.
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
SEVERAL = 100_000  # notes kept of each kind; the oldest go first


class Visitors:
    """The notes. Safe to use from every thread."""

    def __init__(self, limit: int = SEVERAL) -> None:
        self._limit = limit
        self._lock = Lock()
        self._sessions: OrderedDict[str, str] = OrderedDict()
        self._owners: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._given: OrderedDict[tuple[str, str], None] = OrderedDict()

    def enter(self, session: str, who: str, owner: str, until: float) -> None:
        """A session of a visitor runs; it stands for `owner` until that time (seconds since the epoch)."""
        self._keep(self._sessions, session, who)
        self._keep(self._owners, who, (owner, until))

    def leave(self, who: str) -> None:
        """The visitor stands for nobody any more."""
        with self._lock:
            self._owners.pop(who, None)

    def of_session(self, session: str) -> str:
        """The visitor of a session; "" if none is known."""
        with self._lock:
            return self._sessions.get(session, "")

    def owner(self, who: str) -> str | None:
        """Whom a visitor stands for now; None if for nobody."""
        with self._lock:
            owner, until = self._owners.get(who, ("", 0.0))
        return owner if time.time() < until else None

    def give(self, who: str, address: str) -> None:
        """The visitor may fetch this address, and what lies below its first two parts."""
        if who:
            self._keep(self._given, (who, _key(address)), None)

    def may_fetch(self, who: str, address: str) -> bool:
        """Whether the visitor was handed this address and still stands for somebody."""
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
    """The visitor of the script that runs; "" without one."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return ""
    return _known(st.context.cookies.get(COOKIE))


def of_request(asked: HTTPConnection) -> str:
    """The visitor who asks; "" for one without the cookie."""
    return _known(asked.cookies.get(COOKIE))


def owner_of(asked: HTTPConnection) -> str | None:
    """Whose things a request may see; None if nobody's."""
    return VISITORS.owner(of_request(asked)) if settings.login_required() else ""


def _known(cookie: object) -> str:
    """The cookie if it is one of ours in form, else ""."""
    return cookie if isinstance(cookie, str) and re.fullmatch(r"[0-9a-f]{32}", cookie) else ""


def _key(address: str) -> str:
    """/card/<set>/0/7.json belongs to /card/<set>: a map's cards are handed out together."""
    return "/".join(address.split("/")[:3])
