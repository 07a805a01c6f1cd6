"""The workspace that training tests share: 120 synthetic studies, a few without a history."""

from __future__ import annotations

from pathlib import Path

import pytest

from suture.data.workspace import Workspace
from suture.workflows import demo
from tests.models.training_runs import NAME


@pytest.fixture(scope="session")
def tiny_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Created once; each test publishes under its own names."""
    home = tmp_path_factory.mktemp("training")
    demo.make_collection(Workspace(home), lambda what, share: None, studies=120, name=NAME)
    return home


@pytest.fixture
def tiny(tiny_home: Path) -> Workspace:
    """The shared workspace."""
    return Workspace(tiny_home)
