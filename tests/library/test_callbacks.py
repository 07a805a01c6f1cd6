"""`GapMonitor` in a plain loop and `GapCallback` under a Trainer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

import suture
from suture.analysis.evaluate import probe
from suture.library.lightning import _arguments
from tests.library.test_evaluation import pair

NUMBERS = {"centroid_gap", "cos_true_pairs", "recall_at_1", "recall_at_5", "recall_at_10", "effective_rank"}


def test_an_epoch_in_batches_is_the_probe_of_training() -> None:
    image, text = pair()
    logged: list[tuple[str, float, int]] = []
    monitor = suture.GapMonitor(lambda *row: logged.append(row))
    for start in range(0, 40, 16):
        rows = slice(start, start + 16)
        monitor.update(
            image_features=torch.tensor(image[rows], requires_grad=True),
            text_features=torch.tensor(text[rows]).bfloat16().float(),
            logit_scale=torch.tensor(1.0),
            groups=np.arange(40)[rows] // 2,
            texts=[f"Text {i // 2}" for i in range(40)[rows]],
        )
    assert len(monitor) == 40
    row = monitor.epoch_end(3)
    assert row.keys() >= NUMBERS
    assert (row["epoch"], row["n"], row["guards"]) == (3, 40, [])
    rounded = torch.tensor(text).bfloat16().float().numpy()
    unit = {m: x / np.linalg.norm(x, axis=1, keepdims=True) for m, x in (("image", image), ("text", rounded))}
    keys = {"image": np.full(40, -1), "text": np.arange(40) // 2}
    expected = probe.probe_metrics(unit, keys, np.arange(40) // 2)
    assert {k: row[k] for k in expected} == pytest.approx(expected, abs=1e-3)
    assert ("gap/centroid_gap", row["centroid_gap"], 3) in logged
    assert ("gap/guards", 0.0, 3) in logged
    assert len(monitor) == 0


def test_a_collapse_is_told() -> None:
    rng = np.random.default_rng(0)
    monitor = suture.GapMonitor()
    meaning = rng.normal(size=(60, 16))
    monitor.update(meaning + 0.3 * rng.normal(size=(60, 16)), meaning)
    assert monitor.epoch_end(0)["guards"] == []
    monitor.update(meaning + 20, meaning + 20)
    assert monitor.epoch_end(1)["guards"]
    frame = monitor.to_frame()
    assert list(frame.epoch) == [0, 1]
    assert isinstance(monitor.figure("effective_rank"), go.Figure)
    assert repr(monitor).startswith("<GapMonitor: 2 epochs, last gap ")
    with pytest.raises(suture.NotFound, match="centroid_gap"):
        monitor.figure("gap")


def test_only_so_many_studies_are_kept() -> None:
    image, text = pair()
    monitor = suture.GapMonitor(limit=25)
    for _ in range(3):
        monitor.update(image, text, texts=["a"] * 40)
    assert monitor.epoch_end(0)["n"] == 25


def test_modalities_by_name() -> None:
    image, text = pair()
    monitor = suture.GapMonitor()
    monitor.update({"report": text, "image": image, "history": text + 1})
    assert monitor.epoch_end(0)["centroid_gap"] > 0


def test_wrong_input_is_a_user_error() -> None:
    image, text = pair()
    bad = text.copy()
    bad[0, 0] = np.nan
    monitor = suture.GapMonitor()
    with pytest.raises(suture.Refused, match="2 are needed"):
        monitor.epoch_end(0)
    with pytest.raises(suture.Refused, match=r"one shape .*text \(3, 8\)"):
        monitor.update(image, text[:3])
    with pytest.raises(suture.Refused, match="'text' has NaN"):
        monitor.update(image, bad)
    with pytest.raises(suture.Refused, match="'text' is zero"):
        monitor.update(image, text * 0)
    with pytest.raises(suture.Refused, match="one value for each"):
        monitor.update(image, text, groups=[1])
    monitor.update(image, text)
    with pytest.raises(suture.Refused, match="width 3; those before had 8"):
        monitor.update(image[:, :3], text[:, :3])
    with pytest.raises(suture.Refused, match="every batch, or with none"):
        monitor.update(image, text, groups=range(40))
    with pytest.raises(suture.Refused, match="those before had image, text"):
        monitor.update({"image": image, "report": text})
    with pytest.raises(suture.Refused, match="2 studies or more"):
        suture.GapMonitor(limit=1)


class Module:
    """What a Trainer gives to callbacks, of a LightningModule."""

    def __init__(self) -> None:
        self.logged: list[dict[str, float]] = []

    def log_dict(self, numbers: dict[str, float]) -> None:
        self.logged.append(numbers)


def validate(callback: Any, trainer: Any, module: Any, outputs: Any) -> None:
    """The hooks of a validation in Lightning's order."""
    callback.on_validation_epoch_start(trainer, module)
    for number, batch in enumerate(outputs):
        callback.on_validation_batch_end(trainer, module, batch, None, number)
    callback.on_validation_epoch_end(trainer, module)


