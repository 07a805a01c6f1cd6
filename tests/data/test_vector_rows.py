"""Which imported rows have the same text, and what is said of ids that are Python objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from suture.data.embedding_set import EmbeddingSet, text_digest
from suture.data.errors import Refused
from suture.data.vectors import import_vectors
from suture.data.vectors.blocks import InMemory
from suture.data.vectors.rows import equal_rows
from suture.data.workspace import Workspace, embedding_sets
from suture.library.evaluation import evaluate, evaluate_set


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def few_texts(n: int = 120, texts: int = 6, dim: int = 16) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(images, texts, number of each row's text): images lie near the vector of their text."""
    random = np.random.default_rng(3)
    which = np.arange(n) % texts
    centres = unit(random.normal(size=(texts, dim)))
    return centres[which] + 0.05 * random.normal(size=(n, dim)), centres[which], which


def imported(workspace: Workspace, folder: Path, name: str, **arrays: np.ndarray) -> EmbeddingSet:
    np.savez(folder / f"{name}.npz", **arrays)
    report = import_vectors(workspace, [folder / f"{name}.npz"], name)
    assert report.refused is None, report.message
    return embedding_sets.load(workspace, name)


@pytest.mark.parametrize("noise", [0, 1e-7, 1e-6])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_texts_that_differ_by_rounding_are_equal(noise: float, kind: type) -> None:
    _, texts, which = few_texts()
    rounded = unit(texts + noise * np.random.default_rng(0).normal(size=texts.shape)).astype(kind)
    np.testing.assert_array_equal(equal_rows(InMemory(rounded)), which)


def test_rows_that_differ_are_told_apart_and_zeros_are_no_text() -> None:
    random = np.random.default_rng(1)
    rows = unit(random.normal(size=(500, 8)))
    near = unit(rows + 5e-3 * random.normal(size=rows.shape))
    numbers = equal_rows(InMemory(np.concatenate([rows, near, np.zeros((3, 8))])))
    assert numbers.tolist() == [*range(1000), -1, -1, -1]


def test_no_edge_parts_equal_rows() -> None:
    """In a plane, rows on a circle closer than rounding to their twins, wherever the edges are."""
    angles = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    twins = np.stack([np.cos(angles + 1e-7), np.sin(angles + 1e-7)], axis=1)
    numbers = equal_rows(InMemory(np.concatenate([rows, twins])))
    assert (numbers[:20_000] == numbers[20_000:]).all()


@pytest.mark.parametrize("noise", [1e-7, 1e-6])
def test_noise_of_an_encoder_changes_no_recall(workspace: Workspace, tmp_path: Path, noise: float) -> None:
    images, texts, _ = few_texts()
    moved = texts + noise * np.random.default_rng(0).normal(size=texts.shape)
    recalls = []
    for name, rows in (("same", texts), ("noisy", moved)):
        imported(workspace, tmp_path, name, image=images, text=rows)
        for result in (
            evaluate({"image": images, "text": rows}, resamples=20),
            evaluate_set(workspace, name, resamples=20),
        ):
            frame = result.to_frame()
            told = frame[(frame["metric"] == "recall_at_1") & (frame["protocol"] != "strict")]
            recalls.append(told["value"].tolist())  # strict counts other rows of equal texts as wrong
    assert all(found == recalls[0] for found in recalls)
    assert recalls[0] == [1, 1, 1, 1]


def test_a_column_of_texts_says_which_are_equal_and_is_not_kept(workspace: Workspace, tmp_path: Path) -> None:
    images, texts, which = few_texts()
    said = np.array([f"Report  number {i}." for i in which])
    said[0] = ""
    kept = imported(workspace, tmp_path, "v", image=images, text=texts, **{"text:text": said})
    keys = kept.rows["key:text"].tolist()
    assert keys == ["", *(text_digest(f"Report  number {i}.") for i in which[1:])]
    assert kept.labels == []
    assert "Report" not in "".join(kept.rows.astype(str).to_numpy().ravel())


def test_a_column_of_texts_of_no_modality_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    images, texts, which = few_texts()
    np.savez(tmp_path / "v.npz", image=images, text=texts, **{"text:report": which.astype(str)})
    report = import_vectors(workspace, [tmp_path / "v.npz"], "v")
    assert report.refused == "unknown_modality"
    assert "'report'" in report.message


def test_ids_of_objects_are_answered_with_what_to_do(workspace: Workspace, tmp_path: Path) -> None:
    images, texts, which = few_texts()
    np.savez(tmp_path / "v.npz", image=images, text=texts, ids=np.array([*map(str, which)], dtype=object))
    report = import_vectors(workspace, [tmp_path / "v.npz"], "v")
    assert report.refused == "npy_object_dtype"
    assert "'ids'" in report.message
    assert "dtype=str" in report.message
    np.savez(tmp_path / "w.npz", image=np.array([[1.0], [1.0, 2.0]], dtype=object), text=texts)
    assert "rows of one length" in import_vectors(workspace, [tmp_path / "w.npz"], "w").message


def test_one_study_is_too_few_everywhere(workspace: Workspace, tmp_path: Path) -> None:
    arrays = {"image": np.ones((1, 4)), "text": np.eye(1, 4)}
    imported(workspace, tmp_path, "one", **arrays)
    for measure in (lambda: evaluate_set(workspace, "one"), lambda: evaluate(arrays, resamples=20)):
        with pytest.raises(Refused) as refused:
            measure()
        assert refused.value.code == "too_few_rows"
