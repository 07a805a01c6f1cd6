"""The middleware: checks every request before Streamlit sees it, and adds headers to every response.

Each check returns a response if it refuses the request, else None.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from suture.pages.components.access import headers, incidents, settings, uploads
from suture.pages.components.access.visitors import COOKIE, VISITORS, of_request

HANDED = ("/media/", "/column/", "/card/", "/thumb/")  # only for visitors that were given the address
CORE = ("health", "host-config", "stream", "upload_file/", "bidi-components/")  # of Streamlit's: open
READING = ("GET", "HEAD", "OPTIONS")
ASK = """<!doctype html><html lang="en"><title>Suture</title><h1>Suture</h1>
<p>This Suture belongs to whoever started it on this machine. Open the address that it printed at the start:
it ends with ?token=… Or paste here what stands behind the equals sign.</p>
<form><input name="token" type="password" aria-label="Token" autofocus> <button>Open</button></form></html>"""
MONTH = 30 * 24 * 3600


class Gate:
    """Refuses requests that are not for this app, visitor or machine; adds headers to all responses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        asked = HTTPConnection(scope)
        refusal = next((answer for check in CHECKS if (answer := check(asked)) is not None), None)
        if scope["type"] == "websocket":
            if refusal is not None:
                return await send({"type": "websocket.close", "code": 1008})
            return await self._app(_own_session(asked), receive, send)
        telling = _telling(asked, send, refused=refusal is not None)
        try:
            with uploads.counted(asked):
                await (refusal or self._app)(scope, receive, telling)
        except Exception as error:  # here, so that this response has the headers too
            await incidents.on_server_error(error)(scope, receive, telling)
        return None


def _host(asked: HTTPConnection) -> Response | None:
    """Only known host names: another site could otherwise point its name at this server (DNS rebinding)."""
    if _name(f"//{asked.headers.get('host', '')}") in settings.hosts():
        return None
    return _plain("This name is not one of Suture's. Whoever runs it can add it to SUTURE_HOSTS.")


def _origin(asked: HTTPConnection) -> Response | None:
    """Pages of other sites may not connect or write. Programs other than browsers send no Origin."""
    origin = asked.headers.get("origin")
    reading = asked.scope["type"] == "http" and asked.scope["method"] in READING
    if origin is None or reading or urlsplit(origin).netloc == asked.headers.get("host"):
        return None
    return _plain("This request comes from another site.")


def _reach(asked: HTTPConnection) -> Response | None:
    """Without a log-in, only this machine is served, whichever server runs the app."""
    address = (asked.scope.get("server") or (None,))[0]
    if settings.login_required() or settings.is_loopback(address):
        return None
    return _plain(settings.no_login(address))


def _path(asked: HTTPConnection) -> Response | None:
    """Streamlit's metrics and agent interface are closed, and only uploads may write."""
    path = asked.scope["path"]
    if path.startswith("/_stcore/") and not path.removeprefix("/_stcore/").startswith(CORE):
        return _plain("There is nothing here.", 404)
    writing = asked.scope["type"] == "http" and asked.scope["method"] not in READING
    if writing and not path.startswith(uploads.PATH):
        return _plain("Nothing can be written here.", 405)
    return None


def _token(asked: HTTPConnection) -> Response | None:
    """The token comes once, in the address that `suture app` prints; after that a cookie stands for it."""
    wanted = settings.token()
    if not wanted or asked.scope["path"] == "/_stcore/health":
        return None
    cookie, value = _key_cookie(wanted)
    brought = asked.query_params.get("token", "")
    if brought and hmac.compare_digest(brought.encode(), wanted.encode()):
        rest = [(k, v) for k, v in asked.query_params.multi_items() if k != "token"]
        answer = RedirectResponse(f"{asked.scope['path']}?{urlencode(rest)}".rstrip("?"), 303)
        answer.set_cookie(cookie, value, httponly=True, samesite="lax", secure=_secure(asked))
        return answer
    if hmac.compare_digest(asked.cookies.get(cookie, "").encode(), value.encode()):
        return None
    return _ask_for_token()


def _handed(asked: HTTPConnection) -> Response | None:
    """Images, files, columns and cards are served only to the visitor who was shown them."""
    path = asked.scope["path"]
    if not path.startswith(HANDED) or VISITORS.may_fetch(of_request(asked), path):
        return None
    return _plain("This was shown to somebody else, or is gone. Reload the page that showed it.")


CHECKS: tuple[Callable[[HTTPConnection], Response | None], ...] = (
    *(_host, _origin, _reach, _path, _token, _handed),
    uploads.refused,
)


def _own_session(asked: HTTPConnection) -> Scope:
    """Streamlit resumes any session whose id is given (third sub-protocol); only its visitor may do so."""
    offered = asked.headers.get("sec-websocket-protocol", "").split(",")
    if len(offered) < 3 or _own(asked, offered[2].strip()):
        return asked.scope
    scope = {**asked.scope, "headers": [*asked.scope["headers"]]}
    MutableHeaders(scope=scope)["sec-websocket-protocol"] = ",".join(offered[:2])
    return scope


def _own(asked: HTTPConnection, session: str) -> bool:
    return bool(of_request(asked)) and VISITORS.of_session(session) == of_request(asked)


def _telling(asked: HTTPConnection, send: Send, *, refused: bool) -> Callable[[Message], Awaitable[None]]:
    """`send` with the headers added, and the visitor's cookie in the first response to a browser."""

    async def telling(message: Message) -> None:
        if message["type"] == "http.response.start":
            told = MutableHeaders(scope=message)
            host = "" if refused else asked.headers.get("host", "")
            told.update(headers.of(host, asked.scope["path"], secure=_secure(asked)))
            if not refused and not of_request(asked) and not asked.scope["path"].startswith("/static/"):
                told.append("set-cookie", _visitor_cookie(secure=_secure(asked)))
        await send(message)

    return telling


def _visitor_cookie(*, secure: bool) -> str:
    """Lax, not strict: arriving by a link, or back from the log-in, must not create a new visitor."""
    answer = Response()
    answer.set_cookie(
        COOKIE, secrets.token_hex(16), max_age=MONTH, httponly=True, samesite="lax", secure=secure
    )
    return answer.headers["set-cookie"]


def _key_cookie(token: str) -> tuple[str, str]:
    """The cookie's name, which no other app on this machine uses, and its value."""
    name, value = (sha256(f"{what} {token}".encode()).hexdigest() for what in ("name", "value"))
    return f"suture_key_{name[:8]}", value


def _secure(asked: HTTPConnection) -> bool:
    """Whether the browser uses TLS, to this server or to a proxy in front of it."""
    if asked.headers.get("x-forwarded-proto") == "https":
        return True
    return asked.scope["scheme"] in ("https", "wss")


def _name(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _plain(words: str, status: int = 403) -> Response:
    return PlainTextResponse(words, status)


def _ask_for_token() -> Response:
    return HTMLResponse(ASK, 403)
