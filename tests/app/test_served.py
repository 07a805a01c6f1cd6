"""Columns, cards and pictures over HTTP: who knows the address gets them, nobody else gets anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from suture.data.workspace import SET, Workspace
from suture.pages.components.serving import columns, scripts, study_files
from suture.pages.components.serving.columns import Columns


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=[*columns.routes(), *scripts.routes(), *study_files.routes()]))


@pytest.fixture
def demo(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SUTURE_HOME", str(demo_home))
    return Workspace(demo_home)


def test_a_column_comes_back_little_endian_and_may_be_kept(client: TestClient) -> None:
    values = np.arange(5, dtype=">f4")
    answer = client.get(columns.address(values))
    assert answer.status_code == 200
    np.testing.assert_array_equal(np.frombuffer(answer.content, "<f4"), values)
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_an_unknown_column_is_not_found(client: TestClient) -> None:
    assert client.get("/column/00.bin").status_code == 404


def test_equal_content_has_one_address_and_another_server_has_another() -> None:
    kept, other = Columns(), Columns()
    assert kept.put(np.zeros(3)) == kept.put(np.zeros(3)) != kept.put(np.ones(3))
    assert kept.put(np.zeros(3)) != other.put(np.zeros(3))


def test_a_script_is_fetched_once_and_keeps_its_address(client: TestClient, tmp_path: Path) -> None:
    parts = [tmp_path / "one.js", tmp_path / "two.js"]
    for part in parts:
        part.write_text(f"const {part.stem} = 1;")
    loader = scripts.script(parts)
    assert loader == scripts.script(parts)
    address = loader.split('"')[1]
    answer = client.get(address)
    assert answer.text == "const one = 1;\nconst two = 1;"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert client.get("/script/none.js").status_code == 404


def test_the_least_recently_used_columns_go_first() -> None:
    kept = Columns(limit=24)
    key = [kept.put(np.full(1, i, float)).split("/")[-1].removesuffix(".bin") for i in range(3)]
    kept.get(key[0])
    kept.put(np.full(1, 9.0))
    assert [kept.get(k) is not None for k in key] == [True, False, True]
    large = kept.put(np.zeros(100)).split("/")[-1].removesuffix(".bin")
    assert kept.get(large) is not None
    assert kept.get(key[0]) is None


def test_a_card_says_who_the_study_is_and_is_not_stored(client: TestClient, demo: Workspace) -> None:
    record = demo.records(SET)[0]
    answer = client.get(f"/card/{record.id}/0/3.json")
    card = answer.json()
    assert card["id"]
    assert 20 < len(card["text"]) <= study_files.EXCERPT
    assert answer.headers["cache-control"] == "no-store"
    picture = client.get(f"/thumb/{record.id}/0/3.jpg")
    assert picture.content.startswith(b"\xff\xd8")
    assert picture.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/card/{}/0/999999.json", "/card/{}/99/0.json", "/thumb/{}/0/999999.jpg"])
def test_a_row_or_split_that_is_not_there_is_not_found(
    client: TestClient, demo: Workspace, path: str
) -> None:
    assert client.get(path.format(demo.records(SET)[0].id)).status_code == 404
    assert client.get(path.format("0" * 32)).status_code == 404
