"""The token cache: tokens in memory-mapped files, and keys, equal to those made in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from suture.data.collection import Collection, Modality
from suture.data.collections import storage
from suture.data.embedding_set import identity_rows
from suture.data.workspace import COLLECTION, Record, Workspace
from suture.models import builtin
from suture.models.checkpoints import registry
from suture.models.checkpoints.encoders import Encoder
from suture.models.training import token_cache
from suture.models.training.batches import row_keys
from suture.models.training.loop import start_fabric
from tests.models.training_runs import NAME


@pytest.fixture(scope="module")
def encoder(tiny_home: Path) -> Encoder:
    return registry.load(Workspace(tiny_home), builtin.UNTRAINED, device="cpu").encoders["text"]


@pytest.fixture
def record(tiny_home: Path, monkeypatch: pytest.MonkeyPatch) -> Record:
    """The tiny collection, read a few studies at a time."""
    monkeypatch.setattr(storage, "BLOCK", 7)
    return Workspace(tiny_home).record(COLLECTION, NAME)


def test_blocks_are_the_collection(record: Record) -> None:
    whole, parts = storage.read(record), [*storage.blocks(record)]
    assert {len(p) for p in parts[:-1]} == {7}
    joined = pd.concat([p.table for p in parts], ignore_index=True)
    pd.testing.assert_frame_equal(joined, whole.table)
    assert all(p.modalities == whole.modalities for p in parts)


def test_an_outline_knows_all_but_the_words(record: Record) -> None:
    whole, outline = storage.read(record), storage.load_without_texts(record)
    spoken = [m.name for m in whole.modalities if m.kind == "text"]
    assert spoken
    pd.testing.assert_frame_equal(outline.table.drop(columns=spoken), whole.table.drop(columns=spoken))
    for modality in whole.modalities:
        assert np.array_equal(outline.present(modality), whole.present(modality))
    assert {*outline.table[spoken].to_numpy().ravel()} <= {"", "-"}


def test_tokens_and_keys_are_those_of_all_texts_at_once(
    record: Record, encoder: Encoder, tmp_path: Path
) -> None:
    whole, fabric = storage.read(record), start_fabric("float32", "cpu")
    told = token_cache.cache_tokens(storage.blocks(record), whole.modalities, encoder, tmp_path, fabric)
    for modality in (m for m in whole.modalities if m.kind == "text"):
        expected = encoder.prepare(whole.table[modality.name].tolist())[0]
        tokens = told.tokens[modality.name]
        assert isinstance(tokens, np.memmap)
        assert torch.equal(torch.from_numpy(np.array(tokens)).long(), expected.long())
    names = [m.name for m in whole.modalities]
    assert np.array_equal(told.keys, row_keys(identity_rows(whole), names))
    again = token_cache.cache_tokens(
        storage.blocks(record), whole.modalities, None, tmp_path, fabric
    )  # nothing is rewritten
    assert all(np.array_equal(again.tokens[m], told.tokens[m]) for m in told.tokens)
    token_cache.delete_tokens(tmp_path)
    assert not [*tmp_path.iterdir()]


def test_memory_does_not_grow_with_the_texts(encoder: Encoder, tmp_path: Path) -> None:
    """Of 1,500 characters per study, only the key stays in memory; the tokens are in a file."""
    modalities = (Modality("image", "image"), Modality("report", "text"))

    def blocks(n: int) -> Iterator[Collection]:
        for start in range(0, n, 32):
            ids = [f"{i:06d}" for i in range(start, start + 32)]
            table = pd.DataFrame({"study_id": ids, "group": ids, "split": "train", "duplicate_group": ""})
            said = [f"report {i} {' ' * 1500} ends" for i in ids]
            yield Collection("c", table.assign(image=0, report=said), modalities)

    def peak(n: int) -> int:
        place = tmp_path / str(n)
        place.mkdir()
        fabric = start_fabric("float32", "cpu")
        tracemalloc.start()
        try:
            told = token_cache.cache_tokens(blocks(n), modalities, encoder, place, fabric)
            assert told.keys.shape == (2, n)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(32)
    assert (peak(768) - peak(256)) / 512 < 750
