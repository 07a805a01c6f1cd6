"""Files to take away: readable names, one address for one content, none that a spreadsheet runs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]


def _two() -> None:
    import streamlit as st

    from suture.pages.components.cards.downloads import offer_download

    head = b"a" * 700_000
    for i, middle in enumerate((b"b" * 1000, b"c" * 1000)):
        offer_download(st.container(), "Gap", head + middle + head, "the gap.csv", "text/csv", key=f"{i}")


def test_large_files_that_differ_in_between_have_two_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit.delta_generator import DeltaGenerator

    seen: list[str] = []
    real = DeltaGenerator.download_button

    def watched(place: DeltaGenerator, label: str, data: bytes, name: str, *more: str, **how: object) -> bool:
        seen.append(name)
        return real(place, label, data, name, *more, **how)

    monkeypatch.setattr(DeltaGenerator, "download_button", watched)
    app = AppTest.from_function(_two).run()
    assert not app.exception
    assert all(re.fullmatch(r"the gap-[0-9a-f]{8}\.csv", name) for name in seen)
    assert len(set(seen)) == 2
    app.run()
    assert seen[2:] == seen[:2]
    AppTest.from_function(_two).run()
    assert not set(seen[4:]) & set(seen[:4])


def test_the_settings_that_keep_data_here() -> None:
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    server, client = settings["server"], settings["client"]
    assert server["address"] == "127.0.0.1"
    assert server["maxUploadSize"] <= 500
    assert (server["enableXsrfProtection"], server["enableCORS"]) == (True, True)
    assert server["enableStaticServing"] is False
    assert not {"enableAgentApi", "allowedHosts", "trustedUserHeaders"} & {*server}
    assert (client["showErrorDetails"], client["showErrorLinks"]) == ("none", False)
    assert (client["disableDataExport"], client["toolbarMode"]) == (True, "minimal")
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["logger"]["enableRich"] is False
