"""Heads on features of different widths: they find planted pairs, fold into plain arrays, never leak."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from suture.analysis.posthoc.heads import Heads
from suture.data.errors import Refused
from suture.data.vectors import import_vectors
from suture.data.workspace import SET, Workspace, embedding_sets
from suture.models.losses.config import preset
from suture.models.training import networks
from suture.models.training.heads import HeadShape
from suture.models.training.heads import folded_layers as folded
from suture.workflows.adapt_heads import DEFAULTS, adapt_heads
from suture.workflows.adapters import adapt_query, load_adapter
from suture.workflows.evaluate import evaluation

N, HIDDEN_FACTORS = 240, 6


def features(workspace: Workspace, folder: Path, *, related: bool = True, third: bool = False) -> str:
    """Two or three views of the same factors, each of its own width and far from the origin."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(N, HIDDEN_FACTORS))
    views = {"image": 40, "caption": 12, **({"history": 9} if third else {})}
    arrays = {}
    for name, width in views.items():
        seen = factors if related else rng.normal(size=factors.shape)
        arrays[name] = (seen @ rng.normal(size=(HIDDEN_FACTORS, width)) + 5).astype(np.float32)
    if third:
        arrays["present:history"] = np.arange(N) % 3 != 0
    splits = np.repeat(["train", "val", "test"], [140, 40, 60])
    np.savez(folder / "f.npz", **arrays, split=splits, kind=np.where(factors[:, 0] > 0, "a", "b"))
    name = "related" if related else "noise"
    report = import_vectors(workspace, [folder / "f.npz"], name, features=True)
    assert report.refused is None, report.message
    return name


def config(objective: str = "gap-closing", **changes: object):
    return replace(DEFAULTS, preset=objective, objective=preset(objective), batch=35, **changes)


def recall(workspace: Workspace, name: str) -> float:
    found = evaluation(workspace, name, split="test", resamples=20)
    metric = found.find("recall_at_5", direction="image->caption", protocol="strict")
    assert metric is not None
    return metric.value


@pytest.mark.parametrize("hidden", [0, 64])
def test_planted_pairs_are_found_on_held_out_rows(workspace: Workspace, tmp_path: Path, hidden: int) -> None:
    source = features(workspace, tmp_path)
    made = adapt_heads(workspace, source, config=config(), shape=HeadShape(16, hidden, 0.0))
    assert (made.fit_split, made.n_fit, made.score_split) == ("train", 140, "test")
    assert recall(workspace, made.name) > 0.9
    assert embedding_sets.load(workspace, made.name).comparable


def test_on_noise_held_out_rows_stay_at_chance(workspace: Workspace, tmp_path: Path) -> None:
    made = adapt_heads(workspace, features(workspace, tmp_path, related=False), config=config())
    assert recall(workspace, made.name) < 0.25  # 5 of 60 by chance


def test_three_modalities_of_three_widths_one_of_them_missing_at_times(
    workspace: Workspace, tmp_path: Path
) -> None:
    made = adapt_heads(workspace, features(workspace, tmp_path, third=True), config=config("clip"))
    result = embedding_sets.load(workspace, made.name)
    assert result.modalities == ["image", "caption", "history"]
    assert result.present("history").sum() == N - N // 3
    found = evaluation(workspace, made.name, split="test", resamples=20)
    assert found.find("cos_true_pairs", "caption", "history") is not None


@pytest.mark.parametrize("hidden", [0, 8])
def test_plain_arrays_do_what_the_network_does(hidden: int) -> None:
    torch.manual_seed(0)
    x = np.random.default_rng(0).normal(3, 2, size=(5, 7)).astype(np.float32)
    mean, deviation = x.mean(axis=0), 1.7
    network = networks.head(7, 4, hidden, 0.3).eval()
    layers = {f"{name}:image": value for name, value in folded(network, (mean, deviation)).items()}
    ours = Heads(("image",), layers, "clip", 5).apply({"image": x})["image"]
    with torch.no_grad():
        theirs = torch.nn.functional.normalize(network(torch.from_numpy((x - mean) / deviation)), dim=-1)
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-6)


def test_heads_come_back_from_the_workspace_and_map_new_rows(workspace: Workspace, tmp_path: Path) -> None:
    source = features(workspace, tmp_path)
    made = adapt_heads(workspace, source, config=config(epochs=2), shape=HeadShape(16, 8, 0.0))
    heads = load_adapter(workspace, made.name)
    assert isinstance(heads, Heads)
    rows = np.asarray(embedding_sets.load(workspace, source).vectors["caption"][:3])
    mapped = adapt_query(workspace, made.name, "caption", rows)
    np.testing.assert_array_equal(mapped, embedding_sets.load(workspace, made.name).vectors["caption"][:3])
    with pytest.raises(ValueError, match="no strength"):
        heads.apply({"caption": rows}, strength=0.5)


def test_same_seed_same_heads(workspace: Workspace, tmp_path: Path) -> None:
    source = features(workspace, tmp_path)
    names = [adapt_heads(workspace, source, config=config(epochs=2), name=n).name for n in ("one", "two")]
    first, second = (embedding_sets.load(workspace, n).vectors["image"] for n in names)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("split", ["train", "val", "all"])
def test_rows_of_fit_and_choice_of_epoch_are_not_scored(
    workspace: Workspace, tmp_path: Path, split: str
) -> None:
    made = adapt_heads(workspace, features(workspace, tmp_path), config=config(epochs=1))
    with pytest.raises(Refused, match="Score it on: 'test'") as caught:
        evaluation(workspace, made.name, split=split)
    assert caught.value.code == "fit_is_score"


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"batch": 200}, {}, "needs as many studies; 'train' has 140"),
        ({}, {"fit_split": "test"}, "Choose two different splits"),
        ({}, {"val_split": "test"}, "usable: val"),
        ({"learning_rate": float("nan")}, {}, "learning_rate must be"),
        ({"objective": replace(preset("clip"), anchor="ecg")}, {}, "must be one of image, caption"),
    ],
)
def test_what_cannot_work_is_said_first(
    workspace: Workspace, tmp_path: Path, changes: dict, options: dict, message: str
) -> None:
    source = features(workspace, tmp_path)
    with pytest.raises(Refused, match=message):
        adapt_heads(workspace, source, config=replace(config(), **changes), **options)
    assert [r.name for r in workspace.records(SET)] == [source]


def test_heads_at_work_do_not_disturb_who_watches_trainings(workspace: Workspace, tmp_path: Path) -> None:
    from suture.models.training import record

    seen: list[int] = []
    source = features(workspace, tmp_path)
    adapt_heads(
        workspace,
        source,
        config=config(epochs=1),
        report=lambda share, text: seen.append(len(record.unfinished_runs(workspace))),
    )
    assert seen
    assert set(seen) == {0}
