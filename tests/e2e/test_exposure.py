"""What the real server answers to strangers: other names, other sites, other visitors, other machines."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.e2e.serving import BROWSER, ROOT, settled

pytestmark = [*BROWSER, pytest.mark.timeout(600)]
ALL = ("overview", "map", "gap", "compare", "retrieval", "my_studies", "train", "report", "library")


@pytest.fixture
def page(window: Browser) -> Iterator[Page]:
    context = window.new_context()
    yield context.new_page()
    context.close()


def raw(url: str, request: str) -> tuple[int, str]:
    """Status and head of the answer to exactly these bytes."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(request.encode())
        head = line.recv(65536).decode("latin-1").partition("\r\n\r\n")[0]
    return int(head.split()[1]), head


def get(url: str, path: str, **named: str) -> tuple[int, str]:
    told = {"Host": url.removeprefix("http://"), "Connection": "close", **named}
    return raw(url, f"GET {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in told.items()) + "\r\n")


@pytest.mark.slow  # 45 s: ten pages
def test_every_page_works_under_the_policy_and_asks_only_this_server(url: str, page: Page) -> None:
    wrong: list[str] = []
    page.on("console", lambda m: wrong.append(m.text) if "Security Policy" in m.text else None)
    page.on("response", lambda r: wrong.append(r.url) if r.status == 403 or r.status >= 500 else None)
    here = (url, "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(here) else wrong.append(r.url))
    for name in ALL:
        page.goto(f"{url}/{name}")
        settled(page)
        assert page.locator('[data-testid="stException"]').count() == 0
    assert wrong == []


@pytest.mark.parametrize("path", ["/", "/media/x.png", "/static/x.js", "/column/x.bin", "/_stcore/health"])
def test_every_answer_has_the_headers_and_another_name_gets_none(url: str, path: str) -> None:
    _, head = get(url, path)
    for told in ("frame-ancestors 'none'", "nosniff", "no-referrer"):
        assert told in head
    assert get(url, path, Host="evil.example")[0] == 403


def test_a_connection_from_another_site_or_name_is_refused_at_once(url: str) -> None:
    stream = url.replace("http", "ws") + "/_stcore/stream"
    with connect(stream, origin=url, open_timeout=5):
        pass
    with pytest.raises(InvalidStatus), connect(stream, origin="http://evil.example", open_timeout=5):
        pass
    told = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    told += "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: http://evil.example\r\n"
    head = "GET /_stcore/stream HTTP/1.1\r\nHost: evil.example\r\n"
    assert raw(url, f"{head}{told}\r\n")[0] == 403


def test_what_a_page_showed_is_refused_without_its_visitors_cookie(url: str, page: Page) -> None:
    shown: list[str] = []
    for name, part in (("map", "/column/"), ("retrieval", "/media/")):
        with page.expect_response(lambda r, at=url + part: r.url.startswith(at), timeout=120_000) as waited:
            page.goto(f"{url}/{name}")
        shown.append(waited.value.url)
    mine = "; ".join(f"{c['name']}={c['value']}" for c in page.context.cookies())
    other = re.search(r"suture_visitor=(\w+)", get(url, "/")[1])
    assert other is not None
    for address in shown:
        path = address.removeprefix(url)
        assert get(url, path)[0] == 403
        assert get(url, path, Cookie=f"suture_visitor={other[1]}")[0] == 403
        assert get(url, path, Cookie=mine)[0] == 200


def test_metrics_are_closed(url: str) -> None:
    assert get(url, "/_stcore/metrics")[0] == 404


@pytest.mark.parametrize("run", ["streamlit", "suture"])
@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_without_a_login_the_app_does_not_listen_to_other_machines(
    run: str, address: str, tmp_path: Path
) -> None:
    streamlit = ("-m", "streamlit", "run", "app.py", "--server.port", "0", "--server.address", address)
    suture = ("-m", "suture.cli", "app", "--port", "8599", "--host", address)
    ended = subprocess.run(
        [sys.executable, *(streamlit if run == "streamlit" else suture)],
        cwd=ROOT,
        env={**os.environ, "SUTURE_HOME": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode != 0
    assert "docs/deployment.md" in ended.stderr