def test_a_trainer_logs_each_validation_but_the_sanity_check() -> None:
    image, text = map(torch.tensor, pair())
    outputs = [
        {"loss": torch.tensor(1.0), "image_features": image[i : i + 20], "text_features": text[i : i + 20]}
        for i in (0, 20)
    ]
    callback, module = suture.GapCallback(), Module()
    trainer = SimpleNamespace(sanity_checking=True, current_epoch=0, world_size=1)
    validate(callback, trainer, module, outputs)
    assert module.logged == []
    trainer.sanity_checking = False
    for trainer.current_epoch in (0, 1):
        validate(callback, trainer, module, outputs)
    assert [row["epoch"] for row in callback.monitor.history] == [0, 1]
    assert {f"gap/{name}" for name in NUMBERS} <= module.logged[1].keys()
    assert module.logged[1]["gap/guards"] == 0
    again = suture.GapCallback()
    again.load_state_dict(callback.state_dict())
    assert again.monitor.history == callback.monitor.history


def test_features_come_as_a_pair_or_from_a_function() -> None:
    image, text = pair()
    assert _arguments((image, text)).keys() == {"image_features", "text_features"}
    assert _arguments({"image": image, "report": text}).keys() == {"image_features"}
    with pytest.raises(suture.Refused, match="features=lambda outputs, batch"):
        _arguments({"loss": 1.0, "x": 2})
    with pytest.raises(suture.Refused, match="Got NoneType"):
        _arguments(None)
    callback, module = suture.GapCallback(lambda outputs, batch: (image, text)), Module()
    validate(callback, SimpleNamespace(current_epoch=0), module, [None])
    assert callback.monitor.history[0]["n"] == 40


def test_under_lightnings_own_trainer() -> None:  # 5 s: Lightning is imported
    lightning = pytest.importorskip("lightning.pytorch")
    image, text = map(torch.tensor, pair())

    class Towers(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.tower = torch.nn.Linear(8, 8)
            self.loss = suture.GapLoss()

        def training_step(self, batch: Any, number: int) -> torch.Tensor:
            return self.loss(self.tower(batch[0]), batch[1])  # type: ignore[no-any-return]

        def validation_step(self, batch: Any, number: int) -> dict[str, torch.Tensor]:
            return {"image_features": self.tower(batch[0]), "text_features": batch[1]}

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters())

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(image, text), 20)
    callback = suture.GapCallback()
    trainer = lightning.Trainer(
        max_epochs=2,
        accelerator="cpu",
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Towers(), data, data)
    assert [row["n"] for row in callback.monitor.history] == [40, 40]
    assert float(trainer.callback_metrics["gap/centroid_gap"]) == pytest.approx(
        callback.monitor.history[-1]["centroid_gap"]
    )
