"""One step: chunks and processes give the loss and the gradients of the whole batch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from suture.data.collections import storage
from suture.data.errors import Refused
from suture.data.workspace import COLLECTION, Workspace
from suture.models import builtin
from suture.models.checkpoints import registry
from suture.models.training import token_cache
from suture.models.training.batches import Batch, StudySource, VectorSource, augmented, chunks, epoch_order
from suture.models.training.loop import start_fabric
from suture.models.training.networks import Network, Towers
from suture.models.training.step import BatchLoss, backward, forward, gather_batch
from tests.models import distributed_step as steps
from tests.models.training_runs import NAME, ROOT, asked

Tensors = Mapping[str, torch.Tensor]


@pytest.fixture(scope="module")
def source(tiny_home: Path, tmp_path_factory: pytest.TempPathFactory) -> StudySource:
    """Images and texts of the tiny collection, augmented."""
    workspace = Workspace(tiny_home)
    record = workspace.record(COLLECTION, NAME)
    collection = storage.load_without_texts(record)
    checkpoint = registry.load(workspace, builtin.UNTRAINED, device="cpu")
    pack = storage.image_pack(workspace, NAME)
    encoders, place = checkpoint.encoders, tmp_path_factory.mktemp("tokens")
    fabric = start_fabric("float32", "cpu")
    told = token_cache.cache_tokens(
        storage.blocks(record), collection.modalities, encoders["text"], place, fabric
    )
    return StudySource(collection, pack, collection.modalities, encoders, **vars(told), augment=True)


def assert_same(found: Tensors, expected: Tensors, *, tolerance: float = 1e-5) -> None:
    """Equal names; each gradient within `tolerance` of the largest entry of the expected one."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        scale = max(float(value.abs().max()), 1e-3)
        torch.testing.assert_close(found[name], value, rtol=0, atol=tolerance * scale, msg=name)


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("case", steps.CASES[:5])
def test_chunks_give_the_gradients_of_the_whole_batch(case: str, count: int) -> None:
    """With four chunks the first one has no history at all."""
    whole = steps.gradients(case, 1)
    assert_same(steps.gradients(case, count), whole)
    assert all(bool(g.any()) for g in whole.values())
    assert ("logit_scale" in whole) == (case in ("clip", "siglip", "swap", "texts alone"))
    assert ("logit_bias" in whole) == (case == "siglip")


def test_dropout_falls_the_same_way_in_both_passes_over_a_chunk() -> None:
    """Compared with the same chunks with all their activations held in one graph."""
    network = steps.network_of("heads")
    parts = [steps.batch_of("heads", rows) for rows in torch.arange(steps.STUDIES).split(4)]
    answers = [forward(network, part, 5 + i) for i, part in enumerate(parts)]
    z = torch.cat([answer[0] for answer in answers], dim=1)
    whole = gather_batch(start_fabric("float32", "cpu"), parts)
    loss = BatchLoss(asked(objective="clip").objective, 0)
    losses = loss(z, whole, answers[0][1], None, progress=0.3, seed=5)
    losses.total.backward()
    expected = {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}
    assert_same(steps.gradients("heads", 4), {"loss": losses.total.detach(), **expected})
    apart = forward(network, parts[0], 5)[0], forward(network, parts[0], 6)[0]
    assert not torch.equal(*apart)  # dropout is active


@pytest.mark.slow  # two more Pythons load torch and open_clip
def test_two_processes_give_the_gradients_of_one(tmp_path: Path) -> None:
    """Each in one chunk and in two, also with dropout: chunks are numbered over all processes."""
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = ["tests/models/distributed_step.py", str(tmp_path / "made.pt")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, *run, *script], cwd=ROOT, env=environment, check=True)
    made = torch.load(tmp_path / "made.pt", weights_only=True)
    for case in steps.CASES:
        for count in (1, 2):
            expected = steps.gradients(case, 2 * count if case == "heads" else 1)
            assert_same(made[f"{case} {count}"], expected)


def test_a_study_without_history_says_nothing_about_histories() -> None:
    """The placeholder for a chunk's missing histories does not affect any gradient."""
    batch = steps.batch_of("clip", torch.arange(steps.STUDIES))
    lacking = steps.batch_of("clip", torch.arange(4))
    rest = steps.batch_of("clip", torch.arange(4, steps.STUDIES))
    junk = Batch({**lacking.inputs, "history": lacking.inputs["history"].flip(1)}, *_about(lacking))
    assert len(batch.inputs["history"]) == steps.STUDIES - 4
    assert_same(_gradients([junk, rest]), _gradients([lacking, rest]), tolerance=0)
    other = Batch({**lacking.inputs, "report": lacking.inputs["report"].flip(1)}, *_about(lacking))
    with pytest.raises(AssertionError):
        assert_same(_gradients([other, rest]), _gradients([lacking, rest]))


