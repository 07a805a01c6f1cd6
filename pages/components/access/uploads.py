"""Uploads only to the visitor's own session, and within a limit, because Streamlit holds them in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from streamlit.runtime import Runtime
from streamlit.runtime.stats import CacheStat

from suture.pages.components.access import settings
from suture.pages.components.access.visitors import VISITORS, of_request

PATH = "/_stcore/upload_file/"
_coming: list[int] = []  # announced sizes of the uploads in progress, bytes


def refused(asked: HTTPConnection) -> Response | None:
    """The response that refuses an upload or its removal; None if it is allowed."""
    path = asked.scope["path"]
    if not path.startswith(PATH) or asked.scope["method"] not in ("PUT", "DELETE"):
        return None
    session = path.removeprefix(PATH).partition("/")[0]
    if not of_request(asked) or VISITORS.of_session(session) != of_request(asked):
        return PlainTextResponse("This upload belongs to another session. Reload the page.", 403)
    if asked.scope["method"] == "PUT" and not asked.headers.get("content-length", "").isdecimal():
        return PlainTextResponse("An upload must say how long it is (Content-Length).", 411)
    if _announced(asked) + sum(_coming) + held() > settings.upload_bytes():
        return PlainTextResponse("Too many uploads at once. Try again when others are done.", 413)
    return None


@contextmanager
def counted(asked: HTTPConnection) -> Iterator[None]:
    """Count an upload's announced size while it is in progress."""
    size = _announced(asked)
    _coming.append(size)
    try:
        yield
    finally:
        _coming.remove(size)


def held() -> int:
    """Bytes that Streamlit holds for all sessions."""
    stats = Runtime.instance().uploaded_file_mgr.get_stats() if Runtime.exists() else {}
    return sum(
        stat.byte_length for family in stats.values() for stat in family if isinstance(stat, CacheStat)
    )


def _announced(asked: HTTPConnection) -> int:
    length = asked.headers.get("content-length", "")
    return int(length) if length.isdecimal() and asked.scope.get("method") == "PUT" else 0
