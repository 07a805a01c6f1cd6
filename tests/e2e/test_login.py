"""Two people log in at a provider of this machine, in real browsers: neither sees what is the other's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from suture.data.vectors import import_vectors
from suture.data.workspace import SET, Workspace
from suture.pages.components.access.identity import person
from tests.e2e.identity_provider import providing
from tests.e2e.serving import BROWSER, free_port, serving, settled

pytest.importorskip("authlib")
pytestmark = [*BROWSER, pytest.mark.timeout(600)]
SECRETS = """[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "{secret}"
client_id = "suture"
client_secret = "known to the provider"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""
NAME = "mine"


class Place:
    """The app's address, its workspace, and who is who there."""

    def __init__(self, url: str, provider: str, home: Path) -> None:
        self.url, self._provider, self.home = url, provider, home

    def workspace(self, who: str) -> Workspace:
        """The workspace of a person."""
        claims = {"is_logged_in": True, "iss": self._provider, "sub": who, "exp": time.time() + 60}
        return Workspace(self.home, owner=person(claims, [], time.time()).owner)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder, port = tmp_path_factory.mktemp("login"), free_port()
    home = folder / "home"
    with providing() as provider:
        url = f"http://127.0.0.1:{port}"
        (folder / ".streamlit").mkdir()
        written = SECRETS.format(url=url, provider=provider, secret="s" * 40)
        (folder / ".streamlit" / "secrets.toml").write_text(written)
        found = Place(url, provider, home)
        for who in ("ann", "bob"):
            rng = np.random.default_rng(ord(who[0]))
            x = rng.normal(size=(60, 8))
            table = {"image": x + 1, "text": x - 1, "whose": np.array([f"label of {who}"] * 60)}
            np.savez(folder / f"{who}.npz", **table)
            assert import_vectors(found.workspace(who), [folder / f"{who}.npz"], NAME).refused is None
        users = "ann@clinic.example, bob@clinic.example, sub:eve"
        with serving(home, port=port, HOME=str(folder), SUTURE_USERS=users):
            yield found


@contextmanager
def logged_in(window: Browser, place: Place, who: str) -> Iterator[Page]:
    context = window.new_context()
    page = context.new_page()
    page.goto(f"{place.url}/map")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=who).click()
    expect(page.get_by_text(f"{who}@clinic.example")).to_be_visible(timeout=120_000)
    yield page
    context.close()


def test_without_a_login_a_page_shows_nothing_but_the_way_in(window: Browser, place: Place) -> None:
    page = window.new_page()
    page.goto(f"{place.url}/library?a={NAME}")
    expect(page.get_by_text("Please log in.")).to_be_visible(timeout=120_000)
    assert NAME not in page.inner_text("body")
    page.close()


def test_two_people_with_the_same_names_see_their_own(window: Browser, place: Place) -> None:
    with logged_in(window, place, "ann") as ann, logged_in(window, place, "bob") as bob:
        fetched: dict[Page, set[str]] = {ann: set(), bob: set()}
        for page, addresses in fetched.items():
            page.on("response", lambda r, found=addresses: found.add(r.url) if r.status == 200 else None)
        for page, who in ((ann, "ann"), (bob, "bob")):
            page.goto(f"{place.url}/map")
            settled(page)
            page.goto(f"{place.url}/overview")
            settled(page)
            page.goto(f"{place.url}/library")
            settled(page)
            page.get_by_role("tab", name="Embedding sets").click()
            expect(page.get_by_role("tabpanel").get_by_text(NAME).first).to_be_visible()
            record = place.workspace(who).record(SET, NAME)
            card = page.request.get(f"{place.url}/card/{record.id}/0/3.json")
            assert card.status == 200
            other = place.workspace("bob" if who == "ann" else "ann").record(SET, NAME)
            assert page.request.get(f"{place.url}/card/{other.id}/0/3.json").status in (403, 404)
        own = fetched[ann] - fetched[bob]
        given = [address for address in own if address.split("/")[3] in ("media", "column")]
        assert given
        for address in given:
            assert bob.request.get(address).status == 403


@pytest.mark.slow  # waits for the end
def test_a_login_that_has_ended_ends_the_visit(window: Browser, place: Place) -> None:
    with logged_in(window, place, "eve") as page:
        page.wait_for_timeout(12_000)
        page.get_by_role("link", name="Library", exact=True).click()
        expect(page.get_by_text("The log-in has ended")).to_be_visible(timeout=120_000)


def test_who_logs_out_is_out(window: Browser, place: Place) -> None:
    with logged_in(window, place, "ann") as page:
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_text("Please log in.")).to_be_visible(timeout=120_000)


def test_the_log_names_nobody(place: Place) -> None:
    lines = (place.home / "logs" / "app.log").read_text()
    assert "clinic" not in lines
    assert all("time" in json.loads(line) for line in lines.splitlines())