def _about(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    return batch.present, batch.keys


def _gradients(parts: list[Batch]) -> dict[str, torch.Tensor]:
    network = steps.network_of("clip")
    fabric = start_fabric("float32", "cpu")
    wrapped = fabric.setup_module(network)
    backward(
        fabric, wrapped, parts, BatchLoss(asked(objective="gap-closing").objective, 0), progress=0.3, seed=5
    )
    return {n: p.grad for n, p in network.named_parameters() if p.grad is not None}


def test_cached_vectors_of_missing_modalities_are_never_looked_at() -> None:
    present = np.array([[True] * 6, [True, False] * 3])
    vectors = {"image": np.ones((6, 3), np.float32), "report": np.full((6, 2), np.nan, np.float32)}
    vectors["report"][present[1]] = 1
    batch = VectorSource(vectors, present, np.full((2, 6), -1)).batch(np.arange(6), epoch=0, seed=0)
    assert torch.isfinite(batch.inputs["report"]).all()
    assert batch.inputs["report"].shape == (3, 2)


def test_a_batch_in_which_nothing_can_be_compared_is_refused() -> None:
    z = torch.nn.functional.normalize(torch.randn(3, 2, 4), dim=-1)
    present = torch.tensor([[True, True], [True, False], [False, True]])
    present[0] = torch.tensor([True, False])
    present[2] = torch.tensor([False, True])
    batch = Batch({}, present, torch.full((3, 2), -1))
    with pytest.raises(Refused, match="Use a larger batch") as refused:
        BatchLoss(asked(objective="clip").objective, 0)(
            z, batch, torch.tensor(10.0), None, progress=0, seed=0
        )
    assert refused.value.code == "batch_without_pairs"


def test_a_study_looks_the_same_in_any_chunk_and_process(source: StudySource) -> None:
    rows = np.arange(3, 19)
    whole = source.batch(rows, epoch=2, seed=9)
    parts = [p for rank in (0, 1) for p in chunks(rows, count=2, rank=rank, world=2)]
    assert [len(p) for p in parts] == [4, 4, 4, 4]
    divided = [source.batch(p, epoch=2, seed=9) for p in parts]
    for number, (name, values) in enumerate(whole.inputs.items()):
        there = [d.inputs[name] for d in divided if d.present[number].any()]
        assert torch.equal(torch.cat(there), values)
    for change in ({"epoch": 3, "seed": 9}, {"epoch": 2, "seed": 8}, {"epoch": None, "seed": 9}):
        assert not torch.equal(source.batch(rows, **change).inputs["image"], whole.inputs["image"])


def test_the_order_of_an_epoch_follows_from_seed_and_epoch() -> None:
    rows = np.arange(100, 150)
    one = epoch_order(rows, seed=1, epoch=4, batch=16)
    assert np.array_equal(one, epoch_order(rows, seed=1, epoch=4, batch=16))
    assert not np.array_equal(one, epoch_order(rows, seed=1, epoch=5, batch=16))
    assert not np.array_equal(one, epoch_order(rows, seed=2, epoch=4, batch=16))
    assert [len(b) for b in one] == [16, 16, 16]
    assert len(np.unique(np.concatenate(one))) == 48


def test_pictures_are_never_mirrored() -> None:
    """A bright left half stays on the left."""
    picture = torch.zeros(3, 96, 96)
    picture[:, :, :48] = 1
    for number in range(300):
        seen = augmented(picture, np.random.default_rng([0, 1, number]))
        assert seen[:, :, 8:40].mean() > seen[:, :, 56:88].mean() + 0.5


def test_batches_of_the_collection_are_what_the_checkpoint_would_be_given(source: StudySource) -> None:
    """Without augmentation a training batch has the same embeddings as from the encoders."""
    encoder = source.encoders["image"]
    assert source.pack is not None
    pictures, _ = encoder.prepare(source.pack.decode_many([4, 5]))
    assert torch.equal(source.batch(np.array([4, 5]), epoch=None, seed=0).inputs["image"], pictures)
    network: Network = Towers(encoder.model, source.kinds, asked(objective="clip")).eval()
    batch = source.batch(np.array([4, 5]), epoch=None, seed=0)
    with torch.no_grad():
        z, _, _ = network(batch.inputs, batch.present)
    torch.testing.assert_close(z[0], encoder.encode(pictures), atol=1e-6, rtol=0)
