"""Which weights are trained and which stay: locked towers, heads on frozen towers, stored temperatures."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from suture.data.collections import storage
from suture.data.errors import Refused
from suture.data.workspace import CHECKPOINT, Workspace, embedding_sets
from suture.models import builtin
from suture.models.checkpoints import registry
from suture.models.checkpoints.architecture import WEIGHTS, instantiate
from suture.models.checkpoints.encoders import open_clip_model
from suture.models.embedding.embed import embed
from suture.models.training.networks import (
    MAX_SCALE,
    HeadNetwork,
    Projections,
    Towers,
    lock,
    projection_name,
    without_projection,
)
from suture.models.training.run import train
from tests.models.training_runs import NAME, asked

KINDS = {"image": "image", "report": "text"}


def weights(workspace: Workspace, name: str) -> dict[str, Tensor]:
    return load_file(workspace.record(CHECKPOINT, name).path(WEIGHTS))


def changed(workspace: Workspace, name: str) -> set[str]:
    """Names of weights that are not bit-identical to those of the start checkpoint."""
    before, after = weights(workspace, builtin.UNTRAINED), weights(workspace, name)
    assert before.keys() == after.keys()
    return {k for k in before if not torch.equal(before[k], after[k])}


def is_image(name: str) -> bool:
    return name.startswith("visual.")


def tiny_model() -> torch.nn.Module:
    torch.manual_seed(0)
    return instantiate(builtin.config(), builtin.FOLDER)


def test_heads_on_frozen_towers_change_the_projections_alone(tiny: Workspace) -> None:
    objective = {"preset": "clip-fixed", "temperature_start": 0.1}
    train(tiny, asked(name="heads only", train="heads", objective=objective), device="cpu")
    assert changed(tiny, "heads only") == {"visual.proj", "text_projection", "logit_scale"}
    assert weights(tiny, "heads only")["logit_scale"].item() == pytest.approx(-math.log(0.1))


def test_embedding_with_trained_heads_is_features_times_projection(tiny: Workspace) -> None:
    train(tiny, asked(name="heads embed", train="heads", objective="clip"), device="cpu")
    run = embed(tiny, NAME, "heads embed", device="cpu")
    found = embedding_sets.load(tiny, run.name)
    checkpoint = registry.load(tiny, builtin.UNTRAINED, device="cpu")
    model = open_clip_model(checkpoint)
    for kind in ("image", "text"):
        without_projection(model, kind)
    collection, pack = storage.load(tiny, NAME), storage.image_pack(tiny, NAME)
    assert pack is not None
    numbers = collection.table["image"].to_numpy()[:20]
    reports = collection.table["report"].tolist()[:20]
    pictures, _ = checkpoint.encoders["image"].prepare(pack.decode_many(map(int, numbers)))
    tokens, _ = checkpoint.encoders["text"].prepare(reports)
    kept = weights(tiny, "heads embed")
    with torch.no_grad():
        features = {
            "image": model.encode_image(pictures) @ kept["visual.proj"],
            "report": model.encode_text(tokens) @ kept["text_projection"],
        }
    for name, rows in features.items():
        unit = torch.nn.functional.normalize(rows, dim=1).numpy()
        np.testing.assert_allclose(found.vectors[name][:20], unit, atol=1e-5)


@pytest.mark.parametrize("locked", ["image", "text"])
def test_a_locked_tower_keeps_its_weights(tiny: Workspace, locked: str) -> None:
    train(tiny, asked(name=f"locked {locked}", objective="clip", **{f"lock_{locked}": True}), device="cpu")
    moved = changed(tiny, f"locked {locked}") - {"logit_scale"}
    assert moved
    assert all(is_image(name) == (locked == "text") for name in moved)


def test_unlocked_layers_of_a_locked_tower_are_trained(tiny: Workspace) -> None:
    config = asked(name="partly", objective="clip", lock_image=True, lock_text=True, unlocked_image=2)
    train(tiny, config, device="cpu")
    moved = changed(tiny, "partly") - {"logit_scale"}
    assert "visual.proj" in moved
    assert all(is_image(name) for name in moved)
    assert not any("resblocks.0." in name or "conv1" in name for name in moved)


def test_a_tower_that_nothing_goes_through_keeps_its_weights(tiny: Workspace) -> None:
    train(tiny, asked(name="texts", objective="clip", modalities=["report", "history"]), device="cpu")
    moved = changed(tiny, "texts")
    assert len(moved) > 10
    assert not any(is_image(name) for name in moved)


@pytest.mark.parametrize(
    ("kind", "temperature"),
    [("fixed", 0.07), ("linear", 0.2), ("cosine", 0.2)],
)
def test_the_last_temperature_is_stored_with_the_weights(
    tiny: Workspace, kind: str, temperature: float
) -> None:
    ends = {"temperature_start": 0.07, "temperature_end": 0.2}
    objective = {"preset": "clip", "temperature": kind, **ends}
    train(tiny, asked(name=f"T {kind}", objective=objective, train="heads"), device="cpu")
    kept = weights(tiny, f"T {kind}")["logit_scale"].item()
    assert kept == pytest.approx(-math.log(temperature))


def test_a_learnable_temperature_starts_from_the_checkpoint_and_moves(tiny: Workspace) -> None:
    history = train(tiny, asked(name="learnt", objective="clip", train="heads"), device="cpu").history
    start = math.exp(-weights(tiny, builtin.UNTRAINED)["logit_scale"].item())
    temperatures = [row["temperature"] for row in history.steps]
    assert temperatures[0] == pytest.approx(start, rel=0.01)
    assert len(set(temperatures)) == len(temperatures)
    assert "logit_scale" in changed(tiny, "learnt")
    for config in (asked(start_temperature=0.3), asked(init="random")):
        network = Towers(tiny_model(), KINDS, config)
        temperature = config.start_temperature or config.objective.temperature_start
        assert network.logit_scale.item() == pytest.approx(-math.log(temperature))


def test_random_weights_follow_from_the_seed(tiny: Workspace) -> None:
    for name, seed in (("one", 1), ("two", 2)):
        train(tiny, asked(name=name, init="random", seed=seed, learning_rate=1e-9), device="cpu")
    one, two = weights(tiny, "one"), weights(tiny, "two")
    start = weights(tiny, builtin.UNTRAINED)
    for name in ("visual.proj", "token_embedding.weight"):
        assert not torch.allclose(one[name], two[name], atol=1e-4)
        assert not torch.allclose(one[name], start[name], atol=1e-4)
    torch.manual_seed(1)
    fresh = instantiate(builtin.config(), builtin.FOLDER).state_dict()
    torch.testing.assert_close(one["visual.proj"], fresh["visual.proj"], atol=1e-6, rtol=0)


def test_missing_rows_are_zero_and_others_unit() -> None:
    heads = HeadNetwork({"image": 4, "report": 6}, asked(), dim=8, hidden=5, dropout=0.1).eval()
    present = torch.tensor([[True, True, False], [False, True, True]])
    z, scale, bias = heads({"image": torch.randn(2, 4), "report": torch.randn(2, 6)}, present)
    assert z.shape == (2, 3, 8)
    torch.testing.assert_close(z.norm(dim=-1), present.float())
    assert bias is None
    assert scale.item() == pytest.approx(1 / 0.07, rel=1e-5)
    none = torch.zeros(2, 3, dtype=torch.bool)
    z, _, _ = heads({"image": torch.randn(1, 4), "report": torch.randn(1, 6)}, none)
    assert not z.any()


def test_the_temperature_stays_in_range() -> None:
    heads = HeadNetwork({"image": 4, "report": 4}, asked(objective="clip"), dim=4, hidden=0, dropout=0)
    for value, kept in ((9.0, MAX_SCALE), (-1.0, 0.0), (2.0, 2.0)):
        heads.logit_scale.data.fill_(value)
        heads.clamp()
        assert heads.logit_scale.item() == pytest.approx(kept)


def test_projections_answer_as_the_towers_they_were_taken_from() -> None:
    model = tiny_model()
    pictures, tokens = torch.randn(3, 3, 96, 96), torch.randint(1, 4000, (3, 64))
    present = torch.ones(2, 3, dtype=torch.bool)
    inputs = {"image": pictures, "report": tokens}
    config = asked(objective="clip")
    with torch.no_grad():
        expected, _, _ = Towers(model, KINDS, config).eval()(inputs, present)
        heads = Projections(model, KINDS, config)
        assert [without_projection(model, k) for k in ("image", "text")] == ["visual.proj", "text_projection"]
        features = {"image": model.encode_image(pictures), "report": model.encode_text(tokens)}
        found, _, _ = heads(features, present)
    assert features["image"].shape == (3, 160)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_a_tower_without_projection_has_no_head_to_train() -> None:
    model = tiny_model()
    without_projection(model, "image")
    assert projection_name(model, "text") == "text_projection"
    with pytest.raises(Refused, match="image tower ends without a projection") as refused:
        projection_name(model, "image")
    assert refused.value.code == "no_projection"
    assert "--train all" in refused.value.message


def test_batch_norm_keeps_its_statistics_while_training() -> None:
    model = tiny_model()
    model.visual.extra = torch.nn.BatchNorm2d(3)
    towers = Towers(model, KINDS, asked()).train()
    assert towers.training
    assert model.visual.training
    assert not model.visual.extra.training


def test_last_layers_of_a_hugging_face_text_tower_stay_trainable() -> None:
    from transformers import BertConfig, BertModel

    class Model:
        """The structure of such a tower in open_clip: `text.transformer` and `text.proj`."""

        def __init__(self) -> None:
            self.text = torch.nn.Module()
            sizes = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 30}
            self.text.transformer = BertModel(BertConfig(num_hidden_layers=3, **sizes))
            self.text.proj = torch.nn.Linear(16, 8)

        def lock_text_tower(self) -> None:
            self.text.transformer.requires_grad_(False)

    model = Model()
    lock(model, "text", 1)
    free = {n for n, p in model.text.named_parameters() if p.requires_grad}
    assert {n.split(".")[3] for n in free if n.startswith("transformer.encoder")} == {"2"}
    assert "proj.weight" in free
    lock(model, "text", 0)
    assert {n for n, p in model.text.named_parameters() if p.requires_grad} == {"proj.weight", "proj.bias"}


def test_a_tower_that_cannot_be_taken_apart_says_so() -> None:
    from open_clip.modified_resnet import ModifiedResNet

    class Model:
        visual = ModifiedResNet((1, 1, 1, 1), output_dim=8, heads=2, image_size=32, width=8)

        def lock_image_tower(self, unlocked_groups: int) -> None:
            self.visual.lock(unlocked_groups)

    with pytest.raises(Refused, match="cannot be unlocked") as caught:
        lock(Model(), "image", 2)
    assert caught.value.code == "unlock_unsupported"
