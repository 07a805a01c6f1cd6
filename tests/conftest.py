"""What several tests share: a workspace of their own, a demo that is built once, real studies."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from suture.data.workspace import Workspace

os.environ.setdefault("HF_HUB_OFFLINE", "1")
ROOT = Path(__file__).parents[1]
BESIDE = Path(os.environ.get("SUTURE_BESIDE") or ROOT.parent / "shared")  # not part of the project
# Longest first, so that workers end together. One worker builds the demo for the first file; the second file
# needs none.
ORDER = (
    *("tests/e2e/test_accessible.py", "tests/e2e/test_linked_map.py", "tests/packaging/test_installed"),
    *("tests/e2e/", "tests/models/", "tests/jobs/", "tests/packaging/"),
    *("tests/app/", "tests/library/", "tests/test_", "tests/data/", "tests/analysis/"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers of pytest-xdist take the next file of this order (`--dist loadfile`)."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    return next((n for n, start in enumerate(ORDER) if item.nodeid.startswith(start)), len(ORDER))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path / "home")


def beside(*parts: str) -> Path:
    """A path in the folder beside the project (or SUTURE_BESIDE); the test is skipped where it is absent."""
    path = BESIDE.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{'/'.join(parts)} is not beside this checkout")
    return path


@pytest.fixture(scope="session")
def demo_built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo, built by whichever worker comes first: 400 studies, both built-in checkpoints, maps.

    Nobody opens it: tests take copies.
    """
    from suture.workflows.demo import prepare

    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if hasattr(request.config, "workerinput") else folder  # that of all workers
    built = folder / "demo_built"
    with FileLock(folder / "demo_built.lock"):
        if not built.exists():
            prepare(Workspace(folder / "demo_in_work"), lambda what, share: None, studies=400)
            (folder / "demo_in_work").rename(built)
    return built


@pytest.fixture(scope="session")
def demo_home(demo_built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo that the tests of this process share."""
    return Path(shutil.copytree(demo_built, tmp_path_factory.mktemp("demo") / "home"))


@pytest.fixture(scope="module")
def forked_jobs() -> Iterator[None]:
    """Jobs that this module starts run in processes of `tests.forked_jobs`."""
    from tests.forked_jobs import wake

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("suture.jobs.wake", wake)
        patch.setattr("suture.jobs.queue.wake", wake)
        yield
