"""Pages wait for jobs without the start of a Python for each."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def _quick_jobs(forked_jobs: None) -> None:
    """For every page."""
