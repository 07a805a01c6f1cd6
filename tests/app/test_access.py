"""The gate in front of Streamlit, the visitors' notes, and whom a log-in names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.testing.v1 import AppTest

from suture.data.workspace import log as logbook
from suture.pages.components.access import identity, media, settings, uploads
from suture.pages.components.access.gate import Gate
from suture.pages.components.access.visitors import COOKIE, VISITORS, Visitors

ME, OTHER = "a" * 32, "b" * 32
URL = "http://127.0.0.1:8501"
STREAM = "ws://127.0.0.1:8501/_stcore/stream"
CLAIMS = {"is_logged_in": True, "iss": "https://id.example", "sub": "7", "exp": 100.0}


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(socket.headers.get("sec-websocket-protocol", ""))
    await socket.close()


async def _fault(request: object) -> None:
    raise ValueError("Mrs Example, born 1931")


@pytest.fixture
def client() -> TestClient:
    fine = Route("/{path:path}", lambda r: PlainTextResponse("in"), methods=["GET", "PUT", "DELETE", "POST"])
    routes = [Route("/fault", _fault), WebSocketRoute("/_stcore/stream", _echo), fine]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Gate)]), URL)


def test_an_answer_brings_the_headers_and_the_first_one_a_cookie_that_no_script_reads(
    client: TestClient,
) -> None:
    answer = client.get("/gap")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert re.search(rf"{COOKIE}=[0-9a-f]{{32}}; HttpOnly; .*SameSite=lax", answer.headers["set-cookie"])
    assert "set-cookie" not in client.get("/gap").headers


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1", "x@127.0.0.1.nip.io"])
def test_another_name_is_refused_everywhere(client: TestClient, host: str) -> None:
    for path in ("/", "/media/x.png", "/_stcore/health", "/static/a.js"):
        assert client.get(path, headers={"host": host}).status_code == 403


def test_a_name_that_was_allowed_is_answered(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUTURE_HOSTS", "Suture.Example, other.example")
    assert client.get("/", headers={"host": "suture.example:443"}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999"])
def test_another_sites_page_opens_no_connection(client: TestClient, origin: str) -> None:
    with client.websocket_connect(STREAM, headers={"origin": URL}):
        pass
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(STREAM, headers={"origin": origin}):
        pass
    assert client.put(f"{uploads.PATH}s/1", headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_stcore/metrics", 404),
        ("GET", "/_stcore/script-health-check", 404),
        ("POST", "/_stcore/agent/mcp", 404),
        ("POST", "/gap", 405),
        ("GET", "/_stcore/health", 200),
    ],
)
def test_only_what_pages_need_is_open(client: TestClient, method: str, path: str, status: int) -> None:
    assert client.request(method, path).status_code == status


def test_what_was_shown_to_one_visitor_is_refused_to_others(client: TestClient) -> None:
    VISITORS.enter("one", ME, "", float("inf"))
    VISITORS.enter("two", OTHER, "", float("inf"))
    VISITORS.give(ME, "/media/x.png")
    VISITORS.give(ME, "/card/abc/0/{i}.json")
    for path in ("/media/x.png", "/card/abc/0/17.json"):
        assert client.get(path).status_code == 403
        assert client.get(path, headers={"cookie": f"{COOKIE}={OTHER}"}).status_code == 403
        mine = client.get(path, headers={"cookie": f"{COOKIE}={ME}"})
        assert mine.status_code == 200
    assert client.get("/card/abd/0/17.json", headers={"cookie": f"{COOKIE}={ME}"}).status_code == 403


def test_an_upload_goes_to_ones_own_session_and_fits_into_memory(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    VISITORS.enter("mine", ME, "", float("inf"))
    mine, other = {"cookie": f"{COOKIE}={ME}"}, {"cookie": f"{COOKIE}={OTHER}"}
    path = f"{uploads.PATH}mine/1"
    assert client.put(path, content=b"12", headers=mine).status_code == 200
    assert client.put(path, content=b"12", headers=other).status_code == 403
    assert client.delete(path, headers=other).status_code == 403
    assert client.put(path, content=iter([b"12"]), headers=mine).status_code == 411
    monkeypatch.setenv("SUTURE_UPLOADS_MB", "1")
    assert client.put(path, content=bytes(2**20 + 1), headers=mine).status_code == 413


def test_a_session_is_resumed_by_its_own_visitor_only(client: TestClient) -> None:
    VISITORS.enter("session", ME, "", float("inf"))
    heard = []
    for who in (ME, OTHER):
        asked = {"sec-websocket-protocol": "streamlit, xsrf, session", "cookie": f"{COOKIE}={who}"}
        with client.websocket_connect(STREAM, headers=asked) as socket:
            heard.append(socket.receive_text().replace(" ", ""))
    assert heard == ["streamlit,xsrf,session", "streamlit,xsrf"]


def test_the_token_is_asked_for_once(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUTURE_TOKEN", "s3cret")
    for path in ("/", "/static/a.js", "/?token=wrong"):
        assert client.get(path).status_code == 403
    brought = client.get("/gap?token=s3cret&a=x", follow_redirects=False)
    assert (brought.status_code, brought.headers["location"]) == (303, "/gap?a=x")
    assert "s3cret" not in brought.headers["set-cookie"]
    assert client.get("/gap").status_code == 200


def test_without_a_login_only_this_machine_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUTURE_HOSTS", "10.0.0.5")
    app = Starlette(routes=[Route("/", lambda r: PlainTextResponse("in"))], middleware=[Middleware(Gate)])
    outside = TestClient(app, "http://10.0.0.5")
    assert "docs/deployment.md" in outside.get("/").text
    monkeypatch.setattr(settings, "login_required", lambda: True)
    assert outside.get("/").status_code == 200


def test_a_fault_says_a_number_and_the_log_says_where(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUTURE_HOME", str(tmp_path))
    answer = client.get("/fault")
    log = tmp_path / "logs" / logbook.FILE
    line = json.loads(log.read_text())
    assert line["incident"] in answer.text
    assert line["exception"] == "ValueError"
    assert any(":_fault:" in frame for frame in line["stack"])
    assert "Example" not in log.read_text() + answer.text
    assert "content-security-policy" in answer.headers
    assert log.stat().st_mode & 0o077 == 0


def _faulty_page() -> None:
    from suture.data.errors import Refused
    from suture.pages.components.access.incidents import on_script_error

    for fault in (ValueError("Mrs Example"), Refused("table_empty", "The table has no *rows*.")):
        on_script_error(fault)


def test_a_page_shows_a_number_or_what_to_do_and_never_the_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUTURE_HOME", str(tmp_path))
    app = AppTest.from_function(_faulty_page).run()
    assert re.search(r"incident [0-9a-f]{8}", app.error[0].value)
    assert [t.value for t in app.text] == ["The table has no *rows*."]
    assert "Example" not in f"{app.error} {(tmp_path / 'logs' / logbook.FILE).read_text()}"


def test_the_log_takes_codes_and_counts_but_no_words(tmp_path: Path) -> None:
    logbook.write(tmp_path, {"action": "import", "counts": {"zip_corrupt": 3}, "text": "No effusion."})
    line = json.loads((tmp_path / "logs" / logbook.FILE).read_text())
    assert (line["counts"], line["text"]) == ({"zip_corrupt": 3}, "?")


def test_files_are_noted_for_whom_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    notes = Visitors()
    monkeypatch.setattr(media, "VISITORS", notes)
    monkeypatch.setattr(media, "visitor", lambda: ME)
    manager = MediaFileManager(MemoryMediaFileStorage("/media"))
    media.watch(manager)
    notes.enter("s", ME, "", float("inf"))
    notes.enter("t", OTHER, "", float("inf"))
    made = manager.add(b"now", "text/csv", "1")
    promise = manager.add_deferred(lambda: b"later", "text/csv", "2", "x.csv")
    monkeypatch.setattr(media, "visitor", lambda: "")  # the click is served by another thread
    for address in (made, manager.execute_deferred(promise)):
        assert notes.may_fetch(ME, address)
        assert not notes.may_fetch(OTHER, address)


def test_old_notes_go_first() -> None:
    notes = Visitors(limit=2)
    notes.enter("s", ME, "", float("inf"))
    for name in "abc":
        notes.give(ME, f"/media/{name}")
    assert [notes.may_fetch(ME, f"/media/{name}") for name in "abc"] == [False, True, True]


def test_who_left_or_whose_login_ended_fetches_nothing() -> None:
    notes = Visitors()
    for until in (0.0, float("inf")):
        notes.enter("s", ME, "owner", until)
        notes.give(ME, "/media/x")
        assert notes.may_fetch(ME, "/media/x") == (until > 0)
    notes.leave(ME)
    assert not notes.may_fetch(ME, "/media/x")


def test_an_owner_is_the_issuers_subject_and_nothing_else() -> None:
    first = identity.person(CLAIMS, [], 0.0)
    assert re.fullmatch("[0-9a-f]{32}", first.owner)
    assert identity.person({**CLAIMS, "email": "x@y.z"}, [], 0.0).owner == first.owner
    for other in ({"sub": "8"}, {"iss": "https://elsewhere.example"}):
        assert identity.person({**CLAIMS, **other}, [], 0.0).owner != first.owner


@pytest.mark.parametrize("claims", [{}, {**CLAIMS, "is_logged_in": False}, {**CLAIMS, "sub": ""}])
def test_without_a_login_nobody_comes_in(claims: dict) -> None:
    assert identity.person(claims, [], 0.0).refused


def test_a_login_ends_with_its_token_or_after_the_hours_that_were_set() -> None:
    assert not identity.person(CLAIMS, [], 99.0).refused
    assert "ended" in identity.person(CLAIMS, [], 100.0).refused
    assert not identity.person({**CLAIMS, "iat": 50}, [], 149.0, 100.0).refused
    assert "ended" in identity.person({**CLAIMS, "iat": 50}, [], 150.0, 100.0).refused


@pytest.mark.parametrize(
    ("rule", "claims", "admitted"),
    [
        ("ann@clinic.example", {"email": "Ann@Clinic.example", "email_verified": True}, True),
        ("ann@clinic.example", {"email": "ann@clinic.example"}, False),
        ("@clinic.example", {"email": "bob@clinic.example", "email_verified": True}, True),
        ("@clinic.example", {"email": "bob@evilclinic.example", "email_verified": True}, False),
        ("role:radiology", {"roles": ["radiology", "x"]}, True),
        ("role:radiology", {"groups": ["radio"]}, False),
        ("sub:7", {}, True),
        ("sub:", {"sub": ""}, False),
    ],
)
def test_rules_say_who_may_come_in(rule: str, claims: dict, admitted: bool) -> None:
    person = identity.person({**CLAIMS, **claims}, [rule], 0.0)
    assert (not person.refused) == admitted
