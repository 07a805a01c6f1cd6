"""What several tests share: a workspace of their own, real studies if they are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from suture.data.workspace import Workspace

os.environ.setdefault("HF_HUB_OFFLINE", "1")
BESIDE = Path(__file__).parents[2] / "shared"  # material that is not part of the project


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path / "home")


def beside(*parts: str) -> Path:
    """A path in the folder beside the project; the test is skipped where it is absent."""
    path = BESIDE.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{'/'.join(parts)} is not beside this checkout")
    return path


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a small demo: 400 synthetic studies, both built-in checkpoints, maps."""
    from suture.workflows.demo import prepare

    home = tmp_path_factory.mktemp("demo")
    prepare(Workspace(home), lambda what, share: None, studies=400)
    return home
