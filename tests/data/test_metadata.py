"""Metadata of records: what is read is written again, whatever version wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from suture.data.metadata import CollectionMetadata, EmbeddingSetMetadata, Metadata
from suture.data.workspace.record import METADATA

WRITTEN: dict[str, dict[str, Any]] = {
    "collection": {
        "modalities": [{"name": "image", "kind": "image", "columns": ["image"]}],
        "labels": ["finding"],
        "synthetic": False,
        "notes": {"split": "by group", "seed": 0},
        "n": 3,
        "report": {"skipped": {"image_small": 2}, "problems": [["a.png", "image_small", "Too small."]]},
        "job": "abc",
    },
    "checkpoint": {
        "location": "ViT-B-32",
        "download": False,
        "source": "built-in",
        "notes": ["One."],
        "training": {"collection": "demo", "fit_splits": ["train"]},
        "versions": {"torch": "2"},
    },
    "set": {
        "n": 3,
        "collection": "",
        "synthetic": False,
        "comparable": True,
        "adapter": {
            "method": "ridge",
            "title": "Ridge",
            "fit_split": "train",
            "score_splits": [],
            "strength": 0.5,
            "options": {"ridge": 1.0},
            "source_set": "x @ y",
        },
        "modalities": ["image", "report"],
    },
    "selection": {"of": "c", "of_id": "1", "n": 2, "how": "words: effusion"},
    "captioner": {
        "set": "x @ y",
        "set_fingerprint": "f",
        "source": "text",
        "seed": 0,
        "config": {"epochs": 2},
        "synthetic": True,
    },
}


@pytest.mark.parametrize("kind", METADATA)
def test_what_is_read_is_written_again(kind: str) -> None:
    content = WRITTEN[kind]
    read = METADATA[kind].from_json(content)
    assert read.to_json() == content
    assert list(read.to_json()) == list(content), "in the same order"
    assert not read.extra


@pytest.mark.parametrize("kind", METADATA)
def test_unknown_and_strange_keys_survive(kind: str) -> None:
    strange = {**WRITTEN[kind], "later": {"a": [1]}, "job": None, "training": "a word"}
    read = METADATA[kind].from_json(strange)
    assert read.to_json() == strange
    assert read.job is None


def test_a_record_that_says_nothing_can_be_read() -> None:
    assert METADATA.keys() == WRITTEN.keys()
    assert EmbeddingSetMetadata.from_json({}).shares_space
    assert not EmbeddingSetMetadata.from_json({"comparable": False}).shares_space
    assert CollectionMetadata.from_json({}).report.skipped == {}
    assert Metadata.from_json({"x": 1}).to_json() == {"x": 1}
