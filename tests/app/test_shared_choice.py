"""The split that pages start with."""

from __future__ import annotations

import pytest

from suture.pages.components.shell.shared_choice import default_split


@pytest.mark.parametrize(
    ("splits", "first"),
    [
        (["all", "train", "test"], "test"),
        (["all", "Train", "TESTING"], "TESTING"),
        (["all", "train", "holdout"], "holdout"),
        (["all", "fold 1"], "all"),
    ],
)
def test_pages_start_with_the_test_split_in_whatever_words(splits: list[str], first: str) -> None:
    assert default_split(splits) == first
